"""Pointing games: numbers by hand, the literal loops, and what chance may do."""

import math

import numpy as np
import pytest

from tests.localization.small_maps import one, random_case
from tests.reference import localization as literal
from xai_core.errors import MethodError
from xai_core.localization import (
    content_heatmap,
    dilated,
    margin,
    pointing,
    pointing_game,
    stochastic_pointing_game,
    stochastic_pointing_runs,
)
from xai_core.localization.chance import own_generator


@pytest.mark.parametrize(
    ("size", "pixels"),
    # 15 * side / 224: 4.29 at 64, 7.5 at 112, 22.5 at 336; of sides that differ, the shorter.
    [((224, 224), 15), ((64, 64), 4), ((112, 112), 8), ((336, 336), 23), ((224, 448), 15)],
)
def test_the_margin_grows_with_the_shorter_side(size, pixels):
    assert margin(*size) == margin(*size[::-1]) == pixels


def test_a_mask_grows_by_a_disc():
    mask = np.zeros((7, 7), dtype=bool)
    mask[3, 3] = True
    # Within 2 of the middle: (1, 1), at the root of 2, is; (1, 2), at the root of 5, is not.
    expected = [
        [0, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 1, 0, 0, 0],
        [0, 0, 1, 1, 1, 0, 0],
        [0, 1, 1, 1, 1, 1, 0],
        [0, 0, 1, 1, 1, 0, 0],
        [0, 0, 0, 1, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0],
    ]
    np.testing.assert_array_equal(dilated(mask, 2), expected)
    np.testing.assert_array_equal(dilated(mask, 0), mask)
    assert not dilated(np.zeros((7, 7), dtype=bool)).any()


def test_a_point_at_the_margin_hits_and_one_beyond_it_misses():
    mask = np.zeros((1, 224, 224), dtype=bool)
    mask[0, 100, 100] = True
    # 9, 12 and 15 make a right triangle.
    for place, hit in {(100, 115): 1, (109, 112): 1, (100, 116): 0, (110, 112): 0}.items():
        map_ = np.zeros((1, 224, 224))
        map_[0, *place] = 1
        assert pointing_game(map_, mask) == [hit]


def test_several_maxima_share_the_point():
    mask = one([[True, True], [False, False]])
    shared = one([[5.0, 1.0], [5.0, 5.0]])
    assert pointing_game(shared, mask, tolerance=0) == [1 / 3]
    # A constant map hits as often as the object is large.
    assert pointing_game(np.ones((1, 2, 2)), mask, tolerance=0) == [1 / 2]
    # Of signed maps the positive part counts, though a negative value is the furthest from zero.
    assert pointing_game(one([[1.0, -9.0], [-9.0, 0.5]]), mask, tolerance=0) == [1]


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("tolerance", [0, 1, 3])
def test_the_pointing_game_equals_the_literal_loop(ties, tolerance):
    maps, masks = random_case(0, count=20, ties=ties)
    expected = [literal.pointing_game(*pair, tolerance) for pair in zip(maps, masks, strict=True)]
    np.testing.assert_array_equal(pointing_game(maps, masks, tolerance), expected)
    if ties:
        assert any(0 < score < 1 for score in expected), "some maxima were shared"


def test_the_stochastic_game_equals_the_literal_loop():
    maps, masks = random_case(1)
    found = stochastic_pointing_runs(maps, masks, draws=30, repeats=2, seed=7, tolerance=1)
    assert found.shape == (4, 2)
    for runs, map_, mask in zip(found, maps, masks, strict=True):
        generator = own_generator(7, mask)
        for run in runs:
            numbers = generator.random(30).tolist()
            assert run == literal.stochastic_pointing_game(map_, mask, 1, numbers)
    mean = stochastic_pointing_game(maps, masks, 30, 2, 7, tolerance=1)
    np.testing.assert_array_equal(mean, found.mean(1))


def test_what_is_drawn_follows_the_map():
    # One of 4 of the relevance hits; 40,000 draws have a standard error of sqrt(3/16/40000).
    map_, mask = one([[0.0, 1.0], [3.0, -5.0]]), one([[True, True], [False, False]])
    found = stochastic_pointing_game(map_, mask, draws=10_000, repeats=4, tolerance=0)
    assert abs(found[0] - 1 / 4) < 5 * math.sqrt(3 / 16 / 40_000)
    # Without a margin the content heatmap is what it tends to (C section 4.3).
    assert content_heatmap(map_, mask) == [1 / 4]


def test_a_pixel_without_relevance_is_never_drawn(monkeypatch):
    class Ends:
        """Random numbers at which the cumulated map, 0, 1, 1, 2, has its steps."""

        def random(self, draws):
            return np.array([0, 0.5])

    monkeypatch.setattr(pointing, "own_generator", lambda seed, content: Ends())
    map_, mask = one([[0.0, 3.0, -1.0, 3.0]]), one([[True, False, True, False]])
    assert stochastic_pointing_game(map_, mask, draws=2, repeats=1, tolerance=0) == [0]


def test_the_seed_and_the_picture_decide_the_draws():
    maps, masks = random_case(2)
    runs = stochastic_pointing_runs(maps, masks, seed=3)
    np.testing.assert_array_equal(runs, stochastic_pointing_runs(maps, masks, seed=3))
    assert not np.array_equal(runs, stochastic_pointing_runs(maps, masks, seed=4))
    assert len({tuple(own) for own in runs}) == len(runs)
    # Another method, which is twice as high everywhere, meets the same draws.
    np.testing.assert_array_equal(runs, stochastic_pointing_runs(2 * maps, masks, seed=3))


def test_pictures_err_independently():
    # The same map, half of it on the object, whatever the mask: were the draws of all pictures the
    # same, a run's mean over 100 pictures would spread as widely as that of one.
    maps = np.ones((100, 10, 10))
    masks = np.zeros(maps.shape, dtype=bool)
    for place, mask in enumerate(masks):
        mask.flat[np.random.default_rng(place).permutation(100)[:50]] = True
    runs = stochastic_pointing_runs(maps, masks, draws=100, repeats=40, tolerance=0)
    one_picture = math.sqrt(0.5 * 0.5 / 100)
    assert runs.mean(0).std() < 2 * one_picture / math.sqrt(100)
    assert runs.std(1).mean() > one_picture / 2


@pytest.mark.parametrize("tolerance", [-1, math.nan, math.inf, "1"])
def test_a_margin_that_is_no_distance_is_refused(tolerance):
    maps, masks = random_case(0)
    for game in (pointing_game, stochastic_pointing_game):
        with pytest.raises(MethodError, match="The tolerance must be a distance in pixels"):
            game(maps, masks, tolerance=tolerance)


@pytest.mark.parametrize("setting", ["draws", "repeats", "seed"])
def test_settings_out_of_range_are_refused(setting):
    with pytest.raises(MethodError, match=f"'{setting}' must lie from"):
        stochastic_pointing_game(*random_case(0), **{setting: -1})
