"""What the weights do not tell: whether a checkpoint converts its input itself."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from xai_core.errors import ModelError
from xai_core.images import model_input, sample_images
from xai_core.models import load_classifier
from xai_core.models.architectures import build_network
from xai_core.models.transform_input import IMAGENET_MEAN, IMAGENET_STD, set_transform_input

IMAGENET = (IMAGENET_MEAN, IMAGENET_STD)
HALVES = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


def stem(std=None):
    """What the check looks at: a first convolution and its BatchNorm, with the given inputs."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 32, 3, bias=False), nn.BatchNorm2d(32, momentum=None))
    if std is not None:  # as in training: the statistics of pictures, normalised so
        pixels = np.stack([model_input(s.loader(), (99, 99), 1.0) for s in sample_images()])
        with torch.no_grad():
            net.train()((torch.from_numpy(pixels) - 0.45) / std)
    return net


@pytest.mark.parametrize("architecture", ["inception_v3", "googlenet"])
@pytest.mark.parametrize(
    # Deviations of 0.5 are what the transformation gives, 0.226 what ImageNet's normalisation.
    ("trained", "normalisation", "rule", "reason"),
    [
        (0.5, IMAGENET, True, "first BatchNorm fit that alone"),
        (0.226, IMAGENET, False, "first BatchNorm fit that alone"),
        (None, IMAGENET, True, "guessed, because its normalisation is ImageNet's"),
        (None, HALVES, False, "guessed, because its normalisation is not ImageNet's"),
        (None, (None, None), False, "guessed, because its normalisation is not ImageNet's"),
    ],
)
def test_the_rule_is_found_or_guessed_with_a_reason(
    architecture, trained, normalisation, rule, reason
):
    net = stem(trained)
    if trained is None:
        net[1].running_var.fill_(1e6)  # fits nothing
    note = set_transform_input(net, architecture, *normalisation, None)
    assert net.transform_input is rule
    assert reason in note
    assert "say transform_input if that is wrong" in note


@pytest.mark.parametrize("told", [True, False])
def test_what_is_told_counts(told):
    net = stem(0.5)
    assert f"transform_input={told}" in set_transform_input(net, "googlenet", *IMAGENET, told)
    assert net.transform_input is told


def test_other_architectures_have_no_such_rule():
    assert set_transform_input(stem(), "resnet18", *IMAGENET, None) == ""
    with pytest.raises(ModelError, match="resnet18 has no transform_input; only googlenet and"):
        set_transform_input(stem(), "resnet18", *IMAGENET, True)


def test_a_checkpoint_gives_the_scores_of_the_network_that_was_saved(tmp_path):
    torch.manual_seed(0)
    trained = build_network("googlenet", 3, imagenet_input=True)
    for child in trained.modules():
        if isinstance(child, nn.BatchNorm2d):
            child.momentum = None  # statistics are those of the pictures seen
    trained(torch.randn(8, 3, 64, 64))
    trained.eval()
    file = tmp_path / "mine.safetensors"
    save_file(trained.state_dict(), file)
    facts = {
        "architecture": "googlenet",
        "class_names": ["a", "b", "c"],
        "input_size": [64, 64],
        "mean": IMAGENET_MEAN,
        "std": IMAGENET_STD,
        "transform_input": True,
    }
    file.with_suffix(".json").write_text(json.dumps(facts))
    clf = load_classifier(file)
    other = load_classifier(file, transform_input=False)
    x = clf.normalise(torch.rand(2, 3, 64, 64))
    with torch.no_grad():
        assert torch.allclose(clf.logits(x), trained(x), rtol=1e-4, atol=1e-5)
        assert not torch.allclose(other.logits(x), trained(x), rtol=1e-2)
    assert clf.fingerprint != other.fingerprint
    assert "transform_input=True): as was said" in clf.notes[0]


@pytest.mark.parametrize(
    ("fact", "value"), [("transform_input", "yes"), ("outputs", "tanh"), ("outputs", ["softmax"])]
)
def test_facts_of_the_wrong_kind_are_refused(tmp_path, fact, value):
    file = tmp_path / "mine.safetensors"
    save_file({"a": torch.zeros(1)}, file)
    file.with_suffix(".json").write_text(json.dumps({fact: value}))
    with pytest.raises(ModelError, match=f"'{fact}' is not what it should be"):
        load_classifier(file)


def test_two_classes_may_have_one_score_in_a_checkpoint(tmp_path):
    torch.manual_seed(0)
    trained = build_network("vgg-tiny", 1).eval()
    file = tmp_path / "mine.safetensors"
    save_file(trained.state_dict(), file)
    clf = load_classifier(
        file, architecture="vgg-tiny", class_names=["no", "yes"], input_size=(64, 64)
    )
    x = torch.rand(1, 3, 64, 64)
    z = trained(x)
    assert torch.allclose(clf.logits(x), torch.cat([-z, z], 1), rtol=1e-4)
    assert clf.outputs == "binary"
    three = {"architecture": "vgg-tiny", "class_names": list("abc"), "input_size": (64, 64)}
    with pytest.raises(ModelError, match="has 1 score, but 3 class names"):
        load_classifier(file, **three)
