"""What a worker does for a sanity check: maps of a network, with their scores."""

import math
import os

import numpy as np
import pytest
import torch
from cachetools import LRUCache

from tests.reference import nets
from tests.tasks.conftest import as_pixels, save
from xai_core.cache import content_key
from xai_core.progress import listening
from xai_core.randomization import randomizable_layers, sanity_check
from xai_core.randomization.scores import noise_floor, shuffled_floor
from xai_core.randomization.stored_maps import FLOORS, SCORES
from xai_core.randomization.sweep import Smoothing, Sweep
from xai_core.tasks import sanity
from xai_core.tasks.models import classifier, model_pixels

MODEL, OTHER = {"source": "small"}, {"source": "other"}
TRAINED = {"layers": (), "seed": 0, "init": "default"}
LAST = {"layers": ["fc2"], "seed": 1, "init": "default"}
IMAGES = list(np.random.default_rng(0).uniform(0, 1, (2, 3, 32, 32)).astype(np.float32))
TARGETS = [3, 1]
WANTED = {name: {"method": name, "settings": {}} for name in ("saliency", "gradcam", "edges")}
SHOWN = ("all", "positive", "absolute")


@pytest.fixture(scope="module")
def models():
    facts = ((0.5,) * 3, (0.25,) * 3, torch.float32)
    names = {"small": "VGGSmallBN", "other": "VGGSmall"}
    return {key: nets.classifier(name, *facts, title=name) for key, name in names.items()}


@pytest.fixture(autouse=True)
def _kept(monkeypatch, models):
    """Models by name; nothing is kept from before."""
    monkeypatch.setattr(sanity, "classifier", lambda model: models[model["source"]])
    monkeypatch.setattr(sanity, "_sweeps", LRUCache(sanity.SWEEPS_KEPT))


@pytest.fixture
def explained(monkeypatch):
    """Every call of a sweep: the network's title and the columns."""
    calls, maps = [], Sweep.maps

    def noted(self, clf, requests):
        calls.append((clf.title, tuple(requests)))
        return maps(self, clf, requests)

    monkeypatch.setattr(Sweep, "maps", noted)
    return calls


def asked(network=TRAINED, images=IMAGES, targets=TARGETS, requests=WANTED, **more):
    keys = {name: [f"{name} {index}" for index in range(len(images))] for name in requests}
    given = {"measures": ["ssim", "complexity"], "keys": keys, **more}
    return sanity.run_randomised(MODEL, images, targets, requests, network, **given)


def value(number):
    return math.nan if number is None else number


def check_scores(parts, table):
    """Scores of the parts are those of the table."""
    for row in table.itertuples():
        found = parts[f"{row.method} {row.image}"].facts[SCORES][row.measure][row.show]
        np.testing.assert_equal(value(found), row.value)


def table_of(clf, depth, **more):
    x = torch.cat([model_pixels(clf, image) for image in IMAGES])
    given = {"measures": ("ssim", "complexity"), "shows": SHOWN, "seeds": [1], **more}
    table = sanity_check(clf, x, TARGETS, list(WANTED), **given)
    return table[table.depth == depth]


def test_layers_are_described_from_output_to_input(models):
    found = sanity.run_describe_layers(MODEL).facts["layers"]
    assert found[0] == ["fc2", ["fc2.weight", "fc2.bias"]]
    layers = randomizable_layers(models["small"])
    assert found == [[layer.name, list(layer.parameters)] for layer in layers]


def test_the_layers_are_read_anew_for_another_model():
    task = sanity.describe_layers(MODEL)
    assert (task.run, dict(task.arguments)) == (sanity.run_describe_layers, {"model": MODEL})
    assert sanity.describe_layers(dict(MODEL)).key == task.key
    assert sanity.describe_layers({"source": "resnet18"}).key != task.key


@pytest.mark.parametrize(("network", "depth"), [(TRAINED, 0), (LAST, 1)])
def test_maps_and_scores_are_the_librarys(models, network, depth):
    result = asked(network)
    assert (result.arrays, result.facts) == ({}, {})
    assert set(result.parts) == {f"{name} {index}" for name in WANTED for index in (0, 1)}
    check_scores(result.parts, table_of(models["small"], depth))
    for key, part in result.parts.items():
        side = 16 if key.startswith("gradcam") else 32
        channels = 3 if key.startswith("saliency") else 1
        assert part.arrays["map"].shape == (channels, side, side)
        assert part.arrays["map"].dtype == np.float32
        assert part.facts["problem"] == ""
        assert part.facts["seconds"] > 0
        assert set(part.facts["batch"]) == {f"{key.split()[0]} {n}" for n in (0, 1)}
        assert set(part.facts[SCORES]) == {"ssim", "complexity"}
        assert (FLOORS in part.facts) == (network is TRAINED)


