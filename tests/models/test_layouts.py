"""Checkpoints as people have them: each gives the scores of the network that it came from."""

import argparse
import re
from collections import OrderedDict

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.optim.swa_utils import AveragedModel

from tests.models.small_networks import NETWORKS, known, leaky, small, staged  # noqa: F401
from xai_core.errors import ModelError
from xai_core.models import load_classifier
from xai_core.models.architectures import blueprint
from xai_core.models.checkpoint_files import WeightsFile
from xai_core.models.recognition import recognise

SIZE = (8, 8)
CLASSES = 3


@pytest.fixture(autouse=True)
def _known(known):  # noqa: F811
    known(**NETWORKS)


def trained(builder=small, classes=CLASSES, seed=0):
    """A network as after some steps, so that no weight has the value that it is built with."""
    torch.manual_seed(seed)
    network = builder(classes)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(2):
        network(torch.rand(4, 3, *SIZE)).square().sum().backward()
        optimizer.step()
    return network.eval(), optimizer


def pictures():
    return torch.rand(2, 3, *SIZE, generator=torch.Generator().manual_seed(1))


def opened(tmp_path, content, **options):
    path = tmp_path / "net.pt"
    torch.save(content, path)
    return load_classifier(path, **{"input_size": SIZE, **options})


def agree(clf, network):
    with torch.no_grad():
        assert torch.equal(clf.logits(pictures()), network(pictures()))


def prefixed(state, prefix):
    return OrderedDict((prefix + name, tensor) for name, tensor in state.items())


def compiled_inside(state):
    return {name.replace("bn1.", "bn1._orig_mod."): tensor for name, tensor in state.items()}


def nested(state):
    found = {}
    for name, tensor in state.items():
        module, _, kind = name.partition(".")
        found.setdefault(module, {})[kind] = tensor
    return found


