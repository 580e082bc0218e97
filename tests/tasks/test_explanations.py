"""One picture's heatmaps: what is asked for, in which order, under which key, and the maps."""

import numpy as np
import pytest
import torch
from cachetools import LRUCache

from tests.tasks.conftest import SIDE, as_pixels
from xai_core import tasks
from xai_core.cache import Result
from xai_core.errors import ImageError, MapError, MethodError, ModelError
from xai_core.explainers import explain
from xai_core.explainers.choices import Choice
from xai_core.models import Classifier, load_classifier
from xai_core.tasks import Subject, explanations
from xai_core.tasks.explanations import run_explain, run_support, run_warm_up
from xai_core.tasks.models import model_pixels

TINY = {"source": "vgg-tiny"}
PIXELS = np.zeros((3, 64, 64), np.float32)
FIRST, SECOND = Subject("first", PIXELS, 0), Subject("second", PIXELS, 0)


def wanted(choice, subject=FIRST, **more):
    return tasks.explain(TINY, "fingerprint", subject, choice, **more)


def test_defaults_are_the_same_question_whether_they_are_given_or_not():
    key = wanted(Choice("deeplift")).key
    assert wanted(Choice("deeplift", {"baseline": "black"})).key == key
    assert wanted(Choice("deeplift", {"baseline": "mean"})).key != key
    assert wanted(Choice("deeplift"), SECOND).key != key


def test_a_picture_as_a_setting_is_known_by_its_content():
    choice = Choice("deeplift", {"baseline": ["black", "cup.jpg"]})
    task = wanted(choice, pictures={"cup.jpg": SECOND})
    assert task.arguments["params"]["baseline"][0] == "black"
    assert task.arguments["params"]["baseline"][1] is SECOND.pixels
    renamed = Choice("deeplift", {"baseline": ["black", "b.jpg"]})
    assert wanted(renamed, pictures={"b.jpg": SECOND}).key == task.key
    assert wanted(choice, pictures={"cup.jpg": FIRST}).key != task.key
    with pytest.raises(MethodError, match=r"cup\.jpg"):
        wanted(choice)


CHOICES = [
    Choice("integrated_gradients"),
    Choice("smoothgrad", {"base": "deeplift", "samples": 2}),
    Choice("smoothgrad", {"samples": 3}),
    Choice("saliency"),
    Choice("gradcam"),
]


def test_cheap_methods_come_first_and_picture_by_picture():
    found = tasks.explain_all(TINY, "fingerprint", [FIRST, SECOND], CHOICES)
    assert list(found) == [
        ("first", "saliency"),
        ("first", "gradcam"),
        ("first", "smoothgrad"),
        ("first", "smoothgrad-deeplift"),
        ("second", "saliency"),
        ("second", "gradcam"),
        ("second", "smoothgrad"),
        ("second", "smoothgrad-deeplift"),
        ("first", "integrated_gradients"),
        ("second", "integrated_gradients"),
    ]
    assert {task.key for task in found.values()} == {
        wanted(choice, subject).key for choice in CHOICES for subject in (FIRST, SECOND)
    }


def test_what_is_still_missing_is_announced_together():
    saliency = wanted(Choice("saliency")).key
    found = tasks.explain_all(TINY, "fingerprint", [FIRST], CHOICES, known={saliency}.__contains__)
    together = found["first", "gradcam"].arguments["together"]
    assert set(together) == {"gradcam", "smoothgrad"}
    assert together["smoothgrad"]["base"] == "saliency", "the cheaper of the two"
    assert set(found["first", "integrated_gradients"].arguments["together"]) == {
        "integrated_gradients"
    }


# The worker's side


def test_explains_what_the_library_explains(model, picture):
    result = run_explain(model, picture, 2, "smoothgrad", {"samples": 3})
    clf = load_classifier(**model)
    x = clf.preprocess([picture])
    expected = explain(clf, x, 2, method="smoothgrad", samples=3)[0].numpy()
    np.testing.assert_array_equal(result.arrays["relevance"], expected)
    assert result.arrays["relevance"].shape == (3, SIDE, SIDE)
    assert result.arrays["relevance"].dtype == np.float32
    assert (result.facts["method"], result.facts["target"]) == ("smoothgrad", 2)
    assert result.facts["seconds"] > 0


def test_original_and_pixels_give_the_same(model, picture):
    # A picture of the input's size is neither cropped nor resized: pixels = values / 255.
    results = [
        run_explain(model, image, 0, "saliency", {}).arrays["relevance"]
        for image in (picture, as_pixels(picture))
    ]
    assert np.abs(results[0]).max() > 0
    np.testing.assert_array_equal(*results)


def test_warm_up_gives_nothing_to_keep(model):
    assert run_warm_up(model) == Result()


def test_errors_are_sentences_for_users(model, picture):
    with pytest.raises(MethodError, match="There is no method 'guess'"):
        run_explain(model, picture, 0, "guess", {})


TOGETHER = {"saliency": {}, "input_x_gradient": {}, "gradcam": {"relu": False}}


@pytest.fixture
def passes(monkeypatch):
    """Counts the passes through a network; nothing is kept from before."""
    counted, forward = [0], Classifier.logits

    def logits(self, x):
        counted[0] += 1
        return forward(self, x)

    monkeypatch.setattr(Classifier, "logits", logits)
    monkeypatch.setattr(explanations, "_panels", LRUCache(explanations.PANELS_KEPT))
    return counted


