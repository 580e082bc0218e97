"""Every model by name, and checkpoints with their facts beside them."""

import json
import os

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from xai_core.errors import ModelError
from xai_core.models import available_models, load_classifier, registry
from xai_core.models.architectures import ARCHITECTURES
from xai_core.models.registry import weights_stamp

FACTS = {
    "id": "vgg-tiny",
    "title": "Tiny",
    "architecture": "small",
    "class_names": ["tabby", "espresso"],
    "input_size": [8, 8],
    "mean": [0.5, 0.5, 0.5],
    "std": [0.25, 0.25, 0.25],
    "metrics": {"top1": 0.6512},
}


def small(classes):
    return nn.Sequential(nn.Conv2d(3, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(72, classes))


@pytest.fixture
def assets(tmp_path, monkeypatch):
    """A folder like assets/ with one model, whose architecture is small."""
    folder = tmp_path / "assets"
    folder.mkdir()
    monkeypatch.setitem(ARCHITECTURES, "small", small)
    monkeypatch.setattr(registry, "ASSETS", folder)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "hub"))
    torch.manual_seed(0)
    save_file(small(2).state_dict(), folder / "vgg-tiny.safetensors")
    (folder / "vgg-tiny.json").write_text(json.dumps(FACTS))
    return folder


def test_available_models_tell_what_to_choose_by(assets):
    infos = available_models()
    first = infos[0]
    assert (first.id, first.title, first.source) == ("vgg-tiny", "Tiny", "embedded")
    assert (first.classes, first.input_size) == (2, (8, 8))
    assert first.parameters == 56 + 146  # 3*2*9 + 2 and 72*2 + 2
    assert first.accuracy == 65.12
    assert first.local
    resnet = next(info for info in infos if info.id == "resnet18")
    assert (resnet.source, resnet.classes, resnet.local) == ("torchvision", 1000, False)
    assert resnet.note == "47 MB are downloaded at first use."
    file = registry.pretrained_facts("resnet18").file
    file.parent.mkdir(parents=True)
    file.touch()
    again = next(info for info in available_models() if info.id == "resnet18")
    assert again.local
    assert again.note == ""


def test_available_models_read_no_weights(assets):
    (assets / "vgg-tiny.safetensors").write_bytes(b"")
    assert available_models()[0].parameters == 56 + 146


def test_load_by_id(assets):
    clf = load_classifier("vgg-tiny")
    assert clf.class_names == ["tabby", "espresso"]
    assert clf.input_size == (8, 8)
    assert clf.mean == (0.5, 0.5, 0.5)
    assert clf.title == "Tiny"
    with pytest.raises(ModelError, match="'vgg-tiny' brings its own mean, crop; leave it out"):
        load_classifier("vgg-tiny", mean=(0, 0, 0), crop=0.5)


def test_unknown_ids_are_answered_with_similar_ones(assets):
    with pytest.raises(ModelError, match=r"no model 'vgg_tiny'\. Similar names: vgg-tiny"):
        load_classifier("vgg_tiny")
    with pytest.raises(ModelError, match="Similar names: resnet"):
        load_classifier("resnet-18")
    with pytest.raises(ModelError, match=r"There is no file .*gone\.pt"):
        load_classifier("gone.pt")


def test_a_path_takes_the_facts_beside_it_and_those_given(assets):
    path = assets / "vgg-tiny.safetensors"
    assert load_classifier(path).class_names == ["tabby", "espresso"]
    clf = load_classifier(str(path), class_names=["x", "y"], crop=0.5)
    assert clf.class_names == ["x", "y"]
    assert clf.crop == 0.5
    path.with_suffix(".json").unlink()
    with pytest.raises(ModelError, match="does not say its architecture, class_names, input_size"):
        load_classifier(path)
    # A list, because the keywords may have travelled as JSON.
    clf = load_classifier(path, architecture="small", class_names=["x", "y"], input_size=[8, 8])
    assert clf.input_size == (8, 8)
    assert clf.mean is None


def test_a_byte_order_mark_before_the_facts_is_no_damage(assets):
    (assets / "vgg-tiny.json").write_text(json.dumps(FACTS), encoding="utf-8-sig")
    assert load_classifier("vgg-tiny").class_names == ["tabby", "espresso"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"class_names": "ab"}, "'class_names' is not what it should be"),
        ({"class_names": [1, 2]}, "'class_names' is not what it should be"),
        ({"input_size": [8]}, "'input_size' is not what it should be"),
        ({"input_size": [8.5, 8]}, "'input_size' is not what it should be"),
        ({"mean": [0.5, "x", 0.5]}, "'mean' is not what it should be"),
        ({"std": [0.5]}, "'std' is not what it should be"),
        ({"crop": True}, "'crop' is not what it should be"),
        ({"architecture": ["small"]}, "'architecture' is not what it should be"),
        ({"architecture": None}, "does not say its architecture"),
    ],
)
def test_senseless_facts_are_refused(assets, change, sentence):
    (assets / "vgg-tiny.json").write_text(json.dumps({**FACTS, **change}))
    with pytest.raises(ModelError, match=sentence):
        load_classifier("vgg-tiny")


@pytest.mark.parametrize("text", ["{", "[1]", "[" * 100_000])
def test_broken_json_is_refused(assets, text):
    (assets / "vgg-tiny.json").write_text(text)
    with pytest.raises(ModelError, match=r"vgg-tiny\.json"):
        load_classifier("vgg-tiny")


def test_weights_stamp_changes_with_any_of_the_files(assets):
    stamps = {weights_stamp("vgg-tiny")}
    assert stamps == {weights_stamp(str(assets / "vgg-tiny.safetensors"))}
    os.utime(assets / "vgg-tiny.safetensors", ns=(1, 1))
    stamps.add(weights_stamp("vgg-tiny"))
    os.utime(assets / "vgg-tiny.json", ns=(2, 2))
    stamps.add(weights_stamp("vgg-tiny"))
    (assets / "vgg-tiny.patterns.safetensors").write_bytes(b"patterns")
    stamps.add(weights_stamp("vgg-tiny"))
    assert len(stamps) == 4
    absent = weights_stamp("resnet18")
    file = registry.pretrained_facts("resnet18").file
    file.parent.mkdir(parents=True)
    file.touch()
    assert weights_stamp("resnet18") != absent
    assert weights_stamp("nothing") == "none, none, none"


@pytest.mark.parametrize("name", ["", ".", "/"])
def test_what_has_no_name_is_no_model(name):
    assert weights_stamp(name) == ""
    with pytest.raises(ModelError, match="There is no model"):
        load_classifier(name)


def test_every_embedded_model_is_there():
    embedded = [info.id for info in available_models() if info.source == "embedded"]
    assert embedded == ["efficientnet-lite0", "vgg-tiny", "vgg-tiny-permuted-labels"]
