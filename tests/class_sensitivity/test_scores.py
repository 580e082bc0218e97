"""How alike maps of several classes are: the slow twin, and numbers by hand."""

import numpy as np
import pytest

from tests.command_line import few_random_maps
from tests.reference import class_sensitivity as reference
from xai_core.class_sensitivity import compare_classes
from xai_core.errors import MethodError
from xai_core.heatmaps import SHOWS
from xai_core.measures import MEASURES
from xai_core.randomization.scores import noise_floor
from xai_core.similarity import similarities

SIZE = (10, 12)
NO_PARTS = np.zeros((0, *SIZE), bool)
C1 = 0.01**2  # of SSIM
MOST, LEAST = 1.0, C1 / (1 + C1)  # SSIM of two pictures that are 1 everywhere, and of 1 and 0


@pytest.fixture(scope="module", autouse=True)
def _few_random_maps():
    with few_random_maps():
        yield


def noise(seed, count=3, channels=3, size=SIZE, low=-1.0):
    values = np.random.default_rng(seed).uniform(low, 1, (count, channels, *size))
    return list(values.astype(np.float32))


def halves():
    left = np.zeros(SIZE, bool)
    left[:, : SIZE[1] // 2] = True
    return np.stack([left, ~left])


def flat(*values):
    return [np.full((1, *SIZE), value, np.float32) for value in values]


def by_name(found, measure, show="all"):
    """The scores of every two classes; by ``similarities`` in their order."""
    return found.scores[list(similarities()).index(measure), SHOWS.index(show)]


def compared(maps, signed=True, parts=NO_PARTS):
    return compare_classes(maps, SIZE, signed, list(similarities()), parts)


@pytest.mark.parametrize("native", [SIZE, (4, 5)])
@pytest.mark.parametrize("signed", [False, True])
def test_equals_the_slow_twin(native, signed):
    maps = noise(1, size=native, low=-1.0 if signed else 0.0)
    found = compared(maps, signed, halves())
    for (measure, show, i, j), score in reference.compare_classes(
        maps, SIZE, signed, SHOWS
    ).items():
        table = by_name(found, measure, show)
        assert table[i, j] == table[j, i] == pytest.approx(score, abs=1e-9), (measure, show)
    assert found.inside == pytest.approx(
        np.array([[reference.inside(one, SIZE, part) for part in halves()] for one in maps])
    )


def test_every_measure_scores_every_two_classes_once():
    maps = noise(2, count=4)
    found = compared(maps)
    assert found.scores.shape == (len(similarities()), len(SHOWS), 4, 4)
    undefined = np.isnan(found.scores)
    assert (undefined == np.eye(4, dtype=bool)).all(), "a class is not compared with itself"
    one = compare_classes(maps[1:3], SIZE, True, ["hog"], NO_PARTS)
    assert one.scores[0, 0, 0, 1] == by_name(found, "hog")[1, 2]


@pytest.mark.parametrize("name", similarities())
def test_maps_that_are_equal_are_as_alike_as_can_be(name):
    (one,) = noise(3, count=1)
    # The scale of a map is no difference.
    found = compared([one, 4 * one])
    for show in SHOWS:
        assert by_name(found, name, show)[0, 1] == pytest.approx(1)


def test_opposite_maps():
    (one,) = noise(4, count=1, channels=1)
    found = compared([one, -one])
    assert by_name(found, "spearman")[0, 1] == pytest.approx(-1)
    assert by_name(found, "spearman", "absolute")[0, 1] == pytest.approx(1)
    assert by_name(found, "spearman_absolute")[0, 1] == pytest.approx(1)
    assert by_name(found, "ssim", "absolute")[0, 1] == pytest.approx(1)


def test_maps_that_are_the_same_everywhere_by_hand():
    # As grey values (h + 1)/2 the maps are 1 and 0; the positive part of the second is empty.
    found = compared(flat(1, -1))
    for show, expected in zip(SHOWS, (LEAST, LEAST, MOST), strict=True):
        assert by_name(found, "ssim", show)[0, 1] == pytest.approx(expected, rel=1e-6)
    assert np.isnan(by_name(found, "spearman")[0, 1]), "a constant map puts nothing in order"


def test_the_sign_of_a_method_decides_the_grey_values():
    # 1/2 on the left half and 1 on the right, and all 1: behind (h + 1)/2 they look more alike.
    uneven = np.ones((1, *SIZE), np.float32)
    uneven[:, :, :6] = 0.5
    maps = [uneven, *flat(1)]
    signed, unsigned = (by_name(compared(maps, kind), "ssim")[0, 1] for kind in (True, False))
    assert 0 < unsigned < signed < 1


def test_empty_maps_have_no_score_and_no_place():
    found = compared(flat(0, 0, 1), parts=halves())
    assert np.isnan(found.scores[:, :, 0, 1]).all()
    assert by_name(found, "ssim", "positive")[0, 2] == pytest.approx(LEAST, rel=1e-6)
    assert np.isnan(found.inside[:2]).all()
    assert found.inside[2].tolist() == [0.5, 0.5]


def test_shares_on_the_parts_by_hand():
    # Ten rows: 3 on the left and 1 on the right; then only negative relevance on the left.
    one, other = np.zeros((2, 3, *SIZE), np.float32)
    one[0, :, 0], one[2, :, 11] = 3, 1
    other[1, :, 0], other[1, :, 7] = -5, 2
    found = compared([one, other], parts=halves())
    assert found.inside == pytest.approx(np.array([[0.75, 0.25], [0.0, 1.0]]))


def test_without_parts_there_are_no_shares():
    assert compared(noise(5)).inside.shape == (3, 0)


@pytest.mark.parametrize("native", [SIZE, (3, 4)])
def test_random_maps_have_the_resolution_of_the_method(native):
    found = compared(noise(6, size=native))
    for m, name in enumerate(similarities()):
        for s, show in enumerate(SHOWS):
            assert tuple(found.floors[m, s]) == noise_floor(native, SIZE, True, name, show)


@pytest.mark.parametrize(
    ("maps", "measures", "parts", "sentence"),
    [
        (1, ["ssim"], SIZE, "the maps of two classes at least"),
        (2, ["none"], SIZE, "no measure 'none'; there are: ssim"),
        (2, ["complexity"], SIZE, "no measure 'complexity'"),
        (2, [], SIZE, "Choose at least one measure"),
        (2, ["ssim"], (12, 10), r"The parts are \[12, 10\], the picture is \[10, 12\]"),
    ],
)
def test_what_cannot_be_compared(maps, measures, parts, sentence):
    assert "complexity" in MEASURES
    with pytest.raises(MethodError, match=sentence):
        compare_classes(noise(7, maps), SIZE, True, measures, np.zeros((1, *parts), bool))
