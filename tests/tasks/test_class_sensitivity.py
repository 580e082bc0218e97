"""Maps of several classes, made and compared by a worker."""

import numpy as np
import pytest

from tests.command_line import few_random_maps
from tests.tasks.conftest import SIDE, as_pixels
from xai_core import tasks
from xai_core.class_sensitivity import compare_classes
from xai_core.errors import XaiError
from xai_core.explainers.choices import Choice
from xai_core.progress import listening
from xai_core.tasks.explanations import run_explain
from xai_core.tasks.models import Subject

SIGNED = {"saliency": True, "gradcam": False}
CHOICES = [Choice("saliency"), Choice("gradcam", {"layer": "relu5"})]
MEASURES = ["ssim", "spearman"]
CLASSES = (2, 0, 1)
FINGERPRINT = "f" * 64


@pytest.fixture(scope="module", autouse=True)
def _few_random_maps():
    with few_random_maps():
        yield


@pytest.fixture(scope="module")
def subjects():
    """Two pictures of noise."""
    made = np.random.default_rng(5).integers(0, 256, (2, SIDE, SIDE, 3), dtype=np.uint8)
    return [Subject(f"hash {k}", as_pixels(one), 0) for k, one in enumerate(made)]


@pytest.fixture(scope="module")
def parts():
    lower = np.arange(SIDE) >= SIDE // 2
    halves = np.broadcast_to(lower[:, None], (SIDE, SIDE))
    return np.stack([~halves, halves])


def asked(model, pairs, choices=CHOICES, measures=MEASURES, parts=None):
    return tasks.compare_all(model, FINGERPRINT, pairs, choices, measures, parts=parts)


def scores(task):
    return tasks.class_scores(task.run(**task.arguments))


def same(one, other):
    for name, values in vars(one).items():
        np.testing.assert_allclose(values, vars(other)[name], rtol=1e-6, atol=1e-6, err_msg=name)


@pytest.fixture(scope="module")
def relevance(model, subjects):
    """What ``run_explain`` gives of the first picture, by method: the maps of all classes."""
    return {
        choice.id: [
            run_explain(
                model, subjects[0].pixels, index, choice.method, dict(choice.settings)
            ).arrays["relevance"]
            for index in CLASSES
        ]
        for choice in CHOICES
    }


def test_maps_are_made_and_compared(model, subjects, parts, relevance):
    made = asked(model, [(subjects[0], CLASSES)], parts=parts)
    assert list(made) == [(subjects[0].hash, choice.id) for choice in CHOICES]
    for choice in CHOICES:
        maps, signed = relevance[choice.id], SIGNED[choice.id]
        expected = compare_classes(maps, (SIDE, SIDE), signed, MEASURES, parts)
        same(scores(made[subjects[0].hash, choice.id]), expected)
    assert len({one.tobytes() for one in relevance["saliency"]}) == len(CLASSES)


def test_maps_that_are_there_are_compared_alike(relevance, parts):
    for choice in CHOICES:
        maps, signed = relevance[choice.id], SIGNED[choice.id]
        task = tasks.compare_classes(maps, (SIDE, SIDE), choice, MEASURES, parts)
        same(scores(task), compare_classes(maps, (SIDE, SIDE), signed, MEASURES, parts))


def test_other_pictures_do_not_matter(model, subjects):
    first, second = subjects
    both = asked(model, [(second, (1, 0)), (first, CLASSES)])
    alone = asked(model, [(first, CLASSES)])
    assert len(both) == 2 * len(CHOICES)
    for name, task in alone.items():
        assert both[name].key == task.key
        same(scores(both[name]), scores(task))


def test_what_decides_the_scores_is_in_the_key(model, subjects, parts):
    (first, second), (choice, other) = subjects, CHOICES

    def key(subject=first, classes=CLASSES, choice=choice, **options):
        return asked(model, [(subject, classes)], [choice], **options)[subject.hash, choice.id].key

    others = [
        key(subject=second),
        key(classes=CLASSES[::-1]),
        key(classes=CLASSES[:2]),
        key(choice=other),
        key(measures=["ssim"]),
        key(parts=parts),
        key(parts=parts[::-1]),
    ]
    assert key() == key()
    assert len({key(), *others}) == 1 + len(others)


def test_progress_goes_through_all_classes_once(model, subjects):
    choice = Choice("smoothgrad", {"samples": 4})
    (task,) = asked(model, [(subjects[0], CLASSES[:2])], [choice]).values()
    told = []
    with listening(told.append):
        task.run(**task.arguments)
    assert told == sorted(told)
    assert 0.5 in told, "the first of two classes is half"
    assert told[-1] == pytest.approx(1)


def test_a_method_that_does_not_work_says_why(model, subjects):
    (task,) = asked(model, [(subjects[0], CLASSES)], [Choice("gradcam", {"layer": "x"})]).values()
    with pytest.raises(XaiError, match="no layer 'x'"):
        task.run(**task.arguments)