def test_the_other_network_is_compared_with_the_trained_one(models):
    result = asked(TRAINED, other=OTHER)
    table = table_of(models["small"], 1, mode="labels", other=models["other"])
    check_scores(result.parts, table)
    assert not any(FLOORS in part.facts for part in result.parts.values())


def test_a_random_map_of_another_network_goes_by_its_content(models):
    requests = {"random": {"method": "random", "settings": {}}}
    trained, other, again = (
        asked(TRAINED, requests=requests, other=one).parts["random 0"].arrays["map"]
        for one in (None, OTHER, {**OTHER, "title": "moved elsewhere"})
    )
    np.testing.assert_array_equal(other, again)
    assert not np.array_equal(trained, other)
    x = torch.cat([model_pixels(models["small"], image) for image in IMAGES])
    row = sanity_check(
        models["small"], x, TARGETS, ["random"], "labels", other=models["other"]
    ).iloc[-1]
    found = asked(TRAINED, requests=requests, other=OTHER).parts["random 1"].facts[SCORES]
    assert found["ssim"]["all"] == row.value


def test_smoothing_reaches_the_sweep(models):
    result = asked(LAST, smoothing={"copies": 2, "sigma": 0.3})
    check_scores(result.parts, table_of(models["small"], 1, smoothing=Smoothing(2, 0.3)))


def test_the_predicted_class_reaches_the_sweep(models):
    requests = {name: {**given, "target": "predicted"} for name, given in WANTED.items()}
    for network, depth in ((LAST, 1), (TRAINED, 0)):
        parts = asked(network, requests=requests).parts
        check_scores(parts, table_of(models["small"], depth, target="predicted"))


def test_floors_say_what_random_maps_reach():
    parts = asked(measures=["ssim", "spearman", "complexity"]).parts
    for name, native, signed in (
        ("saliency", (32, 32), True),
        ("gradcam", (16, 16), False),
        ("edges", (32, 32), False),
    ):
        part = parts[f"{name} 0"]
        floors = part.facts[FLOORS]
        assert floors["native"] == list(native)
        assert set(floors["noise"]) == {"ssim", "spearman"}
        for show in SHOWN:
            noise = noise_floor(native, (32, 32), signed, "ssim", show)
            assert floors["noise"]["ssim"][show] == list(noise)
            expected = shuffled_floor(part.arrays["map"], (32, 32), signed, "ssim", show)
            found = [value(number) for number in floors["shuffled"][show]]
            np.testing.assert_equal(found, list(expected))


def test_facts_are_plain_enough_for_json(tmp_path):
    black = [np.zeros((3, 32, 32), np.float32)]
    parts = asked(images=black, targets=[0]).parts
    assert parts["edges 0"].facts[SCORES]["ssim"] == dict.fromkeys(SHOWN), "None: undefined"
    for part in parts.values():
        assert part.copy().facts == part.facts


# What is kept


def test_the_trained_maps_are_computed_once(explained):
    for seed in range(3):
        asked({**LAST, "seed": seed})
    asked(TRAINED)
    assert [title for title, _ in explained].count("VGGSmallBN") == 1
    assert len(explained) == 4


def test_only_what_was_not_asked_before_is_computed_for_the_trained_network(explained):
    asked(TRAINED, requests={"edges": WANTED["edges"]})
    asked(TRAINED)
    relu = {"gradcam": {"method": "gradcam", "settings": {"relu": False}}}
    asked(TRAINED, requests=relu)
    assert [columns for _, columns in explained] == [
        ("edges",),
        ("saliency", "gradcam"),
        ("gradcam",),
    ]


def test_two_sweeps_are_kept_and_the_one_unused_for_longest_goes(explained):
    def trained(targets):
        before = len(explained)
        asked(TRAINED, targets=targets, requests={"edges": WANTED["edges"]})
        return len(explained) - before

    assert [trained([t, t]) for t in (0, 1, 0, 2, 0, 1)] == [1, 1, 0, 1, 0, 1]
    assert len(sanity._sweeps) == sanity.SWEEPS_KEPT == 2


@pytest.mark.parametrize(
    "change",
    [
        {"images": IMAGES[::-1]},
        {"smoothing": {"copies": 2, "sigma": 0.1}},
    ],
    ids=["pictures", "smoothing"],
)
def test_another_question_is_another_sweep(change):
    asked(TRAINED)
    asked(TRAINED, **change)
    assert len(sanity._sweeps) == 2


