"""What is asked of the engine, in which order, and under which key."""

import numpy as np
import pytest

from xai_core import orders
from xai_core.errors import MethodError
from xai_core.explainers.choices import Choice
from xai_core.orders import Subject

MODEL = {"source": "vgg-tiny"}
PIXELS = np.zeros((3, 64, 64), np.float32)
FIRST, SECOND = Subject("first", PIXELS, 0), Subject("second", PIXELS, 0)


def explain(choice, subject=FIRST, **more):
    return orders.explain(MODEL, "fingerprint", subject, choice, **more)


def test_defaults_are_the_same_order_whether_they_are_given_or_not():
    key = explain(Choice("deeplift")).key
    assert explain(Choice("deeplift", {"baseline": "black"})).key == key
    assert explain(Choice("deeplift", {"baseline": "mean"})).key != key
    assert explain(Choice("deeplift"), SECOND).key != key


def test_a_picture_as_a_setting_is_known_by_its_content():
    choice = Choice("deeplift", {"baseline": ["black", "cup.jpg"]})
    task = explain(choice, pictures={"cup.jpg": SECOND})
    assert task.arguments["params"]["baseline"][0] == "black"
    assert task.arguments["params"]["baseline"][1] is SECOND.pixels
    renamed = Choice("deeplift", {"baseline": ["black", "b.jpg"]})
    assert explain(renamed, pictures={"b.jpg": SECOND}).key == task.key
    assert explain(choice, pictures={"cup.jpg": FIRST}).key != task.key
    with pytest.raises(MethodError, match=r"cup\.jpg"):
        explain(choice)


CHOICES = [
    Choice("integrated_gradients"),
    Choice("smoothgrad", {"base": "deeplift", "samples": 2}),
    Choice("smoothgrad", {"samples": 3}),
    Choice("saliency"),
    Choice("gradcam"),
]


def test_cheap_methods_come_first_and_picture_by_picture():
    found = orders.explain_all(MODEL, "fingerprint", [FIRST, SECOND], CHOICES)
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
        explain(choice, subject).key for choice in CHOICES for subject in (FIRST, SECOND)
    }


def test_what_is_still_missing_is_announced_together():
    saliency = explain(Choice("saliency")).key
    found = orders.explain_all(
        MODEL, "fingerprint", [FIRST], CHOICES, known={saliency}.__contains__
    )
    together = found["first", "gradcam"].arguments["together"]
    assert set(together) == {"gradcam", "smoothgrad"}
    assert together["smoothgrad"]["base"] == "saliency", "the cheaper of the two"
    assert set(found["first", "integrated_gradients"].arguments["together"]) == {
        "integrated_gradients"
    }


def test_what_kind_the_maps_are_belongs_to_the_question():
    two = np.zeros((2, 8, 8), np.float32)
    one, other = (
        orders.similarity(two, "ssim", "all", kinds) for kinds in ([True] * 2, [False] * 2)
    )
    assert one.key != other.key
    assert other.arguments == {"maps": two, "measure": "ssim", "show": "all", "signed": [False] * 2}
