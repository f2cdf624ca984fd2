"""The estimator checks of scikit-learn, for networks."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

pytest.importorskip("torch")
pytest.importorskip("skorch")

from skpoison.nets import SeededNetClassifier, TabularNet

# What the base class of skorch does, and what single precision cannot.
EXPECTED = {
    "check_no_attributes_set_in_init": "skorch sets its history in the constructor",
    "check_do_not_raise_errors_in_init_or_set_params": "skorch compares parameters",
    "check_set_params": "skorch keeps names of parameters to validate as a parameter",
    "check_methods_sample_order_invariance": (
        "the last bits of a float32 depend on the place of a row in its batch"
    ),
}


@parametrize_with_checks(
    [SeededNetClassifier(TabularNet, max_epochs=30, lr=0.02, random_state=0)],
    expected_failed_checks=lambda estimator: EXPECTED,
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_scikit_learn_checks(estimator, check):
    check(estimator)
