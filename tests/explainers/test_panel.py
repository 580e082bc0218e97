"""Methods together on the same pictures: what is shared is computed once and changes nothing."""

from collections import OrderedDict

import pytest
import torch
from torch import nn

from tests.reference import nets
from xai_core.errors import MethodError, ModelError
from xai_core.explainers import METHODS, Panel, explain
from xai_core.explainers.sharing import Sharing, alone, requested, shared
from xai_core.models.classifier import Classifier

X = nets.oracle("x")
TARGETS = [3, 1]


class Counter(nn.Module):
    """Passes its input on and counts the pictures."""

    pictures = 0

    def forward(self, x):
        Counter.pictures += len(x)
        return x


@pytest.fixture
def clf():
    layers = OrderedDict(nets.load("VGGSmallBN").named_children())
    layers["counter"] = Counter()
    built = Classifier(nn.Sequential(layers), nets.CLASSES, nets.SIZE, (0.5,) * 3, (0.25,) * 3)
    Counter.pictures = 0
    return built


def test_every_method_gives_what_it_gives_alone(clf):
    # CAM, which this network has no end for, has a panel of its own in test_cam.
    wanted = {name: row.quick for name, row in METHODS.items() if name != "cam"}
    panel = Panel(clf, X, TARGETS, wanted)
    assert panel.methods == list(wanted)
    for name, quick in wanted.items():
        expected = explain(clf, X, TARGETS, name, **quick)
        torch.testing.assert_close(panel.explain(name), expected, rtol=1e-11, atol=1e-13)


def test_one_pass_serves_the_gradient_and_the_activation_maps(clf):
    wanted = {"saliency": {}, "input_x_gradient": {}, "gradcam": {"layer": "conv2"}}
    panel = Panel(clf, X, TARGETS, {**wanted, "guided_gradcam": {}, "guided_backprop": {}})
    for name in wanted:
        panel.explain(name)
    assert Counter.pictures == len(X)
    panel.explain("guided_gradcam")  # Grad-CAM at the default layer is there already
    panel.explain("guided_backprop")
    assert Counter.pictures == 2 * len(X)


def test_what_was_kept_is_freed_when_every_method_has_been_explained(clf):
    panel = Panel(clf, X, TARGETS, {"saliency": {}, "input_x_gradient": {}})
    panel.explain("saliency")
    panel.explain("input_x_gradient")
    assert Counter.pictures == len(X)
    panel.explain("saliency")
    assert Counter.pictures == 2 * len(X)


def test_results_can_be_changed_without_harm(clf):
    panel = Panel(clf, X, TARGETS, {"saliency": {}, "input_x_gradient": {}})
    panel.explain("saliency").zero_()
    assert panel.explain("input_x_gradient").abs().max() > 0


def test_a_method_that_fails_does_not_harm_the_others(clf):
    requests = {"gradcam": {"layer": "no such layer"}, "saliency": {}, "guided_gradcam": {}}
    panel = Panel(clf, X, TARGETS, requests)
    with pytest.raises(ModelError, match="no such layer"):
        panel.explain("gradcam")
    assert torch.equal(panel.explain("saliency"), explain(clf, X, TARGETS, "saliency"))
    with pytest.raises(ModelError, match="no such layer"):
        panel.explain("gradcam")
    assert torch.equal(panel.explain("guided_gradcam"), explain(clf, X, TARGETS, "guided_gradcam"))


def test_the_pictures_may_change_after_the_panel_was_made(clf):
    x = X.clone()
    panel = Panel(clf, x, TARGETS, {"saliency": {}})
    x.zero_()
    assert torch.equal(panel.explain("saliency"), explain(clf, X, TARGETS, "saliency"))


@pytest.mark.parametrize(
    ("requests", "message"),
    [({"nonsense": {}}, "no method"), ({"gradcam": {"colour": 1}}, "no setting 'colour'")],
)
def test_wrong_requests_are_refused_at_once(requests, message, clf):
    with pytest.raises(MethodError, match=message):
        Panel(clf, X, TARGETS, requests)


def test_shared_functions_compute_once_where_results_are_shared():
    calls = []

    @shared
    def double(clf, x, power=1):
        calls.append(power)
        return x * 2**power

    one, other = torch.ones(1), torch.ones(1)
    assert not requested()
    double(None, one)
    double(None, one)
    assert len(calls) == 2
    sharing = Sharing({"saliency": {"a": 1}})
    with sharing.active():
        assert requested() == {"saliency": {"a": 1}}
        assert double(None, one) is double("another twin", one)
        assert len(calls) == 3
        double(None, other)
        double(None, one, power=2)
        assert len(calls) == 5
        with alone():
            assert not requested()
            double(None, one)
        assert len(calls) == 6
        double(None, one)
        assert len(calls) == 6
    sharing.forget()
    with sharing.active():
        double(None, one)
    assert len(calls) == 7
