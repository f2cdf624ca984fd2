import pytest
from sklearn.mixture import GaussianMixture

from skpoison import SubpopPoisoner
from skpoison.attacks import ImpossibilityPoisoner
from skpoison.finders._base import subpopulation_index, subpopulation_names
from skpoison.mixture import impossibility_bound


def test_made_up_names_are_taken_as_they_were_given(blobs):
    X, y, _ = blobs
    mixture = GaussianMixture(4, random_state=0).fit(X)
    for number, name in enumerate(subpopulation_names(mixture, 4)):
        assert subpopulation_index(mixture, name) == number
    smallest = impossibility_bound(mixture, X, y).smallest
    poisoner = ImpossibilityPoisoner(mixture, target=smallest, random_state=0)
    assert poisoner.fit(X, y).target_name_ == smallest
    with pytest.raises(ValueError, match="gives its subpopulations no names"):
        SubpopPoisoner(mixture, target="cluster 1").fit(X, y)
