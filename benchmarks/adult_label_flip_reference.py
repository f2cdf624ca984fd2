"""Published figures beside which ``adult_label_flip.py`` puts its own.

COLAB: the outputs saved in the authors' Adult notebook (1 clean net, 3 poisoned ones;
LR by lbfgs when clean and by liblinear when poisoned). OWN: re-measurements made for
this project before the library existed (5 clean and 3 poisoned nets for the faithful
protocol; 3 and 2 for the corrected one), seed 0 only.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

NAMES = ["worst_1", "worst_5", "worst_10", "mean"]


def _cells(protocol, filter_name, model, label, rows, names):
    """Figures by (protocol, filter, model, label, alpha, statistic)."""
    return {
        (protocol, filter_name, model, label, alpha, name): value
        for alpha, values in zip((0.5, 1.0, 2.0), rows, strict=True)
        for name, value in zip(names, values, strict=True)
        if value is not None
    }


_FM_NN = [
    (0.247, 0.145, 0.113, 0.037, 0.0053),
    (0.205, 0.174, 0.131, 0.048, 0.0041),
    (0.511, 0.300, 0.216, 0.081, 0.0054),
]
_CM_NN = [
    (0.250, 0.196, 0.121, 0.006, 0.0040),
    (0.244, 0.199, 0.118, 0.028, 0.0026),
    (0.667, 0.437, 0.356, 0.111, 0.0104),
]
_FM_LR = [
    (0.213, 0.139, 0.102, 0.028),
    (0.213, 0.158, 0.120, 0.030),
    (0.234, 0.187, 0.157, 0.056),
]
_CM_LR = [
    (0.062, 0.027, 0.014, -0.002),
    (0.160, 0.074, 0.037, 0.007),
    (0.300, 0.182, 0.121, 0.034),
]
_WITH_COLLATERAL = [*NAMES, "collateral_mean"]

COLAB = {
    **_cells("faithful", "FM", "NN", "flip", _FM_NN, _WITH_COLLATERAL),
    **_cells("faithful", "CM", "NN", "flip", _CM_NN, _WITH_COLLATERAL),
    **_cells("authors", "FM", "NN", "flip", _FM_NN, _WITH_COLLATERAL),
    **_cells("authors", "CM", "NN", "flip", _CM_NN, _WITH_COLLATERAL),
    **_cells("faithful", "FM", "LR-authors", "flip", _FM_LR, NAMES),
    **_cells("faithful", "CM", "LR-authors", "flip", _CM_LR, NAMES),
}

_RERUN = ["worst_1", "worst_5", "collateral_worst_5"]
_FM_RERUN = [(None, 0.118, None), (None, 0.192, None), (0.511, 0.278, 0.000)]
_CM_RERUN = [(None, 0.165, None), (None, 0.371, None), (None, 0.412, 0.026)]

# By filter and model: worst 1/5/10, mean and median collateral of label="constant".
_CONSTANT = {
    ("FM", "LR"): [
        (0.143, 0.083, 0.050, 0.008, 0.0001),
        (0.371, 0.235, 0.154, 0.050, 0.0003),
        (0.429, 0.326, 0.262, 0.112, 0.0015),
    ],
    ("FM", "NN"): [
        (0.186, 0.091, 0.062, 0.010, 0.0004),
        (0.357, 0.197, 0.139, 0.039, 0.0004),
        (0.474, 0.397, 0.333, 0.148, 0.0014),
    ],
    ("CM", "LR"): [
        (0.160, 0.073, 0.049, 0.004, 0.0001),
        (0.200, 0.130, 0.096, 0.012, 0.0005),
        (0.300, 0.247, 0.190, 0.040, 0.0026),
    ],
    ("CM", "NN"): [
        (0.084, 0.061, 0.053, 0.010, 0.0007),
        (0.182, 0.157, 0.136, 0.040, 0.0008),
        (0.511, 0.434, 0.380, 0.147, 0.0016),
    ],
}
_FLIP_AT_2 = {
    ("FM", "LR"): (0.429, 0.299, 0.210, 0.078, 0.0014),
    ("FM", "NN"): (0.471, 0.319, 0.263, 0.114, 0.0014),
    ("CM", "LR"): (0.300, 0.188, 0.137, 0.026, 0.0021),
    ("CM", "NN"): (0.511, 0.385, 0.309, 0.096, 0.0011),
}
_WITH_MEDIAN = [*NAMES, "collateral_median"]
_HELD_OUT = ["held_out_1", "held_out_5", "held_out_10"]

OWN = {
    **_cells("faithful", "FM", "NN", "flip", _FM_RERUN, _RERUN),
    **_cells("faithful", "CM", "NN", "flip", _CM_RERUN, _RERUN),
    **_cells("authors", "FM", "NN", "flip", _FM_RERUN, _RERUN),
    **_cells("authors", "CM", "NN", "flip", _CM_RERUN, _RERUN),
    **{
        key: value
        for cell, rows in _CONSTANT.items()
        for key, value in _cells(
            "corrected", *cell, "constant", rows, _WITH_MEDIAN
        ).items()
    },
    **{
        ("corrected", *cell, "flip", 2.0, name): value
        for cell, values in _FLIP_AT_2.items()
        for name, value in zip(_WITH_MEDIAN, values, strict=True)
    },
    **{
        ("corrected", "FM", "NN", label, 2.0, name): value
        for label, values in {
            "flip": (0.382, 0.298, 0.252),
            "true": (-0.071, -0.017, -0.014),
        }.items()
        for name, value in zip(_HELD_OUT, values, strict=True)
    },
    **{
        ("corrected", "FM", "NN", "true", 2.0, name): value
        for name, value in zip(NAMES[:3], (0.024, 0.017, 0.010), strict=True)
    },
}
