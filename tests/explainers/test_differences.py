"""What all methods promise that explain the difference from baselines."""

import pytest
import torch

from tests.explainers.completeness import assert_complete
from tests.reference import nets
from xai_core.errors import MethodError
from xai_core.explainers import explain

X = nets.oracle("x")
OTHERS = torch.cat([X.flip(2), X.flip(3), nets.oracle("baseline")])
OF_PICTURES = pytest.mark.parametrize(
    "method", ["expected_gradients", "deepshap", "pattern_attribution"]
)


@pytest.mark.parametrize(
    ("method", "settings"),
    [("deeplift", {}), ("deeplift_rc", {}), ("integrated_gradients", {"steps": 4})],
)
@pytest.mark.parametrize(
    "several", [["black", "mean"], ("blurred", nets.oracle("baseline"), X.flip(3)), ["noise"]]
)
def test_several_baselines_are_averaged(several, method, settings):
    clf = nets.classifier("VGGSmall")
    found = explain(clf, X, [2, 4], method, baseline=several, **settings)
    each = [explain(clf, X, [2, 4], method, baseline=one, **settings) for one in several]
    torch.testing.assert_close(found, torch.stack(each).mean(0), rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize(
    ("method", "settings"),
    [
        ("deeplift", {"baseline": X[:1]}),
        ("deeplift_rc", {"baseline": X[:1]}),
        ("deepshap", {"baselines": X[[0, 0, 0]]}),
        ("expected_gradients", {"baselines": X[[0, 0]], "samples": 4}),
    ],
)
def test_a_picture_compared_to_itself_gets_nothing(method, settings):
    found = explain(nets.classifier("VGGSmallBN"), X[:1], 0, method, **settings)
    assert torch.equal(found, torch.zeros_like(found))


@OF_PICTURES
@pytest.mark.parametrize("wrong", [OTHERS[0], OTHERS[:0], OTHERS[:, :, :8], OTHERS[:, :1]])
def test_pictures_of_another_shape_are_refused(wrong, method):
    message = r"The baselines have the shape .* need \[B, 3, 32, 32\] with B of at least 1\.$"
    with pytest.raises(MethodError, match=message):
        explain(nets.classifier("VGGSmall"), X, 0, method, baselines=wrong)


@OF_PICTURES
def test_pictures_must_be_finite(method):
    with pytest.raises(MethodError, match="baselines have values that are not finite"):
        explain(nets.classifier("VGGSmall"), X, 0, method, baselines=OTHERS / 0)


@pytest.mark.parametrize("name", nets.NAMES)
@pytest.mark.parametrize("baseline", ["black", "mean"])
@pytest.mark.parametrize("method", ["deeplift", "deeplift_rc"])
def test_complete_on_the_oracle_networks(method, baseline, name):
    clf = nets.classifier(name, (0.4,) * 3, (0.3,) * 3)
    assert_complete(method, clf, X, [0, 3], baseline)


@pytest.mark.parametrize(
    # Layers with weights, and terms of the longest sum in one of them.
    ("method", "name", "layers", "terms"),
    [("deeplift", "VGGSmallBN", 6, 1024), ("deeplift_rc", "ResSmall", 7, 144)],
)
def test_complete_in_float32_up_to_its_rounding(method, name, layers, terms):
    """A sum of n products is off by 4 sqrt(n) u of their absolute values, u = 2 ** -24.

    (Higham & Mary 2019, doi:10.1137/18M1226312, lambda = 4.) It is so forwards and back.
    """
    clf = nets.classifier(name, dtype=torch.float32)
    x = X.float()
    relevance = explain(clf, x, 1, method).flatten(1).double()
    change = (clf.logits(x) - clf.logits(torch.zeros_like(x)))[:, 1]
    rounding = 2 * layers * 4 * terms**0.5 * 2**-24 * relevance.abs().sum(1)
    assert ((relevance.sum(1) - change).abs() <= rounding).all()
    assert (rounding <= 0.01 * relevance.abs().sum(1)).all()
