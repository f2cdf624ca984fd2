"""Generate the paper's noisy mixture of subpopulations."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from numbers import Integral, Real

import numpy as np
from sklearn.utils import check_random_state

from skpoison.utils._sklearn import Interval, StrOptions, validate_params

# Below one half, so that the supports of neighbors on the grid cannot touch.
_RADIUS = 0.49
# Numbers in X, 34 GB of them.
_LARGEST = 2**32


@validate_params(
    {
        "n_samples": [Interval(Integral, 1, None, closed="left")],
        "n_subpopulations": [Interval(Integral, 1, None, closed="left")],
        "n_features": [Interval(Integral, 1, None, closed="left")],
        "n_classes": [Interval(Integral, 2, 2**31 - 1, closed="both")],
        "noise": [Interval(Real, 0, 1, closed="both"), "array-like"],
        "weights": [StrOptions({"uniform"}), "array-like", None],
        "cluster_std": [Interval(Real, 0, None, closed="left")],
        "spacing": [Interval(Real, 0, None, closed="neither")],
        "labels": ["array-like", None],
        "shuffle": ["boolean"],
        "return_clean_labels": ["boolean"],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def make_subpopulations(
    n_samples=1000,
    n_subpopulations=10,
    *,
    n_features=2,
    n_classes=2,
    noise=0.0,
    weights=None,
    cluster_std=0.15,
    spacing=2.0,
    labels=None,
    shuffle=True,
    return_clean_labels=False,
    random_state=None,
):
    """Generate a noisy mixture of subpopulations with disjoint supports.

    This is the distribution of the paper's impossibility result: each subpopulation
    has its own region of the feature space and one true label, and the observed labels
    are noisy. Which class a region has says nothing about its neighbors.

    Parameters
    ----------
    n_samples : int, default=1000
        The number of rows, at least `n_subpopulations`, and at most 2**32 divided by
        `n_features`.

    n_subpopulations : int, default=10
        The number of subpopulations.

    n_features : int, default=2
        The number of features.

    n_classes : int, default=2
        The number of classes.

    noise : float or array-like of shape (n_subpopulations,), default=0.0
        The probability that a row's label is flipped, in [0, 1], for all subpopulations
        or for each. A flip draws one of the other classes uniformly.

    weights : "uniform", array-like of shape (n_subpopulations,) or None, default=None
        The shares of the subpopulations in the mixture, summing to 1. `None` draws them
        from a symmetric Dirichlet distribution with concentration 5.

    cluster_std : float, default=0.15
        Standard deviation of a subpopulation in each feature, before clipping.

    spacing : float, default=2.0
        Distance of neighboring subpopulations' centers.

    labels : array-like of shape (n_subpopulations,) or None, default=None
        The true class of each subpopulation, integers in [0, n_classes). `None` draws
        each uniformly and independently, so that few subpopulations may share one class
        by chance.

    shuffle : bool, default=True
        Whether to shuffle the rows; else they are sorted by subpopulation.

    return_clean_labels : bool, default=False
        Whether to return the labels without noise, too.

    random_state : int, RandomState instance or None, default=None
        Draws the mixture and the rows. With an int, calls that differ only in `noise`
        give the same rows and true labels.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features)
        The features.

    y : ndarray of shape (n_samples,)
        The observed labels, integers in [0, n_classes).

    subpopulation : ndarray of shape (n_samples,)
        The subpopulation of each row, integers in [0, n_subpopulations).

    y_clean : ndarray of shape (n_samples,)
        The true labels, one per subpopulation. Only returned if `return_clean_labels`
        is True.

    Raises
    ------
    ValueError
        If there are fewer rows than subpopulations, or more than 2**32 numbers; if
        `noise`, `weights` or `labels` has a wrong length or values out of range.

    See Also
    --------
    fetch_adult : Real data, with subpopulations given by its features.
    sklearn.datasets.make_blobs : Gaussian blobs at random centers, which may overlap.

    Notes
    -----
    Centers lie on a cubic grid of pitch `spacing`, filled row by row, the first feature
    running fastest: 20 subpopulations in 2 dimensions make 4 rows of 5.

    Each subpopulation is a spherical Gaussian in a ball of radius ``0.49 * spacing``;
    a point outside is moved to the ball's surface along the line to the center. So
    supports are disjoint whatever the parameters. With the default values this happens
    to fewer than one point in a billion, but where ``cluster_std * sqrt(n_features)``
    comes near to the radius, much of a subpopulation lies on the surface: raise
    `spacing` with `n_features`.

    Each subpopulation gets one row first, and the other ``n_samples -
    n_subpopulations`` rows are multinomial with the given weights. So none is empty,
    and one of weight 0 has one row.

    References
    ----------
    .. [1] M. Jagielski, G. Severi, N. Pousette Harger, A. Oprea, "Subpopulation Data
       Poisoning Attacks", CCS 2021. :arxiv:`2006.14026`
    .. [2] V. Feldman, "Does Learning Require Memorization? A Short Tale about a Long
       Tail", STOC 2020. :arxiv:`1906.05271`

    Examples
    --------
    >>> import numpy as np
    >>> from skpoison.datasets import make_subpopulations
    >>> X, y, subpopulation, y_clean = make_subpopulations(
    ...     2000, 20, noise=0.2, return_clean_labels=True, random_state=0
    ... )
    >>> X.shape
    (2000, 2)
    >>> sizes = np.bincount(subpopulation)
    >>> print(sizes.min(), sizes.max())
    15 197
    >>> print(f"{np.mean(y != y_clean):.3f} of the labels are wrong")
    0.206 of the labels are wrong
    """
    rng = check_random_state(random_state)
    if n_samples < n_subpopulations:
        raise ValueError(
            f"make_subpopulations needs n_samples of at least n_subpopulations, one "
            f"row for each, got n_samples={n_samples} and "
            f"n_subpopulations={n_subpopulations}."
        )
    sizes = map(int, (n_samples, n_subpopulations, n_features))  # no truth values
    n_samples, n_subpopulations, n_features = sizes
    if n_samples * n_features > _LARGEST:
        raise ValueError(
            f"make_subpopulations makes at most {_LARGEST:,} numbers, n_samples times "
            f"n_features, got n_samples={n_samples} and n_features={n_features}. Lower "
            "them, or call it several times with the same `labels`."
        )
    weights = _check_weights(weights, n_subpopulations, rng)
    labels = _check_labels(labels, n_subpopulations, n_classes, rng)
    noise = _check_noise(noise, n_subpopulations)

    sizes = 1 + rng.multinomial(n_samples - n_subpopulations, weights)
    subpopulation = np.repeat(np.arange(n_subpopulations), sizes)
    centers = spacing * _grid(n_subpopulations, n_features)
    X = centers[subpopulation] + _offsets(
        (n_samples, n_features), cluster_std, _RADIUS * spacing, rng
    )
    y_clean = labels[subpopulation]
    y = _flip(y_clean, noise[subpopulation], n_classes, rng)

    order = rng.permutation(n_samples) if shuffle else np.arange(n_samples)
    result = X[order], y[order], subpopulation[order], y_clean[order]
    return result if return_clean_labels else result[:3]


def _grid(n_points, n_dims):
    side = 1
    while side**n_dims < n_points:
        side += 1
    grid = np.zeros((n_points, n_dims))
    rest = np.arange(n_points)
    for dim in range(min(n_dims, int(n_points).bit_length())):
        rest, grid[:, dim] = np.divmod(rest, side)
    return grid


def _offsets(shape, std, radius, rng):
    direction = rng.standard_normal(shape)
    norm = np.linalg.norm(direction, axis=1, keepdims=True)
    return direction * np.minimum(std, radius / norm)


def _flip(y, noise, n_classes, rng):
    # Drawn for every row, so that the noise rate does not change the rest.
    flipped = rng.uniform(size=y.size) < noise
    shift = rng.randint(1, n_classes, size=y.size)
    return np.where(flipped, (y + shift) % n_classes, y)


def _check_weights(weights, n_subpopulations, rng):
    if weights is None:
        return rng.dirichlet(np.full(n_subpopulations, 5.0))
    if isinstance(weights, str):
        return np.full(n_subpopulations, 1 / n_subpopulations)
    weights = _check_length("weights", weights, n_subpopulations, np.float64)
    # Written so that NaN fails both.
    if not (weights >= 0).all() or not np.isclose(weights.sum(), 1, atol=1e-6):
        raise ValueError(
            f"The 'weights' parameter of make_subpopulations must be non-negative and "
            f"sum to 1. Got {weights}, which sum to {weights.sum()}; divide them by "
            f"their sum."
        )
    return weights / weights.sum()


def _check_noise(noise, n_subpopulations):
    if isinstance(noise, Real):
        return np.full(n_subpopulations, float(noise))
    noise = _check_length("noise", noise, n_subpopulations, np.float64)
    if not ((noise >= 0) & (noise <= 1)).all():
        raise ValueError(
            f"The 'noise' parameter of make_subpopulations must hold probabilities, in "
            f"the range [0, 1]. Got {noise}."
        )
    return noise


def _check_labels(labels, n_subpopulations, n_classes, rng):
    if labels is None:
        return rng.randint(n_classes, size=n_subpopulations)
    labels = _check_length("labels", labels, n_subpopulations, None)
    if not np.isin(labels, np.arange(n_classes)).all():
        raise ValueError(
            f"The 'labels' parameter of make_subpopulations must hold integers in the "
            f"range [0, {n_classes}). Got {labels}; raise n_classes for more classes."
        )
    return labels.astype(np.int64)


def _check_length(name, values, n_subpopulations, dtype):
    try:
        values = np.asarray(values, dtype=dtype)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"The '{name}' parameter of make_subpopulations must hold numbers. Got "
            f"{values!r}."
        ) from error
    if values.shape != (n_subpopulations,):
        raise ValueError(
            f"The '{name}' parameter of make_subpopulations must have one value per "
            f"subpopulation, shape ({n_subpopulations},). Got shape {values.shape}."
        )
    return values
