"""The same maps whatever the memory layout, threads, neighbours, history and processor.

The pictures have even areas and the baselines are even, so that max-pooling meets values that
are equal but for rounding.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.explainers import all_maps
from tests.explainers.all_maps import METHODS_OF, NETWORKS, TARGETS, maps
from tests.explainers.shaking import shaken, shaken_alike, share, size
from xai_core.explainers import explain
from xai_core.images import sample_images
from xai_core.models import load_classifier
from xai_core.models.classifier import Classifier

LAST = torch.channels_last
ROOT = Path(__file__).parents[2]
NETWORK = pytest.mark.parametrize("network", NETWORKS)
DTYPE = pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])
# Terms of the longest sum in a layer: 16 * 8 * 8 inputs of fc1, and 3 * 3 * 16 of a convolution.
TERMS = {"vgg": 1024, "residual": 144}


@pytest.fixture(scope="module")
def data():
    return all_maps.given()


@pytest.fixture(scope="module")
def usual(data):
    """The maps with which all others are compared."""
    return all_maps.every_map(data)


@pytest.fixture(scope="module")
def bounds(data, usual):
    """How much each method's maps may differ, by the same names as ``usual``.

    float64: 1e-9 of the maximum.

    float32: a computed sum is the exact sum of products that are a little off (``shaking.share``).
    So the maps in float32 are those of a network and pictures that are shaken by as much. How
    much that changes them is measured in float64, where nothing else does: the largest change of
    three shakes. Two runs that are compared are both off: twice that. RAP computes in float64 and
    rounds its map only.
    """
    found = {}
    for network in NETWORKS:
        exact = usual[f"{network} float64"]
        found[f"{network} float64"] = {name: 1e-9 * size(exact[name]) for name in exact}
        generator = torch.Generator().manual_seed(0)
        most = share(TERMS[network])
        changes = dict.fromkeys(exact, 0.0)
        for _ in range(3):
            shaken = maps(network, shaken_evenly(data, most, generator))
            for name, one in shaken.items():
                changes[name] = max(changes[name], size(one - exact[name]))
        single = {name: 2 * change for name, change in changes.items()}
        found[f"{network} float32"] = {**single, "rap": (1e-9 + 2**-23) * size(exact["rap"])}
    return found


def shaken_evenly(data, most, generator):
    """Weights each by itself, pixels by their value."""
    changed = {
        "weights": {
            network: {name: shaken(w, most, generator) for name, w in weights.items()}
            for network, weights in data["weights"].items()
        }
    }
    given = ("x", "baseline", "baselines")
    return changed | {name: shaken_alike(data[name], most, generator) for name in given}


def same(found, network, dtype, usual, bounds):
    key = f"{network} {str(dtype).removeprefix('torch.')}"
    assert found.keys() == usual[key].keys() == set(METHODS_OF[network])
    off = {
        name: (size(one - usual[key][name]), bounds[key][name])
        for name, one in found.items()
        if not size(one - usual[key][name]) <= bounds[key][name]
    }
    assert not off, "method: (difference, bound)"


@DTYPE
@NETWORK
@pytest.mark.parametrize("module_layout", [None, LAST], ids=["picture", "weights"])
def test_channels_last(network, dtype, module_layout, data, usual, bounds):
    x = data["x"].contiguous(memory_format=LAST)
    assert not x.is_contiguous()
    found = maps(network, data, dtype, x=x, module_layout=module_layout)
    same(found, network, dtype, usual, bounds)


@DTYPE
@NETWORK
def test_alone_and_beside_others(network, dtype, data, usual, bounds):
    both = [
        maps(network, data, dtype, x=data["x"][i : i + 1], targets=TARGETS[i : i + 1])
        for i in range(2)
    ]
    found = {name: torch.cat([each[name] for each in both]) for name in both[0]}
    same(found, network, dtype, usual, bounds)


@NETWORK
def test_after_other_work(network, data, usual, bounds):
    other = data["x"].flip(0, 2)
    maps(network, data, x=other, targets=[0, 2])
    torch.rand(1000).sort()
    same(maps(network, data), network, torch.float64, usual, bounds)


@NETWORK
def test_weights_and_baselines_that_are_shaken_in_their_last_digits(network, data, usual, bounds):
    generator = torch.Generator().manual_seed(1)
    changed = {name: shaken(data[name], 1e-15, generator) for name in ("baseline", "baselines")}
    assert changed["baseline"].unique().numel() > 3
    weights = shaken_evenly(data, 1e-15, generator)["weights"]
    found = maps(network, {**data, **changed, "weights": weights})
    same(found, network, torch.float64, usual, bounds)


def of_a_process(data, folder, **environment):
    """The maps of a process of its own."""
    torch.save(data, folder / "given.pt")
    command = [sys.executable, "-m", "tests.explainers.all_maps"]
    known = {name: word for name, word in os.environ.items() if name != "ATEN_CPU_CAPABILITY"}
    subprocess.run(
        [*command, folder / "given.pt", folder / "maps.pt"],
        check=True,
        cwd=ROOT,
        env={**known, **environment},
    )
    return torch.load(folder / "maps.pt", weights_only=True)


@pytest.fixture(scope="module")
def elsewhere(data, tmp_path_factory):
    """The maps of a processor without vector instructions, or of one with them."""
    plain = torch.backends.cpu.get_cpu_capability() == "DEFAULT"
    other = {} if plain else {"ATEN_CPU_CAPABILITY": "default"}
    return of_a_process(data, tmp_path_factory.mktemp("elsewhere"), OMP_NUM_THREADS="1", **other)


@pytest.fixture(scope="module")
def side_by_side(data, tmp_path_factory):
    """The maps of another number of threads, which wait for each other without keeping a core."""
    count = 1 if torch.get_num_threads() > 1 else 2
    threads = {"OMP_NUM_THREADS": f"{count}", "OMP_WAIT_POLICY": "passive"}
    return of_a_process(data, tmp_path_factory.mktemp("threads"), **threads)


@DTYPE
@NETWORK
def test_another_processor(network, dtype, elsewhere, usual, bounds):
    found = elsewhere[f"{network} {str(dtype).removeprefix('torch.')}"]
    same(found, network, dtype, usual, bounds)


@DTYPE
@NETWORK
def test_threads(network, dtype, side_by_side, usual, bounds):
    found = side_by_side[f"{network} {str(dtype).removeprefix('torch.')}"]
    same(found, network, dtype, usual, bounds)


@NETWORK
def test_the_bounds_of_float32_leave_no_room_for_another_map(network, usual, bounds):
    """Winners that rounding chose changed maps of DeepLIFT by 44 to 100 % of their maximum."""
    exact = usual[f"{network} float64"]
    for name, bound in bounds[f"{network} float32"].items():
        assert bound <= 0.1 * size(exact[name]), name


@pytest.fixture(scope="module")
def trained():
    """The embedded VGG in float64, and a picture for it."""
    clf = load_classifier("vgg-tiny")
    x = clf.preprocess([sample_images()[0].loader()]).double()
    double = Classifier(clf.module.double(), clf.class_names, clf.input_size, clf.mean, clf.std)
    return double, x


@pytest.mark.parametrize("method", ["deeplift", "deeplift_rc", "deepshap"])
def test_an_even_baseline_on_a_trained_vgg(method, trained):
    """A convolution of it gives equal values contiguous, and nearly equal ones channels-last."""
    clf, x = trained
    black = clf.normalise(torch.zeros_like(x))
    even = torch.cat([black, clf.normalise(torch.full_like(x, 0.5))])
    settings = {"baselines": even} if method == "deepshap" else {"baseline": black}
    usual = explain(clf, x, 3, method, **settings)
    found = explain(clf, x.contiguous(memory_format=LAST), 3, method, **settings)
    assert size(found - usual) <= 1e-9 * size(usual)
