"""What the displays share: colors, names as labels, figures as SVG."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import io
import re
import unicodedata
from xml.etree import ElementTree  # nosec B405 # of what matplotlib wrote

import numpy as np

# Okabe and Ito's colors, told apart with every kind of color vision.
COLORS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"]
MARKERS = ["o", "s", "^", "D", "v", "P", "X", "<", ">"]
GREY = "#7f7f7f"
PAPER, INK, GRID = "#fefefe", "#1f2328", "#d8dce1"

# Colors of a figure, and the variables of a page that stand in for them.
VARIABLES = {
    **{color: f"var(--series-{i + 1})" for i, color in enumerate(COLORS)},
    GREY: "var(--grey)",
    PAPER: "var(--paper)",
    INK: "var(--ink)",
    GRID: "var(--grid)",
}
SVG_STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "skpoison",
    "font.size": 10.0,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": GREY,
    "axes.titlesize": 10.0,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": GRID,
    "xtick.color": INK,
    "ytick.color": INK,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
}
# Where a label may stand from its point, in points: the nearest first.
OFFSETS = np.array(
    [
        (dx * radius, dy * radius)
        for radius in (6, 16, 30, 48)
        for dx, dy in [(1, 0), (1, 1), (1, -1), (-1, 0), (-1, 1), (-1, -1)]
    ]
)
INVISIBLE = {"Cc", "Cs", "Cn", "Co", "Zl", "Zp"}
# Marks that turn the direction of what follows, which is not theirs to turn.
TURNING = dict.fromkeys([0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F)])
TURNING |= dict.fromkeys(range(0x2066, 0x206A))


def printable(text):
    """Text without what XML or UTF-8 cannot hold, or what turns other texts round."""
    text = re.sub(r"\s", " ", str(text)).translate(TURNING)
    return "".join(
        "\N{REPLACEMENT CHARACTER}" if unicodedata.category(c) in INVISIBLE else c
        for c in text
    )


def shorten(name, width=28):
    """Name in at most `width` characters, left out in the middle."""
    name = printable(name).strip() or "(no name)"
    if len(name) <= width:
        return name
    head = (width - 1) // 2
    return f"{name[:head].rstrip()}…{name[head + 1 - width :].lstrip()}"


def distinct_labels(names, numbers, width=28):
    """Shorten names; those that look alike then get the number of their own.

    A long conjunction, "sex=Male & race=White", is first cut down to its values.
    """
    names = [name if len(name) <= width else _values(name) for name in names]
    labels = [shorten(name, width) for name in names]
    return [
        label
        if labels.count(label) == 1
        else f"{number}: {shorten(name, width - len(f'{number}: '))}"
        for label, name, number in zip(labels, names, numbers, strict=True)
    ]


def _values(name):
    values = [part.partition("=")[2] or part for part in name.split(" & ")]
    return " & ".join(values)


def as_data(text):
    """Make a text of a figure show its characters: names are no formulas."""
    text.set_parse_math(False)
    text.set_usetex(False)
    return text


def import_pyplot(caller):
    """Import `matplotlib.pyplot`, or an error that says how to get it."""
    _import_matplotlib(caller)
    import matplotlib.pyplot as plt

    return plt


def _import_matplotlib(caller):
    try:
        import matplotlib
    except ImportError as error:
        raise ImportError(
            f"{caller} draws with matplotlib, which is not installed. Install it with: "
            'pip install "skpoison[plot]"'
        ) from error
    return matplotlib


def show_percent(axis):
    """Write the ticks of an axis of accuracies in percent."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis.set_major_locator(MaxNLocator(7, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(
        FuncFormatter(lambda share, _: signed(f"{100 * share:.3g}%"))
    )


def signed(number):
    """Write a number with a minus sign instead of a hyphen."""
    return number.replace("-", "\N{MINUS SIGN}")


def add_legend(ax, handles, names, **kwargs):
    """Legend of names that come from data.

    It goes below the axes where the figure has a layout engine, which makes room
    for it, and inside of them otherwise.
    """
    if ax.figure.get_layout_engine() is not None:
        from matplotlib.transforms import ScaledTranslation

        below = ScaledTranslation(0, -42 / 72, ax.figure.dpi_scale_trans)
        place = {
            "loc": "upper left",
            "bbox_to_anchor": (0, 0),
            "bbox_transform": ax.transAxes + below,
            "borderaxespad": 0,
            "ncols": 2 if max(map(len, names)) <= 24 else 1,
            "frameon": False,
            "columnspacing": 1.2,
        }
    else:
        place = {"loc": "best", "framealpha": 0.8}
    style = {"fontsize": "small", "handlelength": 1.8, **place, **kwargs}
    # Matplotlib has a meaning for labels that start with _, so they come later.
    legend = ax.legend(handles, [str(i) for i in range(len(names))], **style)
    for text, name in zip(legend.get_texts(), names, strict=True):
        as_data(text).set_text(name)
    return legend


