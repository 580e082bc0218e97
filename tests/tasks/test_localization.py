"""Localisation as tasks: maps made and scored, maps that are there, and baselines."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.tasks.conftest import SIDE, as_pixels
from xai_core import tasks
from xai_core.composites import two_by_two
from xai_core.explainers import explain
from xai_core.explainers.choices import Choice
from xai_core.localization import (
    BASELINE_COLUMNS,
    Objects,
    baseline_maps,
    object_measures,
    quadrant_objects,
)
from xai_core.localization.scoring import Asked, score_map
from xai_core.models import load_classifier

MEASURES = list(object_measures())
METHODS = ("saliency", "gradcam")
CHOICES = [Choice(name) for name in METHODS]


@pytest.fixture
def subject(picture):
    return tasks.Subject("hash", as_pixels(picture), 1)


@pytest.fixture
def objects():
    mask = np.zeros((SIDE, SIDE), bool)
    mask[8:24, 8:24] = mask[40:50, 30:60] = True
    return Objects(mask, np.array([[8, 8, 24, 24], [30, 40, 60, 50]]), 0.25)


def done(task):
    return task.run(**task.arguments)


def scored(model, subject, relevance, objects, seed=0):
    clf = load_classifier(**model)
    asked = Asked(clf, clf.network_input(_batch(subject)), subject.target)
    return score_map(relevance, objects, MEASURES, seed, asked)


def _batch(subject):
    return torch.from_numpy(subject.pixels)[None]


def test_a_map_is_made_and_scored(model, subject, objects):
    made = tasks.localize_all(model, "f", [(subject, objects)], CHOICES, MEASURES, seed=2)
    assert list(made) == [("hash", "saliency"), ("hash", "gradcam")]
    clf = load_classifier(**model)
    for (_, column), task in made.items():
        found = done(task)
        x = clf.network_input(_batch(subject))
        expected = scored(model, subject, explain(clf, x, 1, method=column)[0].numpy(), objects, 2)
        scores = tasks.localization_scores(found)
        np.testing.assert_allclose(scores.values, expected.values, rtol=1e-6)
        np.testing.assert_allclose(scores.runs, expected.runs, rtol=1e-6)
        assert set(found.arrays) == {"values", "runs", "levels", "boxes"}, "no map travels"
        assert scores.levels.sum(1).tolist() == [(~objects.mask).sum(), objects.mask.sum()]
        assert found.arrays["boxes"].tolist() == objects.boxes.tolist()
        assert found.facts["measures"] == MEASURES
        assert found.facts["size"] == (16 * 16 + 10 * 30) / SIDE**2
        assert found.facts["cut"] == 0.25
        assert found.facts["seconds"] > 0


def test_one_task_for_a_picture_gives_what_each_would_give(model, subject, objects):
    there = np.random.default_rng(2).normal(size=(1, 8, 8)).astype(np.float32)
    subject = replace(subject, maps={"maps:mine": there, "maps:lost": "There is none."})
    smooth = [Choice("smoothgrad", {"base": base, "samples": 2}) for base in METHODS]
    choices = [*CHOICES, *smooth, Choice("maps:mine"), Choice("maps:lost")]
    pairs = [(subject, objects)]
    singles = {
        **tasks.localize_all(model, "f", pairs, choices, MEASURES, seed=2),
        **tasks.localize_baselines(model, "f", pairs, BASELINE_COLUMNS[:1], MEASURES, seed=2),
    }
    lost = singles.pop(("hash", "maps:lost"))
    together = tasks.localize_together([*singles.values(), lost], "picture")
    found = done(together)
    assert found.facts["problems"] == {lost.key: "There is none."}
    assert not together.kept
    assert set(found.parts) == {task.key for task in singles.values()}
    for task in singles.values():
        alone = done(task)
        for name, values in alone.arrays.items():
            np.testing.assert_array_equal(found.parts[task.key].arrays[name], values)
        assert set(found.parts[task.key].facts) == set(alone.facts)
    fewer = tasks.localize_together(list(singles.values()))
    assert fewer.key != together.key


def test_a_map_that_is_there_is_scored(model, subject, objects):
    relevance = np.random.default_rng(1).normal(size=(3, SIDE, SIDE)).astype(np.float32)
    task = tasks.score_there(model, "f", subject, objects, relevance, "saliency", MEASURES)
    expected = scored(model, subject, relevance, objects)
    np.testing.assert_allclose(tasks.localization_scores(done(task)).values, expected.values)
    assert task.title == "Saliency"


def test_baselines_are_scored_as_methods_are(model, subject, objects):
    made = tasks.localize_baselines(
        model, "f", [(subject, objects)], BASELINE_COLUMNS, MEASURES, seed=4
    )
    assert [column for _, column in made] == list(BASELINE_COLUMNS)
    for (_, column), task in made.items():
        found = tasks.localization_scores(done(task))
        name = column.removeprefix("baseline:")
        relevance = baseline_maps(name, subject.pixels[None].astype(float), 4)
        expected = scored(model, subject, relevance, objects, 4)
        np.testing.assert_allclose(found.values, expected.values, atol=1e-3, err_msg=column)
        assert task.title.endswith(" (baseline)")


def test_negative_quadrants_of_a_composite(model, picture):
    pixels = two_by_two([picture] * 4, (SIDE, SIDE), 1.0)
    subject = tasks.Subject("composite", pixels, 2)
    place = quadrant_objects(3, (SIDE, SIDE))
    made = tasks.localize_all(model, "f", [(subject, place)], CHOICES[:1], ["negative_quadrants"])
    found = tasks.localization_scores(done(made["composite", "saliency"])).values
    clf = load_classifier(**model)
    raw = explain(clf, clf.network_input(_batch(subject)), 2, method="saliency")[0].sum(0)
    positive = raw.clamp(min=0).double()
    own = positive[SIDE // 2 :, SIDE // 2 :].sum() / positive.sum()
    np.testing.assert_allclose(found, [1 - float(own)], rtol=1e-5)


def test_keys_tell_apart_what_gives_other_scores(model, subject, objects):
    moved = Objects(np.roll(objects.mask, 1), objects.boxes, objects.cut)
    relevance = np.ones((1, SIDE, SIDE), np.float32)
    variants = [
        (objects, MEASURES, 0),
        (moved, MEASURES, 0),
        (objects, MEASURES[:1], 0),
        (objects, MEASURES, 1),
        (Objects(objects.mask, objects.boxes[:1], objects.cut), MEASURES, 0),
    ]
    for make in (
        lambda place, names, seed: tasks.localize_all(
            model, "f", [(subject, place)], CHOICES[:1], names, seed
        )["hash", "saliency"],
        lambda place, names, seed: tasks.localize_baselines(
            model, "f", [(subject, place)], BASELINE_COLUMNS[:1], names, seed
        )["hash", BASELINE_COLUMNS[0]],
        lambda place, names, seed: tasks.score_there(
            model, "f", subject, place, relevance, "saliency", names, seed
        ),
    ):
        keys = [make(*variant).key for variant in variants]
        assert len(set(keys)) == len(keys)
        assert make(*variants[0]).key == keys[0]
