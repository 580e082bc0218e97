"""Patterns in a file beside the weights: for which networks they serve, and what is refused."""

import numpy as np
import pytest
import torch
from torch import nn

from tests.networks import Net
from tests.reference import nets
from xai_core.errors import MethodError, ModelError
from xai_core.explainers import METHODS, explain
from xai_core.explainers.graph import read
from xai_core.explainers.pattern import propagate
from xai_core.explainers.pattern_estimation import estimate_by_layer
from xai_core.explainers.pattern_files import save_patterns, stored_patterns, weights_hash
from xai_core.explainers.recorded import record
from xai_core.models import load_classifier
from xai_core.models.classifier import Classifier
from xai_core.places import ASSETS
from xai_core.randomization.layer_groups import randomizable_layers
from xai_core.randomization.networks import with_new_weights
from xai_core.randomization.sweep import Request, State, Sweep

X = nets.oracle("x")
PICTURES = nets.oracle("baselines8")
METHOD = "pattern_attribution"
EMBEDDED = ("vgg-tiny", "vgg-tiny-permuted-labels", "efficientnet-lite0")


@pytest.fixture
def brought(tmp_path):
    """A classifier that brings patterns, and these as they were estimated."""
    clf = nets.classifier("VGGSmallBN")
    patterns = estimate_by_layer(clf, PICTURES)
    path = tmp_path / "net.patterns.safetensors"
    save_patterns(path, patterns, clf.module, "8 pictures.")
    clf.patterns_file = path
    return clf, patterns


def test_the_file_holds_the_patterns_in_float16(brought):
    clf, patterns = brought
    stored = stored_patterns(clf)
    assert stored.keys() == patterns.keys() == {*clf.layers()}
    for name, pattern in patterns.items():
        assert torch.equal(stored[name], pattern.half().double())


def test_the_models_own_patterns_are_the_default(brought):
    clf, patterns = brought
    found = explain(clf, X, [3, 1], METHOD)
    with torch.no_grad():
        graph = read(record(clf.private(), X))
        rounded = {
            node.output: patterns[node.step.layer].half().double()
            for node in graph.nodes
            if node.step.layer in patterns and hasattr(node, "raw")
        }
        expected = propagate(graph, torch.tensor([3, 1]), rounded)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-14)
    assert torch.equal(explain(clf, X, [3, 1], METHOD, baselines="training"), found)
    samples = explain(clf, X, [3, 1], METHOD, baselines="samples")
    assert not torch.allclose(samples, found)
    without = nets.classifier("VGGSmallBN")
    assert torch.equal(explain(without, X, [3, 1], METHOD), samples)


def test_a_file_decides_the_fingerprint(brought):
    clf, _ = brought
    without = nets.classifier("VGGSmallBN")
    assert clf.fingerprint != without.fingerprint
    assert clf.private().fingerprint == clf.fingerprint


def test_a_network_with_other_weights_has_none_of_them(brought):
    clf, _ = brought
    twin = with_new_weights(clf, randomizable_layers(clf)[:1], 0)
    assert stored_patterns(twin) is None
    with pytest.raises(MethodError, match=r"no patterns .* for these weights; choose samples, or"):
        explain(twin, X, 0, METHOD, baselines="training")
    samples = explain(twin, X, 0, METHOD, baselines="samples")
    assert torch.equal(explain(twin, X, 0, METHOD), samples)


def test_a_sanity_check_has_the_same_reference_pictures_for_every_network(brought):
    clf, _ = brought
    sweep = Sweep(clf, X, [3, 1])
    twin = sweep.network(State(("fc2",), 0))
    chosen = {"auto": {}, "samples": {"baselines": "samples"}}
    settings = {name: METHODS[METHOD].settings(given) for name, given in chosen.items()}
    for network in (clf, twin):
        found = [
            sweep.maps(network, {METHOD: Request(METHOD, given)})[METHOD]
            for given in settings.values()
        ]
        np.testing.assert_array_equal(*found)


def test_a_statistic_of_a_batchnorm_is_a_weight_too(brought):
    clf, _ = brought
    before = weights_hash(clf.module)
    clf.module.bn1.running_mean[0] += 1
    assert weights_hash(clf.module) != before


def test_the_type_of_the_weights_does_not_matter():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    single = weights_hash(net)
    assert weights_hash(net.double()) == single


def test_a_damaged_file_is_told(brought):
    clf, _ = brought
    clf.patterns_file.write_bytes(b"no safetensors")
    with pytest.raises(ModelError, match=r"net\.patterns\.safetensors is damaged"):
        explain(clf, X, 0, METHOD)


def test_a_file_appears_only_when_it_is_complete(brought, monkeypatch):
    clf, patterns = brought
    path, before = clf.patterns_file, clf.patterns_file.read_bytes()
    assert [file.name for file in path.parent.iterdir()] == [path.name]

    def halted(stored, file, metadata):
        file.write_bytes(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr("xai_core.explainers.pattern_files.save_file", halted)
    with pytest.raises(OSError, match="No space"):
        save_patterns(path, patterns, clf.module, "8 pictures.")
    assert path.read_bytes() == before


def test_patterns_too_large_for_the_file_are_refused(tmp_path):
    net = nn.Sequential(nn.Conv2d(3, 4, 3))
    with pytest.raises(ModelError, match="layer '0' is too large"):
        save_patterns(tmp_path / "file", {"0": torch.tensor([1e5])}, net, "")


@pytest.mark.parametrize("model", EMBEDDED)
def test_embedded_models_bring_patterns_of_these_very_weights(model):
    clf = load_classifier(model)
    stored = stored_patterns(clf)
    assert stored.keys() == {*clf.layers()}
    assert clf.patterns_file.stat().st_size < 10e6
    x = torch.zeros(1, 3, *clf.input_size)
    assert explain(clf, x, 0, METHOD, baselines="training").any()


def test_the_assets_stay_small():
    assert sum(file.stat().st_size for file in ASSETS.iterdir()) < 60e6


def test_a_layer_that_runs_twice_cannot_be_kept():
    layers = {"conv": nn.Conv2d(3, 3, 1), "fc": nn.Linear(3, 5)}
    twice = Net(lambda net, x: net.fc(net.conv(net.conv(x)).mean((2, 3))), **layers)
    clf = Classifier(twice.double(), nets.CLASSES, nets.SIZE)
    with pytest.raises(MethodError, match="runs more than once"):
        estimate_by_layer(clf, PICTURES)