LAYOUTS = {
    "plain": lambda state: state,
    "under a known key": lambda state: {"state_dict": state, "epoch": 3},
    "under any key": lambda state: {"what": {"ever": [state]}},
    "names nested": lambda state: nested(state),
    "DataParallel": lambda state: prefixed(state, "module."),
    "torch.compile": lambda state: prefixed(state, "_orig_mod."),
    "compiled and distributed": lambda state: prefixed(state, "module._orig_mod."),
    "a module compiled": lambda state: compiled_inside(state),
    "a module distributed": lambda state: {
        name.replace("conv2.", "conv2.module."): tensor for name, tensor in state.items()
    },
    "model.": lambda state: prefixed(state, "model."),
    "net.": lambda state: prefixed(state, "net."),
    "backbone.": lambda state: {"model": prefixed(state, "backbone.")},
    "several prefixes": lambda state: {"state_dict": prefixed(state, "module.model.net.")},
    "Lightning": lambda state: {
        "epoch": 1,
        "global_step": 20,
        "pytorch-lightning_version": "2.4.0",
        "state_dict": {**prefixed(state, "model."), "loss.weight": torch.ones(CLASSES)},
        "loops": {"fit_loop": {"state_dict": {}}},
        "callbacks": {"ModelCheckpoint{'monitor': 'loss'}": {"best": torch.tensor(0.3)}},
        "optimizer_states": [{"state": {0: {"exp_avg": torch.ones(2)}}, "param_groups": []}],
        "hyper_parameters": {"lr": 0.1},
    },
    "arguments and metrics": lambda state: {
        "model": state,
        "args": argparse.Namespace(lr=0.1),
        "best": np.float64(0.7),
    },
    "SWA": lambda state: {"n_averaged": torch.tensor(3), **prefixed(state, "module.")},
    "no counters": lambda state: {
        name: tensor for name, tensor in state.items() if "num_batches" not in name
    },
    "another network beside": lambda state: {
        **prefixed(state, "student."),
        "discriminator.0.weight": torch.ones(3, 3),
    },
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("told", [True, False], ids=["told", "guessed"])
def test_the_weights_are_found(tmp_path, layout, told):
    network, _ = trained()
    content = LAYOUTS[layout](network.state_dict())
    clf = opened(tmp_path, content, **({"architecture": "small"} if told else {}))
    agree(clf, network)
    assert clf.class_names == ["class 0", "class 1", "class 2"]
    # Two convolutions of two tensors, and a BatchNorm of four and its counter.
    weights = 8 if layout == "no counters" else 9
    sentence = f"all {weights} weights outside the last layer have the names and shapes of small."
    assert (f"Taken for small: {sentence}" in clf.notes) is not told


def test_what_was_left_out_is_said(tmp_path):
    network, optimizer = trained()
    lightning = LAYOUTS["Lightning"](network.state_dict())
    notes = opened(tmp_path, lightning, architecture="small").notes
    assert notes[0] == ("Left out of the file: state_dict.loss, callbacks, optimizer_states.")
    content = {"net": network.state_dict(), "optimizer": optimizer.state_dict()}
    clf = opened(tmp_path, content, architecture="small")
    agree(clf, network)
    assert clf.notes[0] == "Left out of the file: optimizer."
    content = LAYOUTS["arguments and metrics"](network.state_dict())
    (note,) = opened(tmp_path, content, architecture="small").notes
    assert note.startswith("Objects in the file were not made: argparse.Namespace, numpy")


def test_swa_and_compile_as_torch_writes_them(tmp_path):
    network, _ = trained()
    averaged = AveragedModel(network)
    averaged.update_parameters(network)
    agree(opened(tmp_path, averaged.state_dict()), network)
    compiled = torch.compile(network)
    assert next(iter(compiled.state_dict())).startswith("_orig_mod.")
    agree(opened(tmp_path, compiled.state_dict()), network)
    agree(opened(tmp_path, nn.DataParallel(network).state_dict()), network)


@pytest.mark.parametrize("kind", ["pt", "safetensors"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_become_float32(tmp_path, kind, dtype):
    network, _ = trained()
    rounded = {
        name: tensor.to(dtype) if tensor.is_floating_point() else tensor
        for name, tensor in network.state_dict().items()
    }
    path = tmp_path / f"net.{kind}"
    (torch.save if kind == "pt" else save_file)(rounded, path)
    network.load_state_dict(rounded)
    agree(load_classifier(path, input_size=SIZE), network)


def test_an_average_over_training_is_taken_if_its_key_says_so(tmp_path):
    raw, average = trained(seed=1)[0], trained(seed=2)[0]
    content = {"state_dict": raw.state_dict(), "state_dict_ema": average.state_dict()}
    clf = opened(tmp_path, content)
    agree(clf, average)
    assert clf.notes[1] == (
        "Of several sets of weights 'state_dict_ema' is used, an average over training, "
        "not 'state_dict'."
    )
    agree(opened(tmp_path, content, weights="state_dict"), raw)
    content = {"student": raw.state_dict(), "teacher": prefixed(average.state_dict(), "net.")}
    sentence = r"holds 2 sets of weights that fit; say which \(weights\): 'student', 'teacher.net'"
    for options in ({}, {"architecture": "small"}):
        with pytest.raises(ModelError, match=sentence):
            opened(tmp_path, content, **options)
        agree(opened(tmp_path, content, weights="teacher", **options), average)
    with pytest.raises(ModelError, match=r"no weights of small under 'other'.*: student, teacher"):
        opened(tmp_path, content, architecture="small", weights="other")
    with pytest.raises(ModelError, match="no architecture that is known here under 'other'"):
        opened(tmp_path, content, weights="other")


def test_a_guess_is_never_made_in_silence(tmp_path, known):  # noqa: F811
    known(small=small, leaky=leaky)
    network, _ = trained(leaky)
    with pytest.raises(ModelError) as caught:
        opened(tmp_path, {"model": network.state_dict()})
    assert str(caught.value) == (
        "net.pt: its weights' names and shapes are those of several architectures; say which "
        "(architecture): small, leaky."
    )
    agree(opened(tmp_path, {"model": network.state_dict()}, architecture="leaky"), network)
    both = {"a": network.state_dict(), "b": trained(staged)[0].state_dict()}
    known(staged=staged, leaky=leaky)
    with pytest.raises(ModelError, match=r"\(architecture\): leaky \(a\), staged \(b\)\."):
        opened(tmp_path, both)
    agree(opened(tmp_path, both, weights="a"), network)


HEADS = {
    "Dropout, Linear": ("fc", lambda: nn.Sequential(nn.Dropout(), nn.Linear(20, 4)), None),
    "Linear without bias": ("fc", lambda: nn.Linear(20, 4, bias=False), None),
    "deep inside": ("fc", lambda: nn.Sequential(nn.Sequential(nn.Linear(20, 4))), None),
    "Linear, ReLU, Linear": (
        "fc",
        lambda: nn.Sequential(nn.Linear(20, 6), nn.ReLU(), nn.Linear(6, 4)),
        "relu",
    ),
    "by name": (
        "fc",
        lambda: nn.Sequential(
            OrderedDict(one=nn.Linear(20, 6), act=nn.Tanh(), two=nn.Linear(6, 4))
        ),
        "tanh",
    ),
    "BatchNorm, Dropout": (
        "fc",
        lambda: nn.Sequential(
            nn.Linear(20, 6), nn.BatchNorm1d(6), nn.GELU(), nn.Dropout(), nn.Linear(6, 4)
        ),
        "gelu",
    ),
    "ReLU before BatchNorm": (
        "fc",
        lambda: nn.Sequential(nn.Linear(20, 6), nn.ReLU(), nn.BatchNorm1d(6), nn.Linear(6, 4)),
        "relu",
    ),
    "only dropout between": (
        "fc",
        lambda: nn.Sequential(nn.Linear(20, 6), nn.Dropout(), nn.Linear(6, 4)),
        "none",
    ),
    "nothing between": ("fc", lambda: nn.Sequential(nn.Linear(20, 6), nn.Linear(6, 4)), None),
    "whole classifier": ("classifier", lambda: nn.Linear(20, 4), None),
    "classifier of two": (
        "classifier",
        lambda: nn.Sequential(nn.Dropout(), nn.Linear(20, 6), nn.ReLU(), nn.Linear(6, 4)),
        "relu",
    ),
}


@pytest.mark.parametrize("told", [True, False], ids=["told", "guessed"])
@pytest.mark.parametrize("head", HEADS)
def test_heads_of_ones_own(tmp_path, head, told):
    module, build, activation = HEADS[head]
    name, builder = ("small", small) if module == "fc" else ("staged", staged)

    def replaced(classes):
        network = builder(classes)
        network.set_submodule(module, build())
        return network

    network, _ = trained(replaced)
    state = prefixed(network.state_dict(), "model.")
    options = {"architecture": name} if told else {}
    if activation is not None:
        sentence = rf"several layers in the place of '{module}'.*\(head_activation\): relu, gelu"
        with pytest.raises(ModelError, match=sentence):
            opened(tmp_path, state, **options)
        options["head_activation"] = activation
    clf = opened(tmp_path, state, **options)
    agree(clf, network)
    assert len(clf.class_names) == 4
    assert any(f"own head takes the place of {module}: Linear(20" in note for note in clf.notes)


def test_a_head_beside_the_backbone(tmp_path):
    network, _ = trained()
    state = network.state_dict()
    content = {
        f"head.{name}" if name.startswith("fc") else f"backbone.{name}": tensor
        for name, tensor in state.items()
    }
    clf = opened(tmp_path, content)
    agree(clf, network)
    assert clf.notes[1] == "'head' of the file takes the place of fc: Linear(20, 3)."
    with pytest.raises(ModelError, match=r"small: weights 2 missing \(fc\.weight, fc\.bias\)\."):
        opened(tmp_path, {**content, "other.weight": torch.ones(2, 20)}, architecture="small")


def test_where_an_activation_stands_may_be_unknown(tmp_path):
    network = small(4)
    network.fc = nn.Sequential(
        nn.Linear(20, 6), nn.ReLU(), nn.BatchNorm1d(6), nn.Dropout(), nn.Linear(6, 4)
    )
    state = network.eval().state_dict()
    with pytest.raises(ModelError, match="stands before or behind the BatchNorm is not in"):
        opened(tmp_path, state, head_activation="relu")
    with pytest.raises(ModelError, match="no head of several layers, so leave head_activation"):
        opened(tmp_path, small(3).state_dict(), head_activation="relu")
    with pytest.raises(ModelError, match="is one of relu, gelu, tanh, sigmoid, none, not 'elu'"):
        opened(tmp_path, state, head_activation="elu")


def test_grey_pictures(tmp_path):
    """Against the network itself, on grey by BT.601: L = 0.299 R + 0.587 G + 0.114 B."""

    def grey(classes):
        network = small(classes)
        network.conv1 = nn.Conv2d(1, 4, 3, padding=0)
        return network

    torch.manual_seed(0)
    network = grey(3).double().eval()
    state = network.state_dict()
    mean, std = 0.4, 0.3
    clf = opened(tmp_path, state, mean=[mean], std=[std])
    clf.module.double()
    x = pictures().double()
    level = 0.299 * x[:, 0] + 0.587 * x[:, 1] + 0.114 * x[:, 2]
    with torch.no_grad():
        wanted = network(((level - mean) / std)[:, None])
        found = clf.logits(clf.normalise(x))
    # The weights of the file have more digits than float32, which has 2^-24.
    assert torch.allclose(found, wanted, rtol=0, atol=1e-6)
    assert not torch.allclose(found, wanted + 1e-4, rtol=0, atol=1e-6)
    assert any("takes grey pictures" in note and "0.299" in note for note in clf.notes)
    for options in ({}, {"mean": (0.4, 0.5, 0.4), "std": (0.3,)}, {"mean": (0.4,)}):
        with pytest.raises(ModelError, match="give one mean and one standard deviation"):
            opened(tmp_path, state, **options)
    state["conv1.weight"] = torch.ones(4, 4, 3, 3)
    with pytest.raises(ModelError, match=r"has the shape \[4, 4, 3, 3\], but \[4, 3, 3, 3\]"):
        opened(tmp_path, state, architecture="small")


def test_names_and_numbers_of_classes(tmp_path):
    network, _ = trained()
    state = network.state_dict()
    assert opened(tmp_path, state, class_names=["a", "b", "c"]).class_names == ["a", "b", "c"]
    with pytest.raises(ModelError, match=r"net\.pt has 3 scores, but 2 class names were given"):
        opened(tmp_path, state, class_names=["a", "b"])
    with pytest.raises(ModelError, match="3 scores, but 1000 class names"):
        opened(tmp_path, state, class_names="imagenet-1k")
    with pytest.raises(ModelError, match="a list or the word imagenet-1k, not 'imagenet'"):
        opened(tmp_path, state, class_names="imagenet")
    many = trained(classes=1000)[0].state_dict()
    assert opened(tmp_path, many, class_names="imagenet-1k").class_names[1] == "goldfish"
    assert opened(tmp_path, many).class_names[999] == "class 999"
    one = opened(tmp_path, trained(classes=1)[0].state_dict())
    assert (one.class_names, one.outputs) == (["class 0", "class 1"], "binary")


def hollow(shapes):
    """Tensors of these shapes that take no room in a file; only shapes are read of them."""
    return {name: torch.zeros(()).expand(shape) for name, shape in shapes.items()}


def test_the_side_of_a_transformer_comes_from_its_positions(tmp_path, monkeypatch):
    shapes = {
        name: tensor.shape for name, tensor in blueprint("vit_b_32", 7, 96).state_dict().items()
    }
    torch.save({"net": hollow(shapes)}, tmp_path / "vit.pt")
    found = recognise(tmp_path / "vit.pt", "vit_b_32")
    assert (found.fit.side, found.fit.classes, found.usual.input_size) == (96, 7, (224, 224))
    told = recognise(tmp_path / "vit.pt", "vit_b_32", side=224)
    assert "'encoder.pos_embedding' has the shape [1, 10, 768], but [1, 50, 768]" in told.problem


def test_pictures_are_prepared_as_for_the_published_weights(tmp_path):
    from torchvision.models import squeezenet1_1

    torch.manual_seed(0)
    network = squeezenet1_1(num_classes=4).eval()
    path = tmp_path / "net.pt"
    torch.save(network.state_dict(), path)
    clf = load_classifier(path, architecture="squeezenet1_1")
    # As torchvision's SqueezeNet1_1_Weights.DEFAULT says: 224 of 256 pixels.
    assert (clf.input_size, clf.crop) == ((224, 224), 0.875)
    assert (clf.mean, clf.std) == ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    assert clf.notes[-1] == (
        "Pictures are prepared as for torchvision's squeezenet1_1 (224 × 224 pixels, a crop of "
        "0.875, the mean 0.485, 0.456, 0.406), as nothing else was said."
    )
    told = {"input_size": (64, 64), "mean": [0.5], "std": [0.25], "crop": 1.0}
    clf = load_classifier(path, architecture="squeezenet1_1", **told)
    assert (clf.input_size, clf.mean, clf.std, clf.crop) == ((64, 64), (0.5,) * 3, (0.25,) * 3, 1.0)
    assert not clf.notes
    path.with_suffix(".json").write_text('{"mean": null, "input_size": [64, 64]}')
    assert load_classifier(path, architecture="squeezenet1_1").mean is None


def test_what_nothing_tells_is_asked_for(tmp_path):
    state = trained()[0].state_dict()
    with pytest.raises(ModelError, match=r"nothing tells the input size of small; give it too"):
        opened(tmp_path, state, input_size=None)


def refused(tmp_path, content, **options):
    with pytest.raises(ModelError) as caught:
        opened(tmp_path, content, **options)
    return str(caught.value)


def test_another_architecture_and_too_few_tensors(tmp_path):
    other = {f"block{number}.weight": torch.ones(4, 4) for number in range(11)}
    assert refused(tmp_path, {"net": other}, architecture="small") == (
        "net.pt does not fit small: weights 10 missing (conv1.weight, conv1.bias, bn1.weight, …) "
        "and 11 unexpected (block0.weight, block1.weight, block2.weight, …)."
    )
    few = dict(list(small(3).state_dict().items())[:4])
    assert refused(tmp_path, few, architecture="small") == (
        "net.pt does not fit small: weights 6 missing (bn1.running_mean, bn1.running_var, "
        "conv2.weight, …)."
    )
    assert refused(tmp_path, few) == (
        "net.pt has the weights of no architecture that is known here, by names and shapes "
        "(conv1.weight, conv1.bias, bn1.weight, …); say which it is (architecture), or load the "
        "network as a module from Python."
    )
    more = {**small(3).state_dict(), "extra.weight": torch.ones(2)}
    assert refused(tmp_path, more, architecture="small") == (
        "net.pt does not fit small: weights 1 unexpected (extra.weight)."
    )


def test_whole_numbers_are_no_weights(tmp_path):
    state = small(3).state_dict()
    state["conv2.weight"] = state["conv2.weight"].mul(100).to(torch.int8)
    assert "'conv2.weight' holds whole numbers" in refused(tmp_path, state, architecture="small")


def test_a_file_of_4_gb_is_refused_unread(tmp_path):
    path = tmp_path / "large.safetensors"
    with path.open("wb") as file:
        file.truncate(4_000_000_000)  # sparse: takes no room
    with pytest.raises(ModelError, match=r"large\.safetensors is larger than 2 GB"):
        load_classifier(path)


class Marker:
    """An object whose making or state would be seen."""

    made = False

    def __init__(self):
        Marker.made = True

    def __setstate__(self, state):
        Marker.made = True


def test_objects_beside_the_weights_are_not_made(tmp_path):
    network, _ = trained()
    marker = Marker()
    marker.state = 1
    content = {"model": network.state_dict(), "config": marker, "many": [marker]}
    path = tmp_path / "net.pt"
    torch.save(content, path)
    Marker.made = False
    clf = load_classifier(path, input_size=SIZE)
    agree(clf, network)
    assert not Marker.made
    assert re.search(r"not made: tests\.models\.test_layouts\.Marker", " ".join(clf.notes))
    torch.save({"config": marker}, path)
    with pytest.raises(ModelError, match="whole pickled model or other Python objects"):
        load_classifier(path, input_size=SIZE)
    assert not Marker.made
    assert not [one for one in torch.serialization.get_safe_globals() if isinstance(one, tuple)]


class Settings(dict):
    """Kinds of dictionaries are common among what configures a training."""


def test_other_dictionaries_are_looked_through(tmp_path):
    network, _ = trained()
    many = Settings(net=Settings(network.state_dict()), config=Settings(lr=1), best=np.ones(2))
    agree(opened(tmp_path, many, architecture="small"), network)

    class Odd:
        def __reduce__(self):
            """A dictionary with an attribute that takes the place of its method."""
            return OrderedDict, (), {"items": 3}, None, iter(network.state_dict().items())

    agree(opened(tmp_path, {"net": Odd()}, architecture="small"), network)


def test_what_is_shared_or_goes_in_circles_is_walked_once(tmp_path):
    content = {"model": small(3).state_dict()}
    content["self"] = content
    for _ in range(60):  # 2^60 ways lead to the innermost
        content = {"a": content, "b": content}
    torch.save(content, tmp_path / "net.pt")
    assert len(WeightsFile(tmp_path / "net.pt").tensors) == 11
