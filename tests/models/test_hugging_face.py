"""Folders as Hugging Face saves them, made by transformers and timm themselves."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from xai_core.errors import ModelError
from xai_core.explainers import explain
from xai_core.images import sample_image
from xai_core.models import load_classifier
from xai_core.models.registry import weights_stamp

NAMES = {0: "cat", 1: "dog", 2: "cup"}


@pytest.fixture(scope="module")
def hub():
    """transformers, which takes seconds to import, and other tests do not need it."""
    import transformers

    return transformers


@pytest.fixture
def folder(tmp_path):
    found = tmp_path / "mine"
    found.mkdir()
    return found


def resnet(hub):
    facts = {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1], "id2label": NAMES}
    return hub.ResNetForImageClassification(hub.ResNetConfig(**facts))


def vit(hub, kind="ViTForImageClassification"):
    sides = {"image_size": 32, "patch_size": 8, "hidden_size": 16, "intermediate_size": 32}
    depth = {"num_hidden_layers": 2, "num_attention_heads": 2}
    return getattr(hub, kind)(hub.ViTConfig(**sides, **depth, id2label=NAMES))


def convnext(hub):
    return hub.ConvNextImageProcessorPil(size={"shortest_edge": 32}, crop_pct=0.875)


def saved(folder, model, processor):
    model.eval().save_pretrained(folder)
    processor.save_pretrained(folder)
    return model


def edited(file, **facts):
    file.write_text(json.dumps(json.loads(file.read_text()) | facts))


@pytest.mark.parametrize(
    ("model", "processor"),
    [
        (resnet, convnext),
        (resnet, lambda hub: hub.ConvNextImageProcessorPil(size=384)),
        (vit, lambda hub: hub.ViTImageProcessorPil(size=32, resample=3)),
        (resnet, lambda hub: hub.EfficientNetImageProcessorPil(size=48, resample=2)),
        (resnet, lambda hub: hub.ViTImageProcessorPil(size=40, do_normalize=False)),
    ],
    ids=["cropped", "squashed", "patches", "divided twice", "as it is"],
)
def test_scores_are_those_of_transformers(hub, folder, model, processor):
    model, processor = model(hub), processor(hub)
    saved(folder, model, processor)
    clf = load_classifier(folder)
    picture = sample_image("cat")
    pixels = processor(picture, return_tensors="pt")["pixel_values"]
    # Both resize with Pillow, to the same levels, which lie 1 / 255 apart before they are divided
    # by deviations of 1 and less: a thousandth of that is far below one level.
    assert torch.allclose(clf.preprocess([picture]), pixels, rtol=0, atol=1e-3 / 255)
    with torch.no_grad():
        wanted = model(pixels).logits
    assert torch.allclose(clf.logits(pixels), wanted, atol=1e-5)
    assert clf.class_names == list(NAMES.values())
    assert clf.title == "mine"


def test_its_maps_are_those_of_the_module(hub, folder):
    model = saved(folder, resnet(hub), convnext(hub))
    clf = load_classifier(str(folder))
    x = clf.preprocess([sample_image("cat")])
    leaf = x.clone().requires_grad_()
    (slope,) = torch.autograd.grad(model(leaf).logits[0, 1], leaf)
    assert torch.allclose(explain(clf, x, 1, "saliency"), slope, atol=1e-6)


def test_a_folder_of_timm_with_its_names(folder):
    import timm

    network = timm.create_model("resnet10t", num_classes=2).eval()
    facts = {
        "architecture": "resnet10t",
        "num_classes": 2,
        "label_names": ["n1", "n2"],
        "label_descriptions": {"n1": "cat", "n2": "dog"},
        "pretrained_cfg": {
            "input_size": [3, 64, 48],
            "mean": [0.1, 0.2, 0.3],
            "std": [0.4, 0.5, 0.6],
            "crop_pct": 0.8,
            "interpolation": "bicubic",
            "num_classes": 2,
        },
    }
    save_file(network.state_dict(), folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(facts))
    clf = load_classifier(folder)
    assert (clf.class_names, clf.input_size, clf.crop, clf.resample, clf.mean, clf.std) == (
        *(["cat", "dog"], (64, 48), 0.8, "bicubic"),
        *((0.1, 0.2, 0.3), (0.4, 0.5, 0.6)),
    )
    x = torch.rand(2, 3, 64, 48)
    assert torch.allclose(clf.logits(x), network(x), atol=1e-5)
    edited(folder / "config.json", model_args={"act_layer": "silu"})
    with pytest.raises(ModelError, match="changes the architecture resnet10t by act_layer"):
        load_classifier(folder)
    edited(folder / "config.json", architecture="resnet10u")
    with pytest.raises(ModelError, match="there is no architecture 'resnet10u'"):
        load_classifier(folder)


def test_what_the_config_alone_says_is_in_fingerprint_and_stamp(hub, folder):
    saved(folder, vit(hub), hub.ViTImageProcessorPil(size=32))
    before, stamped = load_classifier(folder), weights_stamp(folder)
    edited(folder / "config.json", num_attention_heads=4)
    after = load_classifier(folder)
    assert str(before.module) == str(after.module)
    assert before.fingerprint != after.fingerprint
    assert weights_stamp(folder) != stamped


def test_what_cannot_be_right_is_refused(hub, folder):
    def refused(sentence):
        with pytest.raises(ModelError, match=sentence):
            load_classifier(folder)

    with pytest.raises(ModelError, match=r"There is no model in the folder .*: no config\.json"):
        load_classifier(folder)
    saved(folder, resnet(hub), convnext(hub))
    config, pictures = folder / "config.json", folder / "preprocessor_config.json"
    weights = folder / "model.safetensors"

    hub.MobileViTImageProcessorPil(size=32, crop_size=32).save_pretrained(folder)
    refused("pictures cannot be prepared as preprocessor_config.json says")  # blue before red
    pictures.unlink()
    refused("mine has no preprocessor_config.json")
    convnext(hub).save_pretrained(folder)
    edited(pictures, image_processor_type="Nothing")
    refused("preprocessor_config.json cannot be followed")
    convnext(hub).save_pretrained(folder)

    tensors, text = load_file(weights), config.read_text()
    without = dict(tensors)
    del without["classifier.1.weight"]
    save_file(without, weights, {"format": "pt"})
    refused("the weights do not fit config.json; missing or of another shape: classifier.1.weight")
    save_file(tensors, weights, {"format": "pt"})
    edited(config, id2label={"0": "cat", "1": "dog"}, label2id={"cat": 0, "dog": 1})
    refused("mine")
    config.write_text(text)
    weights.write_bytes(weights.read_bytes()[:1000])
    refused("mine cannot be loaded by transformers")
    weights.unlink()
    (folder / "pytorch_model.bin").write_bytes(b"pickled")
    refused("mine has no model.safetensors")
    edited(config, auto_map={"AutoModelForImageClassification": "own.Model"})
    refused("program code of its own, which is not run")
    config.write_text("{")
    refused("config.json cannot be read as JSON")
    vit(hub, "ViTModel").save_pretrained(folder)
    refused("is no image classifier: config.json names ViTModel")
