"""Names that come from data are text in every report, whatever they hold."""

from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from skpoison import DefenseAudit, FeatureMatch, SubpopulationAudit
from skpoison.audit._display_tools import printable, shorten
from skpoison.audit._html_text import escape, name
from skpoison.defenses import PartitionAggregation
from skpoison.mixture import impossibility_bound

pytest.importorskip("matplotlib")

HOSTILE = [
    "<script>alert(1)</script>",
    "</script><script>alert(1)//",
    "</title></style></svg><img src=x onerror=alert(1)>",
    "\"><svg onload='alert(1)'>",
    "' onmouseover='alert(1)",
    "&lt;b&gt;&#x3c;i&#62;",
    "<!-- x",
    "]]><![CDATA[",
    "javascript:alert(1)",
    "${sections} $title {script} %s %(a)s",
    r"$\frac{1}{$ $x_{i$ \unknown{} \$",
    "\x00\x1b[31m\x07\x7f",
    "\u202eevil\u202c\u2066x\u200b\ufeff",
    "\ud800 \udfff",
    "\n\r\t\v\u2028\u2029",
    "_hidden",
    "a & b=c & d",
    "",
    " ",
    "x" * 10**5,
    "é\u0301\U0001f469\u200d\U0001f4bb",
]


class Shape(HTMLParser):
    """Elements of a page and the names of their attributes; values that may act."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.acting = [], []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, sorted(key for key, _ in attrs)))
        self.acting += [
            (key, value)
            for key, value in attrs
            if key.startswith("on") or key in {"src", "href", "action", "style"}
        ]

    handle_startendtag = handle_starttag

    def handle_comment(self, data):
        self.elements.append(("comment", data))

    def handle_decl(self, decl):
        self.elements.append(("declaration", decl))

    unknown_decl = handle_pi = handle_decl


def without_titles(shape):
    """Elements of a page, where a long name may have a tooltip or not."""
    return [
        (tag, [key for key in attrs if key != "title"] if tag == "bdi" else attrs)
        for tag, attrs in shape.elements
    ]


def table(column, values, label):
    rng = np.random.RandomState(0)
    n = 240
    group = rng.randint(len(values), size=n)
    x = rng.randn(n)
    y = np.where(x + 0.5 * group > 0.5, label, "other")
    return pd.DataFrame({column: np.array(values, object)[group], "x": x}), y


def prepared(column):
    """Classifier of the last column, so that the first may hold anything."""
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import make_pipeline

    return make_pipeline(
        ColumnTransformer([("x", "passthrough", [1])]), LogisticRegression()
    )


def audit_of(column, values, label):
    X, y = table(column, values, label)
    return SubpopulationAudit(
        prepared(column),
        finder=FeatureMatch([0]),
        alphas=(1.0,),
        min_test=3,
        random_state=0,
    ).fit(X, y)


@pytest.fixture(scope="module")
def harmless():
    return audit_of("column", ["one", "two", "three"], "label")


def renamed(audit, column, values, label):
    """The same audit under other names, without training again."""
    from copy import deepcopy

    audit = deepcopy(audit)
    words = {"one": values[0], "two": values[1], "three": values[2]}
    for attribute, frame in vars(audit).items():
        if isinstance(frame, pd.DataFrame) and "name" in frame:
            setattr(audit, attribute, _renamed(frame, column, words))
    audit.classes_ = np.array([label, "other"], dtype=object)
    audit.feature_names_in_ = np.array([column, "x"], dtype=object)
    return audit


def _renamed(frame, column, words):
    names = [
        f"{column}={words[name.partition('=')[2]]}"
        for name in frame["name"].astype(str)
    ]
    return frame.assign(name=pd.Series(names, frame.index, dtype=object))


def pages_of(audit, folder):
    audit.to_html(folder / "report.html")
    yield (folder / "report.html").read_text(encoding="utf-8")
    yield audit._repr_mimebundle_()["text/html"]


def check_pages(hostile, harmless, folder):
    for page, plain in zip(
        pages_of(hostile, folder), pages_of(harmless, folder), strict=True
    ):
        ours, theirs = Shape(plain), Shape(page)
        assert without_titles(ours) == without_titles(theirs)
        assert [k for k, _ in ours.acting] == [k for k, _ in theirs.acting]
        assert not any(k.startswith("on") for k, _ in theirs.acting)
        assert not set(page) & set("\x00\x1b\u202e\u2066\ud800")


@pytest.fixture
def no_figures(monkeypatch):
    from skpoison.audit import _html_sections

    monkeypatch.setattr(_html_sections, "draw_svg", lambda *_, **__: "<svg></svg>")


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text)[:20])
def test_names_add_nothing_to_a_report(text, harmless, no_figures, tmp_path, record):
    hostile = renamed(harmless, text, [text + "1", text + "2", text + "3"], text)
    check_pages(hostile, harmless, tmp_path)
    record("security", check="names in reports", case=ascii(text)[:40], cases=1)


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text)[:20])
def test_figures_draw_any_name(text, harmless, tmp_path, soak, record):
    if not soak and text not in HOSTILE[9:15]:
        pytest.skip("part of the long run")
    hostile = renamed(harmless, text, [text + "1", text + "2", text + "3"], text)
    hostile.to_html(tmp_path / "report.html")
    shape = Shape((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert [tag for tag, _ in shape.elements].count("script") == 1
    assert not {"img", "iframe", "object"} & {tag for tag, _ in shape.elements}
    record("security", check="names in figures", case=ascii(text)[:40], cases=1)


def test_hostile_columns_values_and_classes_from_the_start(tmp_path):
    text = HOSTILE[2]
    audit = audit_of(text, [HOSTILE[0], HOSTILE[4], HOSTILE[10]], HOSTILE[3])
    audit.to_html(tmp_path / "report.html")
    shape = Shape((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert [tag for tag, _ in shape.elements].count("script") == 1
    assert "img" not in {tag for tag, _ in shape.elements}


def test_a_defense_audit_and_a_bound_escape_names(tmp_path):
    X, y = table(HOSTILE[2], [HOSTILE[0], HOSTILE[4]], HOSTILE[3])
    audit = DefenseAudit(
        prepared(HOSTILE[2]),
        defenses=[PartitionAggregation(prepared(""), n_partitions=2)],
        finder=FeatureMatch([0]),
        alphas=(1.0,),
        min_test=3,
        random_state=0,
    )
    audit.fit(X, y).to_html(tmp_path / "report.html")
    shape = Shape((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert [tag for tag, _ in shape.elements].count("script") == 1
    assert "img" not in {tag for tag, _ in shape.elements}
    bound = impossibility_bound(FeatureMatch([0]), X, y, random_state=0)
    elements = {tag for tag, _ in Shape(bound._repr_html_()).elements}
    assert not elements & {"script", "img", "svg"}


ANY = st.text(st.characters(), max_size=80) | st.sampled_from(HOSTILE[:-2])


def test_any_text_is_text(soak, record):
    n = 20_000 if soak else 300

    @settings(
        max_examples=n,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(ANY)
    def check(text):
        cell = f'<td title="{escape(text)}">{escape(text)}{name(text, 20)}</td>'
        shape = Shape(cell)
        assert [tag for tag, _ in shape.elements] == ["td", "bdi"]
        cell.encode()
        assert len(shorten(text, 20)) <= 20
        assert printable(printable(text)) == printable(text)

    check()
    record("security", check="any text, by hypothesis", case="escaped", cases=n)