def test_a_changed_model_file_is_another_sweep(model, picture, tmp_path, monkeypatch):
    monkeypatch.setattr(sanity, "classifier", classifier)
    path = tmp_path / "changing.safetensors"
    asked_for = ([as_pixels(picture)], [0], {"a": WANTED["saliency"]}, TRAINED)
    found = []
    for time in (0, 1, 1):
        if len(found) < 2:
            save(path, time)
            os.utime(path, (time, time))
        changing = {**model, "source": str(path)}
        result = sanity.run_randomised(changing, *asked_for, ["ssim"], {"a": ["key"]})
        found.append(result.parts["key"].arrays["map"])
    assert not np.allclose(found[0], found[1])
    np.testing.assert_array_equal(found[1], found[2])
    assert len(sanity._sweeps) == 2


# What fails


def test_a_method_that_fails_is_a_sentence_and_the_others_go_on():
    requests = {**WANTED, "gradcam": {"method": "gradcam", "settings": {"layer": "nowhere"}}}
    for network in (TRAINED, LAST):
        parts = asked(network, requests=requests).parts
        for index in (0, 1):
            failed = parts[f"gradcam {index}"]
            assert failed.arrays == {}
            assert "nowhere" in failed.facts["problem"]
            assert failed.facts[SCORES]["ssim"] == dict.fromkeys(SHOWN)
            assert FLOORS not in failed.facts
            assert parts[f"saliency {index}"].arrays["map"].any()


# Scoring again


@pytest.mark.parametrize("network", [TRAINED, LAST])
def test_scored_again_is_scored_at_once(network):
    # Grad-CAM is not signed, though the method that averages it is.
    averaged = {"method": "smoothgrad", "settings": {"base": "gradcam", "samples": 2}}
    requests = {"smoothgrad-gradcam": averaged, **WANTED}
    trained = asked(TRAINED, requests=requests, measures=["ssim"]).parts
    first = asked(network, requests=requests, measures=["ssim"]).parts
    at_once = asked(network, requests=requests, measures=["ssim", "spearman", "complexity"]).parts
    maps = {key: (trained[key].arrays["map"], part.arrays["map"]) for key, part in first.items()}
    facts = {key: part.facts for key, part in first.items()}
    signed = {key: key.startswith("saliency") for key in first}
    before = content_key(facts)
    again = sanity.run_scored_again(maps, facts, [32, 32], signed, ["spearman", "complexity"]).parts
    assert content_key(facts) == before, "what was kept is not changed"
    assert set(again) == set(at_once)
    for key, part in again.items():
        expected = {**at_once[key].facts, "seconds": part.facts["seconds"]}
        assert part.facts == expected, key
        np.testing.assert_array_equal(part.arrays["map"], at_once[key].arrays["map"])


# The surroundings


def test_the_same_task_gives_the_same_parts_in_another_worker():
    requests = {**WANTED, "random": {"method": "random", "settings": {}}}
    first = asked(LAST, requests=requests).parts
    sanity._sweeps.clear()
    asked(TRAINED, requests={"saliency": WANTED["saliency"]})
    second = asked(LAST, requests=requests).parts
    for key, part in first.items():
        np.testing.assert_array_equal(part.arrays["map"], second[key].arrays["map"])


def test_pictures_can_be_settings():
    other = np.full((3, 32, 32), 0.5, np.float32)
    requests = {
        "deeplift": {"method": "deeplift", "settings": {"baseline": other}},
        "edges": WANTED["edges"],
    }
    grey = asked(LAST, requests=requests).parts["deeplift 0"]
    requests["deeplift"] = {"method": "deeplift", "settings": {}}
    black = asked(LAST, requests=requests).parts["deeplift 0"]
    assert grey.facts["problem"] == black.facts["problem"] == ""
    assert not np.allclose(grey.arrays["map"], black.arrays["map"])


def test_model_and_random_numbers_stay_as_they_were_and_no_progress_is_told(models):
    clf, told = models["small"], []
    before, random = clf.fingerprint, torch.get_rng_state()
    with listening(told.append), torch.inference_mode():
        averaged = {"method": "smoothgrad", "settings": {"samples": 3}}
        asked(LAST, requests={"smoothgrad": averaged, **WANTED})
    assert told == []
    assert torch.equal(torch.get_rng_state(), random)
    del clf.__dict__["fingerprint"]
    assert clf.fingerprint == before
