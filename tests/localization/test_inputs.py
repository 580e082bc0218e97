"""What every localisation measure takes, and what it refuses."""

import numpy as np
import pytest
import torch

from xai_core.errors import MethodError
from xai_core.measures import Needs, measures_of

SIZE = (3, 4, 5)
KINDS = (Needs.MASK, Needs.BOX, Needs.QUADRANT)
OBJECTS = {
    Needs.MASK: np.arange(60).reshape(SIZE) % 7 == 0,
    Needs.BOX: np.array([[0, 0, 5, 4], [1, 1, 3, 3], [4, 3, 5, 4]]),
    Needs.QUADRANT: np.array([0, 3, 2]),
}
ROWS = [(kind, row) for kind in KINDS for row in measures_of(kind).values()]
every_measure = pytest.mark.parametrize(("kind", "row"), ROWS, ids=[row.id for _, row in ROWS])


def maps():
    return np.random.default_rng(0).normal(size=SIZE)


@every_measure
@pytest.mark.parametrize("kind_of_number", [torch.float32, torch.bfloat16, torch.float64])
def test_tensors_score_as_arrays_do(kind, row, kind_of_number):
    tensor = torch.from_numpy(maps()).to(kind_of_number).requires_grad_()
    array = tensor.detach().double().numpy()
    found = row.function(tensor, torch.from_numpy(OBJECTS[kind]))
    assert isinstance(found, np.ndarray)
    np.testing.assert_array_equal(found, row.function(array, OBJECTS[kind]))


@every_measure
def test_the_order_in_memory_does_not_matter(kind, row):
    given = np.repeat(np.repeat(maps().round(), 2, axis=1), 2, axis=2)  # with ties
    objects = OBJECTS[kind]
    if kind is Needs.MASK:
        objects = np.repeat(np.repeat(objects, 2, axis=1), 2, axis=2)
    expected = row.function(given, objects)
    for laid_out in (np.asfortranarray(given), given[:, ::-1].copy()[:, ::-1]):
        other = np.asfortranarray(objects)
        np.testing.assert_array_equal(row.function(laid_out, other), expected)


@every_measure
def test_no_pictures_have_no_scores(kind, row):
    assert row.function(maps()[:0], OBJECTS[kind][:0]).shape == (0,)


@every_measure
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda good: good[0], "must be numbers [N, height, width], not float64 [4, 5]"),
        (lambda good: good[:, :, :0], "not float64 [3, 4, 0]"),
        (lambda good: good > 0, "not bool [3, 4, 5]"),
        (lambda good: torch.from_numpy(good > 0), "not bool [3, 4, 5]"),
        (lambda good: good + 0j, "not complex128 [3, 4, 5]"),
        (lambda good: good.tolist(), "must be an array or a tensor, not list"),
        (lambda good: np.where(good > 1, np.nan, good), "not finite numbers"),
        (lambda good: np.where(good < -1, -np.inf, good), "not finite numbers"),
    ],
)
def test_wrong_maps_are_refused(kind, row, wrong, said):
    with pytest.raises(MethodError) as raised:
        row.function(wrong(maps()), OBJECTS[kind])
    assert said in str(raised.value)


WRONG = [
    (Needs.MASK, lambda good: good.astype(float), "must be bool [3, 4, 5], as large as the maps"),
    (Needs.MASK, lambda good: good[:2], "not bool [2, 4, 5]"),
    (Needs.MASK, lambda good: good[:, :, :4], "not bool [3, 4, 4]"),
    (Needs.BOX, lambda good: good / 2, "must be whole numbers [3, 4], not float64 [3, 4]"),
    (Needs.BOX, lambda good: good[:, :2], "not int64 [3, 2]"),
    (Needs.BOX, lambda good: good[:2], "not int64 [2, 4]"),
    (Needs.BOX, lambda good: good + np.array([[0], [3], [0]]), "Box 1, [4, 4, 6, 6], must be"),
    (Needs.BOX, lambda good: good - 1, "Box 0, [-1, -1, 4, 3], must be"),
    (Needs.BOX, lambda good: good[:, [2, 1, 0, 3]], "within the map's 5 x 4 pixels"),
    (Needs.QUADRANT, lambda good: good + 1, "must be numbers from 0 to 3"),
    (Needs.QUADRANT, lambda good: good - 1, "must be numbers from 0 to 3"),
    (Needs.QUADRANT, lambda good: good[:2], "must be whole numbers [3], not int64 [2]"),
    (Needs.QUADRANT, lambda good: good > 1, "not bool [3]"),
]


@pytest.mark.parametrize(
    ("row", "kind", "wrong", "said"),
    [(row, kind, wrong, said) for kind, wrong, said in WRONG for row in measures_of(kind).values()],
)
def test_wrong_objects_are_refused(row, kind, wrong, said):
    with pytest.raises(MethodError) as raised:
        row.function(maps(), wrong(OBJECTS[kind]))
    assert said in str(raised.value)