def label_points(ax, x, y, names, *, avoid):
    """Write names next to points where there is room, the first ones first.

    Parameters
    ----------
    ax : Axes
        Where the points are. The layout of its figure is settled.

    x, y : array-like of shape (n_labels,)
        Points to name.

    names : list of str
        Short names.

    avoid : ndarray of shape (n_points, 2)
        Points, in data coordinates, that a label better leaves visible.

    Returns
    -------
    annotations : list of Annotation or None
        One for each name; `None` where it would cover another.
    """
    avoid = ax.transData.transform(avoid)
    legend = ax.get_legend()
    taken = [] if legend is None else [legend.get_window_extent()]
    annotations = []
    for point, name in zip(zip(x, y, strict=True), names, strict=True):
        annotation = _place(ax, point, name, taken, avoid)
        if annotation is not None:
            taken.append(_text_box(annotation))
        annotations.append(annotation)
    return annotations


def _place(ax, point, name, taken, avoid):
    from matplotlib.transforms import Bbox

    draft = _annotate(ax, point, name, 0, 0)
    size = _text_box(draft).size
    draft.remove()
    origin, frame = ax.transData.transform(point), ax.get_window_extent()
    best, least = None, np.inf
    for offset in OFFSETS:
        near = origin + offset * ax.figure.dpi / 72
        corner = near - size * [offset[0] < 0, 0.5]
        box = Bbox.from_bounds(*corner, *size)
        inside = (box.min >= frame.min).all() and (box.max <= frame.max).all()
        if not inside or any(box.overlaps(other) for other in taken):
            continue
        covered = box.count_contains(avoid)
        if covered < least:
            best, least = offset, covered
        if covered == 0:
            break
    return None if best is None else _annotate(ax, point, name, *best)


def _text_box(annotation):
    """Where the text is, without the line that leads to it."""
    from matplotlib.text import Text

    # The first call moves the text to its offset.
    annotation.get_window_extent()
    return Text.get_window_extent(annotation)


def _annotate(ax, point, name, dx, dy):
    annotation = ax.annotate(
        name,
        point,
        (dx, dy),
        textcoords="offset points",
        ha="left" if dx > 0 else "right",
        va="center",
        fontsize="small",
        bbox={"facecolor": PAPER, "alpha": 0.75, "edgecolor": "none", "pad": 0.5},
        arrowprops={"arrowstyle": "-", "color": GREY, "linewidth": 0.7, "shrinkB": 2},
    )
    # Its place is chosen within the axes: it asks the layout for no room.
    annotation.set_in_layout(False)
    return as_data(annotation)


def draw_svg(draw, *, caller, ident, title, size=(5.2, 4.1)):
    """Figure as an SVG element to put into a page.

    The same figure gives the same text, whatever the user's settings; no pyplot
    state is touched. Colors are those of the page, so that they follow its theme.

    Parameters
    ----------
    draw : callable
        Called with the axes to draw into.

    caller : str
        Who needs matplotlib, for the error.

    ident : str
        Prefix of the identifiers inside, distinct on one page.

    title : str
        What the figure shows, for those who cannot see it.

    size : tuple of float, default=(5.2, 4.1)
        Width and height in inches.

    Returns
    -------
    svg : str
        The element.
    """
    _import_matplotlib(caller)
    import warnings

    from matplotlib import style
    from matplotlib.figure import Figure

    file = io.StringIO()
    with style.context(["default", SVG_STYLE]), warnings.catch_warnings():
        # The reader's browser draws the texts, with fonts of its own.
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        figure = Figure(figsize=size, layout="constrained")
        draw(figure.subplots())
        figure.savefig(file, format="svg", metadata={"Date": None})
    return _embed(file.getvalue(), ident, title)


def _embed(svg, ident, title):
    """Strip a standalone SVG file down to an element of a page."""
    root = ElementTree.fromstring(svg)  # nosec B314 # which matplotlib wrote
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag.rpartition("}")[2] in {"metadata", "style"}:
                parent.remove(child)
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        element.tail = None
        element.attrib = {
            key.rpartition("}")[2]: _attribute(key.rpartition("}")[2], value, ident)
            for key, value in element.attrib.items()
        }
    for size in ("width", "height", "version"):
        root.attrib.pop(size, None)
    root.attrib |= {"role": "img", "aria-labelledby": f"{ident}-title"}
    heading = ElementTree.Element("title", {"id": f"{ident}-title"})
    heading.text = title
    root.insert(0, heading)
    return ElementTree.tostring(root, encoding="unicode")


def _attribute(key, value, ident):
    if key == "id":
        return f"{ident}-{value}"
    if key == "href":
        return value.replace("#", f"#{ident}-", 1)
    value = value.replace("url(#", f"url(#{ident}-")
    return re.sub(
        r"(?<![(\w])#[0-9a-f]{6}\b", lambda m: VARIABLES.get(m[0], m[0]), value
    )
