"""Scores of two maps, and what maps without a meaning reach."""

import math

import numpy as np
import pytest

from tests.reference import similarity as reference
from xai_core.errors import MethodError
from xai_core.heatmaps import SHOWS
from xai_core.measures import Needs, measures_of
from xai_core.randomization.scores import (
    check_measures,
    noise_floor,
    plain,
    scores,
    shuffled_floor,
)

SIZE = (16, 16)
EVERY = tuple(measures_of(Needs.TWO_MAPS))


def noise(seed, size=SIZE):
    return np.random.default_rng(seed).uniform(-1, 1, (1, *size)).astype(np.float32)


def shown(values, show):
    """By hand: the part that is shown, scaled by its largest absolute value."""
    (values,) = values
    values = {"all": values, "positive": np.maximum(values, 0), "absolute": np.abs(values)}[show]
    return values.astype(np.float64) / np.abs(values).max()


def test_every_measure_of_two_maps_can_be_asked_for_and_no_other():
    check_measures(EVERY)
    with pytest.raises(MethodError, match="no measure 'apem'"):
        check_measures(["ssim", "apem"])
    with pytest.raises(MethodError, match=r"no measure 'likeness'; there are: ssim, .*complexity"):
        check_measures(["ssim", "likeness"])
    with pytest.raises(MethodError, match="at least one measure"):
        check_measures([])


@pytest.mark.parametrize("show", SHOWS)
def test_ssim_and_spearman_are_those_of_the_formula(show):
    one, other = noise(0), noise(1)
    found = scores(one, other, SIZE, True, ["ssim", "spearman"], [show])
    a, b = shown(one, show), shown(other, show)
    both = [(a + 1) / 2, (b + 1) / 2] if show == "all" else [a, b]
    assert found["ssim"][show] == pytest.approx(reference.ssim(*both), abs=1e-9)
    assert found["spearman"][show] == pytest.approx(reference.spearman(a, b), abs=1e-9)


def test_maps_of_a_method_without_negative_values_are_compared_as_they_are():
    one, other = abs(noise(0)), abs(noise(1))
    found = scores(one, other, SIZE, False, EVERY, ["all", "absolute"])
    a, b = shown(one, "all"), shown(other, "all")
    assert found["ssim"]["all"] == pytest.approx(reference.ssim(a, b), abs=1e-9)
    # Nothing is negative: all that is there is the absolute map.
    for by_show in found.values():
        assert by_show["all"] == by_show["absolute"]
    # The same map of a signed method is pressed into [0.5, 1], and looks more alike.
    pressed = scores(one, other, SIZE, True, ["ssim"], ["all"])["ssim"]["all"]
    assert pressed == pytest.approx(reference.ssim((a + 1) / 2, (b + 1) / 2), abs=1e-9)


def test_a_map_with_itself_is_1_and_no_more_complex():
    found = scores(noise(0), noise(0), SIZE, True, EVERY)
    for measure, by_show in found.items():
        assert set(by_show) == set(SHOWS)
        for value in by_show.values():
            assert value == pytest.approx(0 if measure == "complexity" else 1)


def test_the_scale_of_a_map_does_not_matter():
    one, other = noise(0), noise(1)
    expected = scores(one, other, SIZE, True, EVERY)
    found = scores(one * np.float32(2**-40), other * np.float32(2**20), SIZE, True, EVERY)
    assert found == expected


@pytest.mark.parametrize("show", SHOWS)
def test_two_empty_maps_are_undefined(show):
    empty = np.zeros((1, *SIZE), np.float32)
    for value in scores(empty, empty, SIZE, True, EVERY, [show]).values():
        assert math.isnan(value[show])


def test_two_maps_without_positive_relevance_are_undefined_where_that_is_shown():
    found = scores(-np.abs(noise(0)), -np.abs(noise(1)), SIZE, True, ["ssim"])["ssim"]
    assert math.isnan(found["positive"])
    assert np.isfinite([found["all"], found["absolute"]]).all()


def test_coarse_maps_are_compared_as_they_are_drawn():
    # Enlarged by hand: between the centres of two halves the values go in a straight line.
    one, other = np.float32([[[0, 1], [0, 1]]]), np.float32([[[1, 0], [1, 0]]])
    line = np.float32([0, 0, 0.125, 0.375, 0.625, 0.875, 1, 1])
    large, flipped = (np.tile(row, (1, 8, 1)) for row in (line, line[::-1]))
    assert scores(one, other, (8, 8), True, EVERY) == scores(large, flipped, (8, 8), True, EVERY)


def test_maps_of_two_resolutions_can_be_compared():
    fine, coarse = noise(0), noise(1, (4, 4))
    found = scores(fine, coarse, SIZE, True, ["ssim"], ["all"])["ssim"]["all"]
    assert scores(coarse, fine, SIZE, True, ["ssim"], ["all"])["ssim"]["all"] == pytest.approx(
        found
    )
    assert -1 < found < 1


def test_opposite_channels_cancel_in_the_sum_and_add_up_in_the_absolute_map():
    # Red 1, 2, 3, ... against blue -1, -2, -3, ...: the sum is empty, the absolute map 2, 4, 6.
    ramp = np.arange(1.0, 257.0, dtype=np.float32).reshape(1, *SIZE)
    pair = [np.concatenate([one, -one]) for one in (ramp, ramp[:, ::-1])]
    found = scores(*pair, SIZE, True, ["spearman", "ssim"], SHOWS)
    assert math.isnan(found["spearman"]["all"])
    # Rows in another order: as of the ramps themselves, which have one channel.
    alone = scores(ramp, ramp[:, ::-1], SIZE, True, ["spearman", "ssim"], ["absolute"])
    for measure in ("spearman", "ssim"):
        assert found[measure]["absolute"] == pytest.approx(alone[measure]["absolute"])


