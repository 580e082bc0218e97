import os

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from xai_core import tasks
from xai_core.cache import Result
from xai_core.errors import ImageError, MethodError
from xai_core.explainers import explain
from xai_core.models import Classifier, load_classifier
from xai_core.models.architectures import vgg_tiny

SIDE = 64


def save(path, seed):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        save_file(vgg_tiny(3).state_dict(), path)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    save(path, 0)
    return {
        "source": str(path),
        "architecture": "vgg-tiny",
        "class_names": ["cat", "dog", "owl"],
        "input_size": [SIDE, SIDE],
        "mean": [0.4, 0.5, 0.6],
        "std": [0.2, 0.25, 0.3],
    }


@pytest.fixture(scope="module")
def picture():
    return np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)


def as_pixels(picture):
    return picture.transpose(2, 0, 1).astype(np.float32) / 255


def test_explains_what_the_library_explains(model, picture):
    result = tasks.explain_task(model, picture, 2, "smoothgrad", {"samples": 3})
    clf = load_classifier(**model)
    x = clf.preprocess([picture])
    expected = explain(clf, x, 2, method="smoothgrad", samples=3)[0].numpy()
    np.testing.assert_array_equal(result.arrays["relevance"], expected)
    assert result.arrays["relevance"].shape == (3, SIDE, SIDE)
    assert result.arrays["relevance"].dtype == np.float32
    assert result.facts["settings"]["samples"] == 3
    assert "seed" in result.facts["settings"]
    assert (result.facts["method"], result.facts["target"]) == ("smoothgrad", 2)
    assert result.facts["seconds"] > 0


def test_original_and_pixels_give_the_same(model, picture):
    # A picture of the input's size is neither cropped nor resized: pixels = values / 255.
    results = [
        tasks.explain_task(model, image, 0, "saliency", {}).arrays["relevance"]
        for image in (picture, as_pixels(picture))
    ]
    assert np.abs(results[0]).max() > 0
    np.testing.assert_allclose(*results, rtol=1e-4, atol=1e-6 * np.abs(results[0]).max())


def test_prediction_is_softmax_of_logits(model, picture):
    images = [picture, as_pixels(picture[::-1]), picture[:40, :30]]
    together = tasks.predict(model, images).arrays
    logits = together["logits"].astype(np.float64)
    exponentials = np.exp(logits - logits.max(1, keepdims=True))
    np.testing.assert_allclose(
        together["probabilities"], exponentials / exponentials.sum(1, keepdims=True), rtol=1e-5
    )
    for index, image in enumerate(images):
        alone = tasks.predict(model, [image]).arrays["logits"][0]
        np.testing.assert_allclose(together["logits"][index], alone, rtol=1e-4, atol=1e-5)


def test_description_is_the_classifiers(model):
    facts = tasks.describe_model(model).facts
    clf = load_classifier(**model)
    assert facts["class_names"] == ["cat", "dog", "owl"]
    assert facts["input_size"] == [SIDE, SIDE]
    assert (facts["mean"], facts["std"], facts["crop"]) == ([0.4, 0.5, 0.6], [0.2, 0.25, 0.3], 1)
    assert facts["layers"] == clf.layers()
    assert facts["fingerprint"] == clf.fingerprint
    assert facts["title"] == clf.title
    kinds = dict(clf.module.named_modules())
    convolutions = [name for name in clf.layers() if isinstance(kinds[name], nn.Conv2d)]
    assert facts["cam_layers"] == convolutions
    assert facts["cam_layer"] == convolutions[-1]
    assert set(facts["cam_layers"]) < set(facts["layers"])


class Odd(nn.Module):
    """A convolution that runs once, one that runs twice, and a Linear: only the first serves."""

    def __init__(self):
        super().__init__()
        self.once = nn.Conv2d(3, 4, 3)
        self.twice = nn.Conv2d(4, 4, 1)
        self.head = nn.Linear(4, 2)

    def forward(self, x):
        return self.head(self.twice(self.twice(self.once(x))).mean((2, 3)))


def test_cam_layers_run_once_and_have_places():
    clf = Classifier(Odd(), class_names=["a", "b"], input_size=(8, 8))
    assert clf.layers() == ["once", "twice", "head"]
    assert tasks.cam_layers(clf) == ["once"]


def test_model_without_convolution_has_no_cam_layer(monkeypatch):
    flat = nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 2))
    clf = Classifier(flat, class_names=["a", "b"], input_size=(8, 8))
    monkeypatch.setattr(tasks, "classifier", lambda model: clf)
    facts = tasks.describe_model({}).facts
    assert (facts["cam_layer"], facts["cam_layers"]) == (None, [])


def test_model_is_kept_until_its_file_changes(model, tmp_path):
    path = tmp_path / "changing.safetensors"
    save(path, 1)
    changing = {**model, "source": str(path)}
    first = tasks.classifier(changing)
    assert tasks.classifier(dict(reversed(changing.items()))) is first
    save(path, 2)
    os.utime(path, (1, 1))
    second = tasks.classifier(changing)
    assert second.fingerprint != first.fingerprint


def test_warm_up_gives_nothing_to_keep(model):
    assert tasks.warm_up(model) == Result()


def test_errors_are_sentences_for_users(model, picture):
    with pytest.raises(ImageError, match=r"type float64 and shape \[64, 64\] does not fit"):
        tasks.predict(model, [np.zeros((SIDE, SIDE))])
    with pytest.raises(MethodError, match="There is no method 'guess'"):
        tasks.explain_task(model, picture, 0, "guess", {})


def test_maps_are_compared_with_each_other():
    maps = np.random.default_rng(0).uniform(-1, 1, (3, 16, 16)).astype(np.float32)
    maps[2] = maps[0]
    scores = tasks.compare_maps(maps, "spearman", "all").arrays["scores"]
    # Rank correlation: 1 with itself and its copy, and the same in both directions.
    np.testing.assert_allclose(np.diag(scores), 1)
    assert scores[0, 2] == pytest.approx(1)
    assert scores[0, 1] == pytest.approx(scores[1, 0])
    assert abs(scores[0, 1]) < 0.5
