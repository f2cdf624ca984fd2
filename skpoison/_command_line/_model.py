"""Victims and finders for the command line."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import ast
from inspect import signature

from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils import all_estimators, get_tags

from skpoison._command_line._table import UserError, did_you_mean
from skpoison.finders import ClusterMatch, FeatureMatch, SliceMatch

# Options that a finder has no use for are errors.
FINDER_OPTIONS = {
    "clusters": {"n_clusters"},
    "features": {"features", "bins"},
    "slices": {"features", "bins", "max_depth"},
}


def make_victim(options, tables):
    """Make a pipeline that ends in the step "model"; and the step before it."""
    model = make_model(options.estimator, options.param)
    # Dense only for those that need it.
    prepare = make_preparation(tables, sparse=get_tags(model).input_tags.sparse)
    return Pipeline([("prepare", prepare), ("model", model)]), prepare


def make_model(name, params):
    """Make the classifier of this name with these NAME=VALUE texts."""
    classes = dict(all_estimators(type_filter="classifier"))
    if name not in classes:
        raise UserError(
            f"--estimator {name!r} is no classifier of scikit-learn. "
            f"{did_you_mean(name, classes)}"
        )
    needed = [
        p.name
        for p in signature(classes[name]).parameters.values()
        if p.default is p.empty and p.kind not in {p.VAR_POSITIONAL, p.VAR_KEYWORD}
    ]
    if needed:
        raise UserError(
            f"--estimator {name} needs {needed[0]}, which a command line cannot give. "
            "Use skpoison.SubpopulationAudit in Python."
        )
    model = classes[name]()
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


def literal(text):
    """Read a text as a value of Python, or else as itself."""
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


def make_finder(options, tables, prepare):
    """Make the finder that the options ask for."""
    for name in ("n_clusters", "features", "bins", "max_depth"):
        is_given = getattr(options, name) is not None
        if is_given and name not in FINDER_OPTIONS[options.finder]:
            users = [f for f, names in FINDER_OPTIONS.items() if name in names]
            raise UserError(
                f"--{name.replace('_', '-')} has no effect with --finder "
                f"{options.finder}; it is for {' and '.join(users)}."
            )
    given = {
        name: getattr(options, name)
        for name in FINDER_OPTIONS[options.finder]
        if getattr(options, name) is not None
    }
    if options.finder == "clusters":
        return ClusterMatch(representation=prepare, **given)
    if options.finder == "slices":
        return SliceMatch(sparse_output=True, **given)
    if options.features is None:
        raise UserError(
            f"--finder features needs --features. {did_you_mean('', tables.X.columns)}"
        )
    return FeatureMatch(sparse_output=True, **given)
