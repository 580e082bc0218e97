"""Agreement with what published implementations give (tests/data/oracles)."""

import json

import pytest
import torch

from tests.reference import nets
from xai_core.explainers import explain
from xai_core.models.classifier import Classifier

MANIFEST = json.loads((nets.ORACLES / "manifest.json").read_text())
X = nets.oracle("x")
CASES = [
    (net, stored, method, settings)
    for net in nets.NAMES
    for conv, relu in [(nets.LAST_CONV[net], nets.LAST_RELU[net])]
    for stored, method, settings in [
        ("saliency_signed", "saliency", {}),
        ("inputxgradient", "input_x_gradient", {}),
        ("deconvolution", "deconvnet", {}),
        ("guidedbackprop", "guided_backprop", {}),
        (f"gradcam_{conv}", "gradcam", {"layer": conv, "relu": False}),
        (f"gradcam_relu_{conv}", "gradcam", {"layer": conv}),
        (f"gradcam_{relu}", "gradcam", {"layer": relu, "relu": False}),
        (f"gradcam_relu_{relu}", "gradcam", {"layer": relu}),
        ("guidedgradcam", "guided_gradcam", {"layer": conv, "upsample": "nearest"}),
        ("deeplift_zero", "deeplift", {}),
        ("deeplift_baseline", "deeplift", {"baseline": nets.oracle("baseline")}),
        ("ig_zero_gl200", "integrated_gradients", {}),
    ]
]


def classifier(name):
    return Classifier(nets.load(name), nets.CLASSES, nets.SIZE)


@pytest.mark.parametrize("name", nets.NAMES)
def test_the_networks_are_the_ones_that_were_explained(name):
    torch.testing.assert_close(
        classifier(name).logits(X), nets.oracle(f"{name}/logits"), rtol=0, atol=1e-12
    )


def test_every_stored_map_is_compared():
    assert {f"{net}/captum_{stored}".replace(".", "_") for net, stored, _, _ in CASES} == set(
        MANIFEST
    )


@pytest.mark.parametrize(("name", "stored", "method", "settings"), CASES)
def test_agrees(name, stored, method, settings):
    key = f"{name}/captum_{stored}".replace(".", "_")
    expected = nets.oracle(key)
    found = explain(classifier(name), X, nets.oracle(f"{name}/targets"), method, **settings)
    assert found.shape == expected.shape
    difference = (found - expected).abs().max() / expected.abs().max()
    assert difference <= MANIFEST[key]["rtol"]
