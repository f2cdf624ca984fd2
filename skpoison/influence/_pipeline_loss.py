"""Losses of pipelines whose steps before the model are affine."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pandas as pd
from scipy import sparse

from skpoison.influence._base import TrainingLoss

# Rows on which the steps are compared with the affine function that they should be.
N_PROBES = 50


class PipelineLoss(TrainingLoss):
    """Loss of the last step of a pipeline, as a function of the first one's rows.

    Parameters
    ----------
    loss : TrainingLoss
        Loss of the last step.

    slope : ndarray of shape (n_features_in, n_features_out) or (n_features_in,)
        Derivatives of the features that the last step sees; one-dimensional where
        each is a feature in other units.

    shift : ndarray of shape (n_features_out,)
        What the last step sees of a row of zeros.
    """

    def __init__(self, loss, slope, shift):
        self.loss, self.slope, self.shift = loss, slope, shift
        self.classes, self.n_params = loss.classes, loss.n_params
        self.is_plain = loss.is_plain

    def transform(self, X):
        """Give the rows that the last step sees."""
        X = X.toarray() if sparse.issparse(X) else X
        return (X * self.slope if self.slope.ndim == 1 else X @ self.slope) + self.shift

    def losses(self, X, codes):
        """Give the loss of each row."""
        return self.loss.losses(self.transform(X), codes)

    def gradient(self, X, codes, weights=None):
        """Give the weighted sum of the gradients of rows; without weights the mean."""
        return self.loss.gradient(self.transform(X), codes, weights)

    def products(self, X, codes, V):
        """Give the product of each row's gradient with V."""
        return self.loss.products(self.transform(X), codes, V)

    def curvature_matrix(self, X, codes, kind="gauss_newton", weights=None):
        """Give the second derivatives of the weighted loss of rows."""
        return self.loss.curvature_matrix(self.transform(X), codes, kind, weights)

    def curvature_product(self, X, codes, v, kind="gauss_newton", weights=None):
        """Give the product of the same matrix with v."""
        return self.loss.curvature_product(self.transform(X), codes, v, kind, weights)

    def check_curvature(self, kind):
        """Raise where the loss of the last step has no curvature of this kind."""
        self.loss.check_curvature(kind)

    def flat_directions(self):
        """Give directions in parameters that leave loss and penalty as they are."""
        return self.loss.flat_directions()

    def input_gradients(self, X, codes, V):
        """Give the derivatives of `products` in the rows."""
        G = self.loss.input_gradients(self.transform(X), codes, V)
        return G * self.slope if self.slope.ndim == 1 else G @ self.slope.T

    def penalty(self, n_samples):
        """Give the penalty's second derivatives, of the mean objective."""
        return self.loss.penalty(n_samples)


def pipeline_loss(pipeline, X, owner, parameter):
    """Loss of a fitted pipeline of affine steps and a model."""
    from skpoison.influence._losses import loss_of

    before = [step for _, step in pipeline.steps[:-1]]
    before = [step for step in before if step not in (None, "passthrough")]
    if not before:
        return loss_of(pipeline[-1], X, owner, parameter)
    probes = X[:N_PROBES]
    probes = probes.toarray() if sparse.issparse(probes) else np.asarray(probes)
    if probes.ndim != 2:
        raise TypeError(
            f"{parameter} of {owner} is a pipeline with steps before the model, which "
            f"takes tables only. Got rows of shape {probes.shape[1:]}."
        )
    probes = probes.astype(float)
    slope, shift = _affine_function(before, probes.shape[1])
    expected = _apply(before, probes)
    given = probes @ slope + shift
    if given.shape != expected.shape or not np.allclose(given, expected, atol=1e-6):
        raise TypeError(
            f"{parameter}={pipeline!r} of {owner} has a step that is not an affine "
            "function of the features, so gradients cannot go through it. Use steps "
            "such as StandardScaler, MinMaxScaler or PCA, or transform the rows before "
            f"they are given to {owner}."
        )
    if (
        slope.shape[0] == slope.shape[1]
        and not slope[~np.eye(len(slope), dtype=bool)].any()
    ):
        slope = np.diag(slope).copy()
    return PipelineLoss(loss_of(pipeline[-1], expected, owner, parameter), slope, shift)


def _affine_function(steps, n_features):
    shift = _apply(steps, np.zeros((1, n_features)))[0]
    return _apply(steps, np.eye(n_features)) - shift, shift


def _apply(steps, X):
    names = getattr(steps[0], "feature_names_in_", None)
    X = X if names is None else pd.DataFrame(X, columns=names)
    for step in steps:
        X = step.transform(X)
    return X.toarray() if sparse.issparse(X) else np.asarray(X)
