"""A fitted audit made of numbers, for the reports."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression

from skpoison import ClusterMatch, SubpopPoisoner

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    "$x^2$ and $\\frac{$",
    "a very long name " * 18 + "& sex=Female",
    "_private \N{RIGHT-TO-LEFT OVERRIDE}dlrow\N{RIGHT-TO-LEFT MARK} שלום 日本",
    "bell \x07 nul \x00 half line\nbreak",
    "</script></td></table>&amp;{{name}}${name}",
    "",
]
ALPHAS = [0.5, 1.0, 2.0]


class ReportedAudit(BaseEstimator):
    """Attributes of a fitted SubpopulationAudit, drawn at random."""

    def __init__(
        self,
        estimator,
        *,
        finder=None,
        poisoner=None,
        alphas=(0.5, 1.0, 2.0),
        defense=None,
        n_repeats=1,
        fidelity="refit",
        poison_before=None,
        min_test=30,
        n_jobs=None,
        checkpoint=None,
        random_state=None,
    ):
        self.estimator = estimator
        self.finder = finder
        self.poisoner = poisoner
        self.alphas = alphas
        self.defense = defense
        self.n_repeats = n_repeats
        self.fidelity = fidelity
        self.poison_before = poison_before
        self.min_test = min_test
        self.n_jobs = n_jobs
        self.checkpoint = checkpoint
        self.random_state = random_state

    def fit(self, n_subpopulations=60, damage=1.0, hostile=True):
        rng = np.random.RandomState(0)
        names = [f"education={i} & sex=Female" for i in range(n_subpopulations)]
        if hostile:
            names[3 : 3 + len(HOSTILE)] = HOSTILE
        self.classes_ = np.array(["<=50K", ">50K"])
        self.feature_names_in_ = np.array(["age", "<b>sex</b>", "job"], object)
        self.n_features_in_ = 3
        self.clean_accuracy_ = 0.8512
        self.n_samples_ = {"train": 15_000, "aux": 7_500, "test": 7_500}
        self.finder_ = ClusterMatch(3)
        base = pd.DataFrame({"subpopulation": np.arange(n_subpopulations)})
        base["name"] = names
        base["n_train"] = np.sort(rng.lognormal(5, 0.9, len(base)).astype(int) + 20)[
            ::-1
        ]
        base["n_aux"] = base["n_train"] // 2
        base["n_test"] = base["n_train"] // 2 + 30
        base["clean_accuracy"] = rng.beta(9, 2, len(base))
        weak = damage * rng.beta(1, 3, len(base)) * (1.3 - base["n_train"] / 5_000)
        self.results_ = _arm(base, weak, self.n_repeats, self.fidelity, rng)
        self.null_ = _arm(base, 0.02 * weak, self.n_repeats, self.fidelity, rng)
        failed = self.results_["subpopulation"].isin([7, n_subpopulations - 1])
        failed &= self.results_["subpopulation"].eq(7) | self.results_["alpha"].eq(2)
        lost = ["target_damage", "collateral_damage", "gradient_norm"]
        self.results_.loc[failed, lost] = np.nan
        self.results_.loc[failed, "error"] = "ValueError: <b>Input</b> contains NaN."
        self.curves_ = _curves(self.results_, rng)
        self.summary_ = _summary(base, self.results_, self.null_, self.curves_, rng)
        self.worst_k_ = _worst_k(self.summary_)
        predictors = ["n_train", "clean_accuracy", "ambient_share", "margin"]
        predictors.append("loss_difference")
        rho = np.array([-0.41, -0.12, 0.55, -0.62, -0.7])
        self.susceptibility_ = pd.DataFrame(
            {
                "predictor": predictors,
                "spearman": rho,
                "low": rho - 0.2,
                "high": np.minimum(rho + 0.2, 1),
                "p_value": [0.001, 0.36, 1e-5, 1e-7, 1e-9],
            }
        )
        skipped = base.tail(3).assign(subpopulation=[60, 61, 62], n_test=[4, 0, 21])
        self.skipped_ = skipped.drop(columns="clean_accuracy").assign(
            reason="fewer than 30 test rows <min_test>", name=["tiny", HOSTILE[0], "c"]
        )
        return self


def _arm(base, weak, n_repeats, fidelity, rng):
    grid = pd.MultiIndex.from_product(
        [base.index, ALPHAS, range(n_repeats)],
        names=["subpopulation", "alpha", "repeat"],
    )
    table = base.merge(grid.to_frame(index=False), on="subpopulation")
    rise = 1 - np.exp(-1.2 * table["alpha"])
    noise = rng.normal(0, 0.01, len(table))
    return table.assign(
        n_poison=(table["alpha"] * table["n_train"]).round().astype(int),
        poison_label=">50K",
        target_damage=(weak[table["subpopulation"]].to_numpy() * rise + noise).clip(
            -1, 1
        ),
        collateral_damage=rng.normal(0.001, 0.001, len(table)),
        converged=rng.rand(len(table)) > 0.02,
        gradient_norm=1e-7,
        newton_decrement=0.03 if fidelity == "influence" else np.nan,
        fidelity=fidelity,
        error=None,
    )


def _curves(results, rng):
    keys = ["subpopulation", "name", "alpha"]
    lost = ["target_damage", "collateral_damage"]
    curves = results.groupby(keys, sort=False)[lost].mean().reset_index()
    for column, width in zip(lost, [0.08, 0.002], strict=True):
        curves[f"{column}_low"] = curves[column] - width
        curves[f"{column}_high"] = curves[column] + width
    curves["p_value"] = np.where(
        curves["target_damage"] > 0.1, 1e-4, rng.rand(len(curves))
    )
    curves["q_value"] = np.minimum(1, 2 * curves["p_value"])
    lost_row = curves["target_damage"].isna()
    curves.loc[lost_row, ["p_value", "q_value"]] = np.nan
    return curves


def _summary(base, results, null, curves, rng):
    last = curves[curves["alpha"] == ALPHAS[-1]].drop(columns=["name", "alpha"])
    summary = base.merge(last, on="subpopulation")
    at_last = null[null["alpha"] == ALPHAS[-1]].groupby("subpopulation")
    summary["null_damage"] = at_last["target_damage"].mean().to_numpy()
    hit = summary["target_damage"]
    summary["alpha50"] = np.where(hit > 0.4, 0.4 / hit, np.inf)
    summary.loc[summary["clean_accuracy"] < 0.5, "alpha50"] = 0.0
    summary["alpha50_low"] = 0.8 * summary["alpha50"]
    summary["alpha50_high"] = 1.3 * summary["alpha50"]
    summary["held_out_damage"] = hit - 0.03
    summary["ambient_share"] = rng.rand(len(summary))
    summary["margin"] = rng.rand(len(summary))
    summary["loss_difference"] = rng.normal(size=len(summary))
    summary["n_failed"] = (
        results["error"].notna().groupby(results["subpopulation"]).sum()
    )
    summary = summary.sort_values("target_damage", ascending=False, ignore_index=True)
    summary.insert(
        len(summary.columns), "selection_rank", np.arange(1, len(summary) + 1)
    )
    return summary


def _worst_k(summary):
    rows = [
        (k, alpha, alpha / 2 * summary["target_damage"].head(k).mean())
        for k in (1, 5, 10)
        for alpha in ALPHAS
        if k <= len(summary)
    ]
    table = pd.DataFrame(rows, columns=["k", "alpha", "damage"])
    return table.assign(
        held_out_damage=table["damage"] - 0.06,
        held_out_low=table["damage"] - 0.13,
        held_out_high=table["damage"] + 0.01,
        null_damage=0.021,
        null_held_out_damage=-0.0004,
    )


@pytest.fixture
def reported_audit():
    """Stand-in for a fitted audit: 60 subpopulations, some failed, some skipped."""

    def make(fidelity="refit", n_repeats=2, random_state=0, **kwargs):
        audit = ReportedAudit(
            LogisticRegression(max_iter=1000),
            finder=ClusterMatch(60, random_state=0),
            poisoner=SubpopPoisoner(label="flip"),
            fidelity=fidelity,
            n_repeats=n_repeats,
            random_state=random_state,
        )
        return audit.fit(**kwargs)

    make.hostile = HOSTILE
    return make
