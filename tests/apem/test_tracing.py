"""The way step by step: by hand, and as the metric counts it."""

import numpy as np
import pytest
import torch

from tests.apem.tiny_networks import Constant, classifier, linear_case, map_of, plain, small_case
from xai_core.apem import apem
from xai_core.apem.tracing import trace
from xai_core.errors import MethodError


def test_by_hand():
    # Of the map (1, .5, 0, 0) on weights (4, 1, 1, 2) the score 10.5 falls by 3 a step, and by 1.4
    # along its opposite; the probability is the logistic function of it.
    clf, x = linear_case()
    r = map_of(1.0, 0.5, 0.0, 0.0)
    found = trace(clf, x, r)
    assert (found.eps_minus, found.eps_plus) == (4, 8)
    assert found.own.shape == found.classes.shape == found.top.shape == (2, 11)
    steps = np.arange(11)
    for way, slope in enumerate((3.0, 1.4)):
        score = 10.5 - slope * steps
        assert found.own[way] == pytest.approx(1 / (1 + np.exp(-score)), abs=1e-6)
        assert found.classes[way].tolist() == (score < 0).astype(int).tolist()
    assert found.top == pytest.approx(np.maximum(found.own, 1 - found.own), abs=1e-6)
    # The class is left by lowering every value: the gradient of its loss is negative.
    assert (found.signs == -1).all()


@pytest.mark.parametrize("seed", range(4))
def test_it_counts_as_the_metric_does(seed):
    clf, x, r = small_case(seed, 3, scale=0.3, count=1)
    found, counted = trace(clf, x, r, eps_max=20), apem(clf, x, 0, r, eps_max=20)
    assert [found.eps_minus] == plain(counted.eps_minus)
    assert [found.eps_plus] == plain(counted.eps_plus)
    for way, end in enumerate((found.eps_minus, found.eps_plus)):
        left = found.classes[way] != found.classes[way, 0]
        assert left.any() == (end is not None)
        assert end is None or int(left.argmax()) == end


def test_a_way_without_a_change_goes_to_its_end():
    r = map_of(1.0, 0.5, 0.0, 0.0)
    found = trace(classifier(Constant()), torch.ones(1, 3, 2, 2), r, eps_max=7)
    assert (found.eps_minus, found.eps_plus) == (None, None)
    assert found.own.shape == (2, 8)
    with pytest.raises(MethodError, match="zero everywhere"):
        trace(classifier(Constant()), torch.ones(1, 3, 2, 2), torch.zeros(1, 1, 2, 2))