def test_methods_of_a_picture_share_passes_and_give_what_each_gives_alone(model, picture, passes):
    alone = {n: run_explain(model, picture, 1, n, p).arrays for n, p in TOGETHER.items()}
    passes[0] = 0
    for name, params in TOGETHER.items():
        result = run_explain(model, picture, 1, name, params, TOGETHER)
        np.testing.assert_array_equal(result.arrays["relevance"], alone[name]["relevance"])
        assert 0 < result.facts["shared_seconds"] <= result.facts["seconds"]
    assert passes[0] == 1
    assert not explanations._panels, "nothing is kept when all have been explained"


def test_what_was_shared_is_for_that_picture_and_class_and_these_settings_only(
    model, picture, passes
):
    first = run_explain(model, picture, 1, "saliency", {}, TOGETHER).arrays["relevance"]
    other = run_explain(model, picture, 2, "saliency", {}, TOGETHER).arrays["relevance"]
    upside = run_explain(model, picture[::-1], 1, "saliency", {}, TOGETHER)
    assert passes[0] == 3
    assert not np.array_equal(first, other)
    assert not np.array_equal(first, upside.arrays["relevance"])
    assert len(explanations._panels) == explanations.PANELS_KEPT
    # Asked for with another setting than was announced, it is computed as asked.
    own = {"relu": True, "layer": "conv10"}
    kept = run_explain(model, picture, 2, "gradcam", own, TOGETHER)
    assert kept.arrays["relevance"].min() == 0


def test_a_method_that_fails_leaves_the_others_right(model, picture, passes):
    together = {"gradcam": {"layer": "nowhere"}, "saliency": {}, "input_x_gradient": {}}
    with pytest.raises(ModelError, match="nowhere"):
        run_explain(model, picture, 1, "gradcam", together["gradcam"], together)
    shared = run_explain(model, picture, 1, "saliency", {}, together)
    alone = run_explain(model, picture, 1, "saliency", {})
    np.testing.assert_array_equal(shared.arrays["relevance"], alone.arrays["relevance"])


def test_a_picture_can_be_a_baseline(model, picture):
    clf = load_classifier(**model)
    turned = picture, picture[::-1], picture[:, ::-1]
    pixels, other, third = (as_pixels(image) for image in turned)
    x, origin, further = (model_pixels(clf, as_pixels(image)) for image in turned)
    both = torch.cat([origin, further])
    for method, asked, meant in (
        ("deeplift", {"baseline": other}, {"baseline": origin}),
        ("deeplift", {"baseline": ["black", other]}, {"baseline": ["black", origin]}),
        ("deepshap", {"baselines": [other, third]}, {"baselines": both}),
    ):
        found = run_explain(model, pixels, 0, method, asked).arrays["relevance"]
        np.testing.assert_array_equal(found, explain(clf, x, 0, method, **meant)[0])


def test_a_baseline_of_another_size_is_a_sentence(model, picture):
    small = np.zeros((3, 32, 32), np.float32)
    with pytest.raises(ImageError, match=r"shape \[3, 32, 32\] does not fit"):
        run_explain(model, picture, 0, "deeplift", {"baseline": small})


def test_what_a_method_says_about_a_model(model, monkeypatch):
    assert run_support(model, "saliency").facts == {"refusal": ""}
    assert "gradcam" in run_support(model, "cam").facts["refusal"], "it ends in three Linears"
    clf = load_classifier(**model)
    with torch.no_grad():
        clf.module.conv3.weight.fill_(float("nan"))
    monkeypatch.setattr(explanations, "classifier", lambda model: clf)
    assert "not finite" in run_support(model, "saliency").facts["refusal"]
    assert run_support(model, "edges").facts == {"refusal": ""}


OWN = Choice("maps:Mine", {"signed": False})
MAP = np.arange(64 * 64, dtype=np.float32).reshape(1, 64, 64)


def with_map(found, subject=FIRST):
    return Subject(subject.hash, subject.pixels, subject.target, {"maps:Mine": found})


def test_a_map_that_is_there_is_the_result_of_its_task_and_no_model_is_loaded():
    unknown = {"source": "no such model"}
    found = tasks.explain_all(unknown, "f", [with_map(MAP)], [OWN, Choice("saliency")])
    task = found["first", "maps:Mine"]
    np.testing.assert_array_equal(task.run(**task.arguments).arrays["relevance"], MAP)
    assert "maps:Mine" not in found["first", "saliency"].arguments["together"]
    assert wanted(OWN, with_map(MAP)).key != wanted(OWN, with_map(MAP + 1)).key
    assert wanted(OWN, with_map(MAP)).key != wanted(OWN, with_map(MAP, SECOND)).key


@pytest.mark.parametrize("subject", [with_map("It is too large."), FIRST])
def test_why_there_is_no_map_is_the_sentence_of_its_task(subject):
    task = wanted(OWN, subject)
    with pytest.raises(MapError, match=r"It is too large\.|no map of “Mine” for this picture"):
        task.run(**task.arguments)
    support = run_support(TINY, "maps:Mine")
    assert "new ones, which this needs, cannot be computed" in support.facts["refusal"]
