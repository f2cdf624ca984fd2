"""All conjunctions of up to three Adult columns, against sliceline.

    SKPOISON_DATA_HOME=../shared/data python benchmarks/slice_enumeration.py

Both find slices of at least 30 of the 16,281 test rows over the 7 categorical
columns of the paper. sliceline (``pip install sliceline``) returns the 10 with the
highest score; SliceMatch returns all. Each slice of sliceline is looked up among
them, and its size compared.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import warnings

import numpy as np
from _report import best_of, write_result
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import OneHotEncoder

from skpoison.datasets import fetch_adult
from skpoison.finders import SliceMatch

COLUMNS = [
    "workclass",
    "education-num",
    "marital-status",
    "occupation",
    "relationship",
    "race",
    "sex",
]


def load():
    """Categorical columns as an object array, and the errors of a linear model."""
    X, y = fetch_adult(subset="test", return_X_y=True)
    table = X[COLUMNS].astype(object).fillna("?").astype(str).to_numpy(dtype=object)
    onehot = OneHotEncoder().fit_transform(table)
    model = LogisticRegression(max_iter=1000).fit(onehot, y)
    return table, (model.predict(onehot) != y).to_numpy(dtype=float)


def count_agreeing(peer, finder):
    """Slices of the peer that SliceMatch has too, with the same size."""
    names, sizes = finder.get_feature_names_out(), finder.sizes_
    known = dict(zip(names, sizes, strict=True))
    agree = 0
    for values, figures in zip(
        peer.top_slices_, peer.top_slices_statistics_, strict=True
    ):
        parts = [f"x{j}={v}" for j, v in enumerate(values) if v is not None]
        agree += known.get(" & ".join(parts)) == figures["slice_size"]
    return int(agree)


def main():
    """Time both and print the ratio."""
    table, errors = load()
    finder, ours = best_of(20, lambda: SliceMatch(3, min_size=30, bins=None).fit(table))
    figures = {
        "rows": len(table),
        "slices_found": len(finder.sizes_),
        "skpoison_seconds": round(ours, 4),
        "names_seconds": round(best_of(5, finder.get_feature_names_out)[1], 4),
    }
    try:
        from sliceline.slicefinder import Slicefinder
    except ImportError:
        print("sliceline is not installed: pip install sliceline")
    else:
        warnings.simplefilter("ignore")
        peer, theirs = best_of(
            3,
            lambda: Slicefinder(
                alpha=0.9, k=10, max_l=3, min_sup=30, verbose=False
            ).fit(table, errors),
        )
        figures |= {
            "sliceline_seconds": round(theirs, 4),
            "sliceline_slices": len(peer.top_slices_),
            "slices_agreeing": count_agreeing(peer, finder),
            "ratio": round(theirs / ours, 1),
        }
    assert (np.diff(finder.sizes_) <= 0).all()
    write_result("slice_enumeration", **figures)


if __name__ == "__main__":
    main()
