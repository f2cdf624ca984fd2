"""Victims and finders for the command line."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import ast
from importlib import import_module
from inspect import signature

from sklearn.base import ClassifierMixin
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils import all_estimators, get_tags

from skpoison._command_line._files import UserError, did_you_mean
from skpoison.finders import ClusterMatch, FeatureMatch, SliceMatch

# A parser of Python that is given more may overflow its stack.
LONGEST_VALUE = 10_000
# Options that a finder has no use for are errors.
LARGEST_N_CLUSTERS = 100
# Where most classifiers are: to list all takes seconds.
USUAL = ("linear_model", "ensemble", "neighbors", "tree", "svm", "naive_bayes")
FINDER_OPTIONS = {
    "clusters": {"n_clusters"},
    "features": {"features", "bins"},
    "slices": {"features", "bins", "max_depth"},
}


def make_victim(model, tables):
    """Make a pipeline that prepares columns and ends in the step "model"."""
    # Dense only for those that need it.
    prepare = make_preparation(tables, sparse=get_tags(model).input_tags.sparse)
    return Pipeline([("prepare", prepare), ("model", model)])


def make_model(name, params):
    """Make the classifier of this name with these NAME=VALUE texts."""
    cls = _find_classifier(name)
    needed = [
        p.name
        for p in signature(cls).parameters.values()
        if p.default is p.empty and p.kind not in {p.VAR_POSITIONAL, p.VAR_KEYWORD}
    ]
    if needed:
        raise UserError(
            f"--estimator {name} needs {needed[0]}, which a command line cannot give. "
            "Use skpoison.SubpopulationAudit in Python."
        )
    model = cls()
    for text in params:
        key, equals, value = text.partition("=")
        if not equals:
            raise UserError(f"--param must be NAME=VALUE. Got {text!r}.")
        known = model.get_params()
        if key not in known:
            raise UserError(
                f"--param {key!r} is no parameter of {name}. {did_you_mean(key, known)}"
            )
        model.set_params(**{key: literal(value)})
    return model


def _find_classifier(name):
    for module in USUAL:
        cls = getattr(import_module(f"sklearn.{module}"), name, None)
        if isinstance(cls, type) and issubclass(cls, ClassifierMixin):
            return cls
    classes = dict(all_estimators(type_filter="classifier"))
    if name not in classes:
        raise UserError(
            f"--estimator {name!r} is no classifier of scikit-learn. "
            f"{did_you_mean(name, classes)}"
        )
    return classes[name]


def literal(text):
    """Read a text as a value of Python, or else as itself."""
    if len(text) > LONGEST_VALUE:
        raise UserError(
            f"A value of --param has {len(text):,} characters, and may have "
            f"{LONGEST_VALUE:,}. Use skpoison.SubpopulationAudit in Python."
        )
    try:
        return ast.literal_eval(text)
    except (MemoryError, RecursionError, SyntaxError, TypeError, ValueError):
        return text


def make_preparation(tables, *, sparse):
    """Make what turns the columns of a table into features."""
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    others = make_pipeline(
        SimpleImputer(strategy="constant", fill_value="missing", missing_values=None),
        OneHotEncoder(handle_unknown="ignore", sparse_output=sparse),
    )
    steps = [("numbers", numbers, tables.numeric), ("others", others, tables.other)]
    return ColumnTransformer([step for step in steps if step[2]])


def check_finder(options):
    """Make sure that no option is without effect, and that none is missing."""
    for name in ("n_clusters", "features", "bins", "max_depth"):
        is_given = getattr(options, name) is not None
        if is_given and name not in FINDER_OPTIONS[options.finder]:
            users = [f for f, names in FINDER_OPTIONS.items() if name in names]
            raise UserError(
                f"--{name.replace('_', '-')} has no effect with --finder "
                f"{options.finder}; it is for --finder {' and '.join(users)}."
            )
    if options.finder == "features" and not options.features:
        raise UserError("--finder features needs --features, columns of the table.")


def make_finder(options, tables):
    """Make the finder that the options ask for."""
    given = {
        name: getattr(options, name)
        for name in FINDER_OPTIONS[options.finder]
        if getattr(options, name) is not None
    }
    if options.finder == "features":
        return FeatureMatch(sparse_output=True, **given)
    if options.finder == "slices":
        return SliceMatch(sparse_output=True, **given)
    given.setdefault("n_clusters", n_clusters_for(options, tables))
    return ClusterMatch(representation=make_preparation(tables, sparse=True), **given)


def n_clusters_for(options, tables):
    """Choose a number of clusters, most of which have enough rows for the test."""
    n_test = len(tables.parts.get("y_test", tables.y[::4]))
    return min(LARGEST_N_CLUSTERS, max(2, n_test // (2 * options.min_test)))
