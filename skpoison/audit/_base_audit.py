"""What all audits share."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from abc import abstractmethod

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, MetaEstimatorMixin
from sklearn.utils import check_consistent_length, estimator_html_repr
from sklearn.utils.validation import check_is_fitted, validate_data

from skpoison.audit._html_page import write_page
from skpoison.audit._splits import split
from skpoison.finders._base import subpopulation_names
from skpoison.utils._containers import as_rows
from skpoison.utils._inner_model import check_classifier
from skpoison.utils._parallel import in_parallel
from skpoison.utils._plain_state import PlainState
from skpoison.utils._row_sampler import flat_labels
from skpoison.utils._sklearn import CallbackSupportMixin


class BaseAudit(PlainState, CallbackSupportMixin, MetaEstimatorMixin, BaseEstimator):
    """What all audits share: who gets which rows, whom to attack, and the report.

    A subclass implements `fit`, and makes the page and the box of a notebook from
    what it found.
    """

    @abstractmethod
    def _page(self):
        """Report as one self-contained page."""

    @abstractmethod
    def _box(self):
        """HTML that a notebook shows."""

    def to_html(self, path):
        """Write a report: one page that needs nothing else.

        Parameters
        ----------
        path : str or path-like
            File to write. A file that is there is replaced.
        """
        check_is_fitted(self, "summary_")
        write_page(path, self._page)

    def _forget(self):
        """Drop what an earlier fit has left: parts of two audits tell of neither."""
        for name in list(vars(self)):
            if name.endswith("_") and not name.startswith("_"):
                delattr(self, name)

    def _split(self, X, y, given, rng):
        owner = type(self).__name__
        check_classifier(self.estimator, owner)
        X = as_rows(X, owner)
        validate_data(self, X=X, y=y, skip_check_array=True)
        y = flat_labels(y, owner)
        check_consistent_length(X, y)
        if y.dtype.kind not in "biufOUS":
            raise ValueError(
                f"{owner} needs class labels that are numbers, booleans or texts. Got "
                f"{y.dtype} labels."
            )
        parts = split(X, y, given, owner, rng)
        self.classes_ = np.unique(parts["train"].y)
        if len(self.classes_) < 2:
            raise ValueError(
                f"{owner} needs at least two classes in y. Got one class: "
                f"{self.classes_.tolist()}."
            )
        self.n_samples_ = {name: len(part) for name, part in parts.items()}
        return parts

    def _choose(self, setting):
        """Numbers of the subpopulations to attack; the others are told in skipped_."""
        sizes = {name: setting.sizes(name) for name in ("train", "aux", "test")}
        reasons = np.select(
            [sizes["test"] < self.min_test, sizes["train"] == 0, sizes["aux"] == 0],
            [
                f"fewer than {self.min_test} test rows",
                "no training rows",
                "no rows of the attacker",
            ],
            "",
        )
        attacked = np.flatnonzero(reasons == "")
        if len(attacked) == 0:
            raise ValueError(
                f"{type(self).__name__} has nothing to attack: none of "
                f"{len(reasons)} subpopulations has min_test={self.min_test} test rows "
                f"(the largest has {sizes['test'].max(initial=0)}) and rows in all "
                "parts. Lower min_test, ask the finder for fewer subpopulations, or "
                "give more rows."
            )
        numbers = np.flatnonzero(reasons != "")
        self.skipped_ = pd.DataFrame(
            {
                "subpopulation": numbers,
                "name": np.array(self._names(setting), object)[numbers],
                **{f"n_{name}": size[numbers] for name, size in sizes.items()},
                "reason": reasons[numbers],
            }
        )
        return attacked.tolist()

    def _in_parallel(self, function, tasks):
        return in_parallel(function, tasks, self.n_jobs, "generator_unordered")

    def _names(self, setting):
        return subpopulation_names(self.finder_, setting.memberships["aux"].shape[1])

    # Three names, as those that scikit-learn asks for differ between its versions.
    def _html_repr(self):
        if hasattr(self, "summary_"):
            return self._box()
        return estimator_html_repr(self)

    def _repr_html_inner(self):
        return self._html_repr()

    def _repr_mimebundle_(self, **kwargs):
        bundle = super()._repr_mimebundle_(**kwargs)
        if "text/html" in bundle:
            bundle["text/html"] = self._html_repr()
        return bundle

    def __sklearn_tags__(self):
        """Read X as the finder does."""
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.sparse = True
        return tags
