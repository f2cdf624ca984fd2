"""Configuration of the documentation."""

import importlib
import os
import re
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import api_reference  # noqa: E402
import results_book  # noqa: E402
from sphinx.pycode import ModuleAnalyzer  # noqa: E402

import skpoison  # noqa: E402

project = "skpoison"
author = "The skpoison developers"
copyright = "The skpoison developers, BSD-3-Clause"
version = release = skpoison.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.extlinks",
    "numpydoc",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "sphinxcontrib.bibtex",
]
templates_path = ["_templates"]
exclude_patterns = ["_build"]
default_role = "literal"
add_function_parentheses = False
today_fmt = "%Y-%m-%d"

# The extension warns where it cannot reach an inventory, and `make docs` turns
# warnings into errors, so it is asked for where there is a network.
if os.environ.get("SKPOISON_DOCS_INTERSPHINX") == "1":
    extensions.append("sphinx.ext.intersphinx")
    intersphinx_mapping = {
        "python": ("https://docs.python.org/3", None),
        "numpy": ("https://numpy.org/doc/stable", None),
        "scipy": ("https://docs.scipy.org/doc/scipy", None),
        "pandas": ("https://pandas.pydata.org/docs", None),
        "sklearn": ("https://scikit-learn.org/stable", None),
        "imblearn": ("https://imbalanced-learn.org/stable", None),
    }

nitpicky = True
# Without inventories there is nothing that these names could link to.
if "sphinx.ext.intersphinx" not in extensions:
    nitpick_ignore_regex = [
        ("py:.*", r"(sklearn|imblearn|joblib|skorch|numpy|scipy|pandas|torch)\..*")
    ]

extlinks = {
    "arxiv": ("https://arxiv.org/abs/%s", "arXiv:%s"),
    "doi": ("https://doi.org/%s", "doi:%s"),
}
bibtex_bibfiles = ["references.bib"]
bibtex_reference_style = "author_year"

autosummary_generate = True
autosummary_context = {"methods_of": api_reference.methods_of_classes()}
autodoc_default_options = {"members": True, "inherited-members": True}
autodoc_typehints = "none"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
copybutton_exclude = ".linenos, .gp, .go"


def reset_sklearn_config(gallery_conf, fname):
    """Undo what an example set in scikit-learn's global configuration."""
    import sklearn

    sklearn.set_config(**DEFAULT_SKLEARN_CONFIG)


DEFAULT_SKLEARN_CONFIG = importlib.import_module("sklearn").get_config()


def scrape_animations(block, block_vars, gallery_conf):
    """Save the animations of an example as images that move.

    The gallery's own players need ffmpeg, or a style sheet from another site.
    """
    import matplotlib.pyplot as plt
    from matplotlib.animation import Animation, PillowWriter
    from sphinx_gallery.scrapers import figure_rst

    figures = {plt.figure(number) for number in plt.get_fignums()}
    images = ""
    for value in block_vars["example_globals"].values():
        if isinstance(value, Animation) and value._fig in figures:
            path = Path(block_vars["image_path_iterator"].next()).with_suffix(".gif")
            value.save(path, writer=PillowWriter(fps=8))
            title = value._fig.axes[0].get_title()
            images += figure_rst([str(path)], gallery_conf["src_dir"], title)
            plt.close(value._fig)
    return images


sphinx_gallery_conf = {
    "doc_module": "skpoison",
    "examples_dirs": ["../examples"],
    "gallery_dirs": ["auto_examples"],
    "backreferences_dir": "api/generated",
    "reference_url": {"skpoison": None},
    "filename_pattern": r"[\\/]plot_",
    "ignore_pattern": r"(^|[\\/])(__init__|demo)\.py$",
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    "show_memory": False,
    "show_signature": False,
    "write_computation_times": False,
    "download_all_examples": False,
    "image_scrapers": ("conf.scrape_animations", "matplotlib"),
    "reset_modules": ("matplotlib", "conf.reset_sklearn_config"),
}

html_theme = "pydata_sphinx_theme"
html_title = f"skpoison {version}"
html_favicon = "_static/favicon.svg"
html_static_path = ["_static"]
html_css_files = ["skpoison.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "logo": {"text": "skpoison"},
    "navigation_with_keys": False,
    "show_prev_next": False,
    "show_toc_level": 2,
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "footer_start": ["copyright"],
    "footer_end": ["sphinx-version"],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
html_sidebars = {
    "install": [],
    "tutorial": [],
    "faq": [],
    "glossary": [],
    "references": [],
    "changelog": [],
    "responsible_use": [],
}


def write_api_pages(app, config):
    """Write the API pages before Sphinx looks for documents."""
    api_reference.write_pages(HERE / "api" / "generated")


def write_results(app, config):
    """Write the tables and figures of the results before pages include them."""
    results_book.write()


def resolve_second_name(app, env, node, contnode):
    """Link a name of a subpackage to the page of the same object in `skpoison`."""
    name = api_reference.first_name(node.get("reftarget", ""))
    if node.get("refdomain") != "py" or name == node["reftarget"]:
        return None
    where = env, node["refdoc"], app.builder
    domain = env.get_domain("py")
    return domain.resolve_xref(*where, node["reftype"], name, node, contnode)


def skip_foreign_members(app, what, name, obj, skip, options):
    """Leave out the text of methods that come from other libraries.

    The page still names them, and refers to no page that only they know.
    """
    obj = getattr(obj, "fget", obj)
    home = getattr(obj, "__module__", None)
    if home is not None and not home.startswith("skpoison"):
        return True
    return None


def document_scorers(app, what, name, obj, options, lines):
    """Give module-level instances the text that follows their assignment."""
    module, _, attribute = name.rpartition(".")
    if not module.startswith("skpoison") or type(obj).__module__ == "builtins":
        return
    if callable(obj) and not isinstance(obj, type) and not hasattr(obj, "__name__"):
        docs = ModuleAnalyzer.for_module(type(obj).__module__).find_attr_docs()
        lines[:] = docs.get(("", attribute), lines)


def include_changelog(app, docname, source):
    """Put CHANGELOG.md under the title of the changelog page."""
    if docname == "changelog":
        path = HERE.parent / "CHANGELOG.md"
        app.env.note_dependency(str(path))
        source[0] += as_rst(path.read_text())


def as_rst(markdown):
    """Turn headings and links of our Markdown into reStructuredText."""
    lines = []
    for line in markdown.splitlines()[1:]:
        marks, _, title = line.partition(" ")
        under = {"##": "=", "###": "-"}.get(marks)
        line = title if under else re.sub(r"\[(.+?)\]\((.+?)\)", r"`\1 <\2>`__", line)
        lines += [line, under * len(title)] if under else [line]
    return "\n" + "\n".join(lines) + "\n"


def setup(app):
    """Connect the hooks."""
    app.connect("source-read", include_changelog)
    app.connect("config-inited", write_api_pages)
    app.connect("config-inited", write_results)
    app.connect("missing-reference", resolve_second_name)
    app.connect("autodoc-skip-member", skip_foreign_members)
    app.connect("autodoc-process-docstring", document_scorers, priority=100)
