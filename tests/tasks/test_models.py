"""Models as a worker knows them: what they are, and what they say of pictures."""

import os

import numpy as np
import pytest
from torch import nn

from tests.tasks.conftest import SIDE, as_pixels, save
from xai_core.errors import ImageError
from xai_core.models import Classifier, load_classifier
from xai_core.tasks.models import cam_layers, classifier, run_describe, run_predict


def test_prediction_is_softmax_of_logits(model, picture):
    images = [picture, as_pixels(picture[::-1]), picture[:40, :30]]
    together = run_predict(model, images).arrays
    logits = together["logits"].astype(np.float64)
    exponentials = np.exp(logits - logits.max(1, keepdims=True))
    expected = exponentials / exponentials.sum(1, keepdims=True)
    # In float32 the differences of logits are rounded, the exponentials, their sum, the quotient.
    rounding = np.finfo(np.float32).eps * (np.ptp(logits) + 4)
    np.testing.assert_allclose(together["probabilities"], expected, rtol=rounding)
    for index, image in enumerate(images):
        alone = run_predict(model, [image]).arrays["logits"][0]
        np.testing.assert_array_equal(together["logits"][index], alone)


def test_description_is_the_classifiers(model):
    facts = run_describe(model).facts
    clf = load_classifier(**model)
    assert facts["class_names"] == ["cat", "dog", "owl"]
    assert facts["input_size"] == [SIDE, SIDE]
    assert (facts["mean"], facts["std"], facts["crop"]) == ([0.4, 0.5, 0.6], [0.2, 0.25, 0.3], 1)
    assert facts["layers"] == clf.layers()
    assert facts["fingerprint"] == clf.fingerprint
    assert facts["title"] == clf.title
    kinds = dict(clf.module.named_modules())
    convolutions = [name for name in clf.layers() if isinstance(kinds[name], nn.Conv2d)]
    # The activation behind the last of them is the default.
    assert facts["cam_layers"] == [*convolutions, "relu10"]
    assert facts["cam_layer"] == "relu10"
    assert set(convolutions) < set(facts["layers"])


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
    assert cam_layers(clf) == ["once"]


def test_model_without_convolution_has_no_cam_layer(monkeypatch):
    flat = nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 2))
    clf = Classifier(flat, class_names=["a", "b"], input_size=(8, 8))
    monkeypatch.setattr("xai_core.tasks.models.classifier", lambda model: clf)
    facts = run_describe({}).facts
    assert (facts["cam_layer"], facts["cam_layers"]) == (None, [])


def test_model_is_kept_until_its_file_changes(model, tmp_path):
    path = tmp_path / "changing.safetensors"
    save(path, 1)
    changing = {**model, "source": str(path)}
    first = classifier(changing)
    assert classifier(dict(reversed(changing.items()))) is first
    save(path, 2)
    os.utime(path, (1, 1))
    second = classifier(changing)
    assert second.fingerprint != first.fingerprint


def test_an_array_that_is_no_picture_is_refused_in_a_sentence(model):
    with pytest.raises(ImageError, match=r"type float64 and shape \[64, 64\] does not fit"):
        run_predict(model, [np.zeros((SIDE, SIDE))])