def test_channels_of_a_place_are_shuffled_together():
    # Cancelled in every place, wherever it goes: nothing is left of the sum.
    values = np.concatenate([noise(0), -noise(0)])
    assert np.isnan(shuffled_floor(values, SIZE, True)).all()
    alone = shuffled_floor(noise(0), SIZE, True, "ssim", "absolute")
    assert shuffled_floor(values, SIZE, True, "ssim", "absolute") == pytest.approx(alone)


# Complexity


def test_complexity_is_the_rise_in_shares_of_the_trained_maps():
    halves = np.repeat([0.0, 1.0], 128).reshape(1, *SIZE)
    quarters = np.repeat([0.0, 0.2, 0.6, 1.0], 64).reshape(1, *SIZE)
    rise = scores(halves, quarters, SIZE, True, ["complexity"], ["all"])["complexity"]["all"]
    assert rise == pytest.approx((math.log(4) - math.log(2)) / math.log(2))
    fall = scores(quarters, halves, SIZE, True, ["complexity"], ["all"])["complexity"]["all"]
    assert fall == pytest.approx(-0.5)


def test_complexity_is_undefined_where_the_trained_map_is_constant():
    for constant in (np.ones((1, *SIZE)), np.zeros((1, *SIZE)), np.ones((1, 1, 1))):
        found = scores(constant, noise(0), SIZE, True, ["complexity"])["complexity"]
        assert all(math.isnan(value) for value in found.values())
    found = scores(noise(0), np.ones((1, *SIZE)), SIZE, True, ["complexity"], ["all"])
    assert found == {"complexity": {"all": -1}}


# Floors


def test_dense_noise_has_hardly_any_similarity_and_coarse_noise_much():
    # RELIABILITY: 7x7 maps enlarged to 224 pixels reach an SSIM of about 0.35 by chance.
    fine, _ = noise_floor((64, 64), (64, 64), True, "ssim", "all")
    coarse, spread = noise_floor((7, 7), (224, 224), True, "ssim", "all")
    assert abs(fine) < 0.05
    assert coarse == pytest.approx(0.35, abs=0.1)
    assert 0 < spread < 0.2


def test_ranks_of_noise_agree_by_chance_alone():
    mean, spread = noise_floor((32, 32), (32, 32), True, "spearman", "all")
    # Of n = 1024 places: standard deviation 1 / sqrt(n - 1) = 0.031; of the mean of 20, 0.007.
    assert abs(mean) < 4 * 0.031 / math.sqrt(20)
    assert 0.5 * 0.031 < spread < 1.5 * 0.031


def test_unsigned_noise_is_compared_as_unsigned_maps_are():
    # It has no negative values: everything is what is absolute.
    for measure in ("ssim", "hog"):
        everything, absolute = (
            noise_floor((16, 16), SIZE, False, measure, show) for show in ("all", "absolute")
        )
        assert everything == absolute
    # Shown as absolute values both are uniform in [0, 1], but other draws.
    both = [noise_floor((16, 16), SIZE, kind, "ssim", "absolute") for kind in (True, False)]
    assert both[0][0] == pytest.approx(both[1][0], abs=0.05)


def test_the_noise_floor_is_the_same_whenever_it_is_asked_for():
    first = noise_floor((8, 8), SIZE, True, "hog", "positive")
    noise_floor.cache_clear()
    state = np.random.get_state()[1].copy()
    assert noise_floor((8, 8), SIZE, True, "hog", "positive") == first
    assert np.array_equal(np.random.get_state()[1], state)


def test_shuffled_sparse_maps_look_alike_and_shuffled_dense_ones_do_not():
    # RELIABILITY: sparse maps 0.90 at a density of 0.1 %; 4 of 4096 are that.
    sparse = np.zeros((1, 64, 64))
    sparse[0, [5, 20, 40, 60], [50, 3, 33, 10]] = 1
    high, _ = shuffled_floor(sparse, (64, 64), True)
    assert 0.8 < high < 1
    low, spread = shuffled_floor(noise(0, (64, 64)), (64, 64), True)
    assert abs(low) < 0.05
    assert spread < 0.05


def test_one_outlier_makes_shuffled_maps_look_alike():
    # RELIABILITY: 0.92 with one outlier of 100 times the rest.
    values = noise(0, (64, 64))
    values[0, 7, 7] = 100
    assert shuffled_floor(values, (64, 64), True)[0] > 0.85


def test_the_shuffled_floor_by_hand():
    # A constant map is itself however it is shuffled; an empty one has no floor.
    assert shuffled_floor(np.ones((1, 8, 8)), (8, 8), True) == (pytest.approx(1), pytest.approx(0))
    assert np.isnan(shuffled_floor(np.zeros((1, 8, 8)), (8, 8), True)).all()
    given = noise(0)
    before = given.copy()
    assert shuffled_floor(given, SIZE, True) == shuffled_floor(given, SIZE, True)
    assert np.array_equal(given, before)


def test_undefined_scores_are_none_in_json():
    found = {"ssim": {"all": float("nan"), "positive": 0.5}, "hog": {"all": -1.0}}
    assert plain(found) == {"ssim": {"all": None, "positive": 0.5}, "hog": {"all": -1.0}}
