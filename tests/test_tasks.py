import os

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from xai_core import tasks
from xai_core.cache import Result
from xai_core.errors import ImageError, MethodError, ModelError
from xai_core.explainers import explain
from xai_core.models import Classifier, load_classifier
from xai_core.models.architectures import vgg_tiny
from xai_core.similarity import similarity
from xai_core.tasks import maps

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
    assert tasks.cam_layers(clf) == ["once"]


def test_model_without_convolution_has_no_cam_layer(monkeypatch):
    flat = nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 2))
    clf = Classifier(flat, class_names=["a", "b"], input_size=(8, 8))
    monkeypatch.setattr("xai_core.tasks.models.classifier", lambda model: clf)
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


TOGETHER = {"saliency": {}, "input_x_gradient": {}, "gradcam": {"relu": False}}


@pytest.fixture
def passes(monkeypatch):
    """Counts the passes through a network; nothing is kept from before."""
    counted, forward = [0], Classifier.logits

    def logits(self, x):
        counted[0] += 1
        return forward(self, x)

    monkeypatch.setattr(Classifier, "logits", logits)
    monkeypatch.setattr(maps, "_panels", type(maps._panels)())
    return counted


def test_methods_of_a_picture_share_passes_and_give_what_each_gives_alone(model, picture, passes):
    alone = {n: tasks.explain_task(model, picture, 1, n, p).arrays for n, p in TOGETHER.items()}
    passes[0] = 0
    for name, params in TOGETHER.items():
        result = tasks.explain_task(model, picture, 1, name, params, TOGETHER)
        largest = np.abs(alone[name]["relevance"]).max()
        difference = np.abs(result.arrays["relevance"] - alone[name]["relevance"]).max()
        assert difference <= 1e-5 * largest
        assert 0 < result.facts["shared_seconds"] <= result.facts["seconds"]
    assert passes[0] == 1
    assert not maps._panels, "nothing is kept when all have been explained"


def test_what_was_shared_is_for_that_picture_and_class_and_these_settings_only(
    model, picture, passes
):
    first = tasks.explain_task(model, picture, 1, "saliency", {}, TOGETHER).arrays["relevance"]
    other = tasks.explain_task(model, picture, 2, "saliency", {}, TOGETHER).arrays["relevance"]
    upside = tasks.explain_task(model, picture[::-1], 1, "saliency", {}, TOGETHER)
    assert passes[0] == 3
    assert not np.array_equal(first, other)
    assert not np.array_equal(first, upside.arrays["relevance"])
    assert len(maps._panels) == maps.PANELS_KEPT
    # Asked for with another setting than was announced, it is computed as asked.
    own = {"relu": True, "layer": "conv10"}
    kept = tasks.explain_task(model, picture, 2, "gradcam", own, TOGETHER)
    assert kept.arrays["relevance"].min() == 0


def test_a_method_that_fails_leaves_the_others_right(model, picture, passes):
    together = {"gradcam": {"layer": "nowhere"}, "saliency": {}, "input_x_gradient": {}}
    with pytest.raises(ModelError, match="nowhere"):
        tasks.explain_task(model, picture, 1, "gradcam", together["gradcam"], together)
    shared = tasks.explain_task(model, picture, 1, "saliency", {}, together)
    alone = tasks.explain_task(model, picture, 1, "saliency", {})
    np.testing.assert_array_equal(shared.arrays["relevance"], alone.arrays["relevance"])


def test_a_picture_can_be_a_baseline(model, picture):
    clf = load_classifier(**model)
    other = as_pixels(picture[::-1])
    x, origin = (tasks.model_pixels(clf, as_pixels(image)) for image in (picture, picture[::-1]))
    expected = explain(clf, x, 0, "deeplift", baseline=origin)[0].numpy()
    found = tasks.explain_task(model, as_pixels(picture), 0, "deeplift", {"baseline": other})
    np.testing.assert_array_equal(found.arrays["relevance"], expected)
    mean = tasks.explain_task(
        model, as_pixels(picture), 0, "deeplift", {"baseline": ["black", other]}
    )
    expected = explain(clf, x, 0, "deeplift", baseline=["black", origin])[0].numpy()
    np.testing.assert_array_equal(mean.arrays["relevance"], expected)
    several = {"baselines": [other, as_pixels(picture[:, ::-1])]}
    found = tasks.explain_task(model, as_pixels(picture), 0, "deepshap", several)
    both = torch.cat([tasks.model_pixels(clf, image) for image in several["baselines"]])
    expected = explain(clf, x, 0, "deepshap", baselines=both)[0].numpy()
    np.testing.assert_array_equal(found.arrays["relevance"], expected)


def test_a_baseline_of_another_size_is_a_sentence(model, picture):
    small = np.zeros((3, 32, 32), np.float32)
    with pytest.raises(ImageError, match=r"shape \[3, 32, 32\] does not fit"):
        tasks.explain_task(model, picture, 0, "deeplift", {"baseline": small})


def test_what_a_method_says_about_a_model(model, monkeypatch):
    assert tasks.support(model, "saliency").facts == {"refusal": ""}
    assert "gradcam" in tasks.support(model, "cam").facts["refusal"], "it ends in three Linears"
    clf = load_classifier(**model)
    with torch.no_grad():
        clf.module.conv3.weight.fill_(float("nan"))
    monkeypatch.setattr(maps, "classifier", lambda model: clf)
    assert "not finite" in tasks.support(model, "saliency").facts["refusal"]
    assert tasks.support(model, "edges").facts == {"refusal": ""}


def test_maps_are_compared_with_each_other():
    given = np.random.default_rng(0).uniform(-1, 1, (3, 16, 16)).astype(np.float32)
    given[2] = given[0]
    scores = tasks.compare_maps(given, "spearman", "all", [True] * len(given)).arrays["scores"]
    # Rank correlation: 1 with itself and its copy, and the same in both directions.
    np.testing.assert_allclose(np.diag(scores), 1)
    assert scores[0, 2] == pytest.approx(1)
    assert scores[0, 1] == pytest.approx(scores[1, 0])
    assert abs(scores[0, 1]) < 0.5


def test_maps_without_negative_values_are_compared_as_they_are():
    given = np.random.default_rng(0).uniform(0, 1, (3, 16, 16)).astype(np.float32)
    scores = tasks.compare_maps(given, "ssim", "all", [False, False, True]).arrays["scores"]
    assert scores[0, 1] == similarity(given[:1], given[1:2], signed=False)[0]
    assert scores[0, 2] == similarity(given[:1], given[2:], signed=True)[0]
