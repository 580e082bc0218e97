"""Reliability of a picture's heatmaps, as a worker measures it."""

import numpy as np
import pytest
import torch

from xai_core.apem.one_picture import picture_rows
from xai_core.explainers import explain
from xai_core.images import sample_image
from xai_core.models import load_classifier
from xai_core.progress import listening
from xai_core.tasks.apem import run_measure
from xai_core.tasks.models import run_predict

MODEL = {"source": "vgg-tiny"}
METRIC = {"stages": ("channels",), "shuffles": 0, "seed": 0, "eps_max": 12}


@pytest.fixture(scope="module")
def picture():
    """The astronaut as the model sees it, float32 [3, H, W]."""
    clf = load_classifier("vgg-tiny")
    x = clf.preprocess([sample_image("astronaut")])
    return clf, x, clf.pixels(x).clamp(0, 1)[0].numpy()


def explained(pixels, method, **params):
    return {"model": MODEL, "image": pixels, "target": 3, "method": method, "params": params}


def test_rows_are_those_of_the_package(picture):
    clf, _, pixels = picture
    found = run_measure(explained(pixels, "saliency"), "mine", METRIC, 0.5)
    x = clf.normalise(torch.from_numpy(pixels)[None])
    raw = explain(clf, x, 3, method="saliency")
    assert found.facts["rows"] == picture_rows(clf, x, {"mine": raw}, ("channels",), eps_max=12)
    logits = run_predict(MODEL, [pixels]).arrays["logits"][0]
    np.testing.assert_array_equal(found.arrays["logits"], logits)


def test_a_method_that_fails_gives_rows_with_its_reason(picture):
    _, _, pixels = picture
    found = run_measure(explained(pixels, "gradcam", layer="nowhere"), "g", METRIC, 0.5)
    (row,) = found.facts["rows"]
    assert (row["method"], row["stage"]) == ("g", "channels")
    assert "nowhere" in row["problem"]


def test_progress_does_not_end_with_the_explanation(picture):
    _, _, pixels = picture
    told = []
    with listening(told.append):
        run_measure(explained(pixels, "smoothgrad", samples=8), "s", METRIC, 0.25)
    assert told == sorted(told)
    assert 0.25 in told, "the samples are a quarter"
    assert told[-1] == pytest.approx(1)
