"""Maps that know nothing of the network."""

import numpy as np
import pytest
import torch

from tests.apem.tiny_networks import small_case
from xai_core.errors import MethodError
from xai_core.explainers import explain
from xai_core.localization import (
    BASELINES,
    baseline_maps,
    box_iou,
    content_heatmap,
    pointing_game,
    pxap,
)

SIZE = (5, 8)


def pictures(count=3, size=SIZE, seed=0):
    return np.random.default_rng(seed).uniform(size=(count, 3, *size))


@pytest.mark.parametrize("name", BASELINES)
def test_every_baseline_gives_each_picture_its_map(name):
    pixels = pictures()
    kept = pixels.copy()
    maps = baseline_maps(name, pixels)
    assert maps.shape == (3, *SIZE)
    assert maps.dtype == np.float64
    assert (maps >= 0).all()
    np.testing.assert_array_equal(pixels, kept)
    np.testing.assert_array_equal(baseline_maps(name, torch.from_numpy(pixels)), maps)
    for place in range(3):
        alone = baseline_maps(name, pixels[place : place + 1])
        np.testing.assert_array_equal(alone[0], maps[place])
    assert baseline_maps(name, pixels[:0]).shape == (0, *SIZE)
    assert BASELINES[name].title
    assert BASELINES[name].shows.endswith(".")


@pytest.mark.parametrize("name", BASELINES)
def test_no_digit_depends_on_how_pictures_lie_in_memory(name):
    pixels = pictures(1, (64, 64))
    channels_last = np.moveaxis(np.ascontiguousarray(np.moveaxis(pixels, 1, -1)), -1, 1)
    assert channels_last.strides != pixels.strides
    np.testing.assert_array_equal(baseline_maps(name, channels_last), baseline_maps(name, pixels))


def test_the_centre_by_hand():
    # Of four pixels a side the centres lie at 1/8, 3/8, ... of it: 1/8 and 3/8 from the middle,
    # a half and three halves of the deviation.
    near, far = np.exp(-1 / 8), np.exp(-9 / 8)
    found = baseline_maps("centre", pictures(1, (4, 2)))[0]
    # Of two pixels they lie 1/4 from it, one deviation.
    expected = np.outer([far, near, near, far], [np.exp(-1 / 2)] * 2)
    np.testing.assert_allclose(found, expected, rtol=1e-14)


def test_the_whole_picture_scores_what_the_object_takes():
    # 6 of 40 pixels, in a box of 2 by 3.
    masks = np.zeros((1, *SIZE), dtype=bool)
    masks[0, 1:3, 2:5] = True
    maps = baseline_maps("whole", pictures(1))
    assert box_iou(maps, np.array([[2, 1, 5, 3]])) == [6 / 40]
    for measure in (content_heatmap, pxap):
        np.testing.assert_allclose(measure(maps, masks), [6 / 40], rtol=1e-14)
    np.testing.assert_allclose(pointing_game(maps, masks, tolerance=0), [6 / 40], rtol=1e-14)


def test_chance_is_of_the_picture_and_of_the_seed():
    pixels = pictures()
    maps = baseline_maps("chance", pixels)
    assert not np.array_equal(maps[0], maps[1])
    assert not np.array_equal(maps, baseline_maps("chance", pixels, seed=1))
    # What rounding changes of the pixels changes nothing.
    near = np.round(pixels * 255) / 255
    np.testing.assert_array_equal(
        baseline_maps("chance", near + 1e-7), baseline_maps("chance", near)
    )
    # Uniform: of 40,000 values the mean has a standard error of sqrt(1/12/40000).
    many = baseline_maps("chance", pictures(1, (200, 200)))
    assert abs(many.mean() - 1 / 2) < 5 * np.sqrt(1 / 12 / 40_000)


def test_edges_are_those_of_the_control():
    clf, x, _ = small_case(0, 1)
    control = explain(clf, x, 0, method="edges")[:, 0]
    found = baseline_maps("edges", clf.pixels(x))
    np.testing.assert_allclose(found, control, rtol=1e-4, atol=1e-6)
    assert not baseline_maps("edges", np.full((1, 3, *SIZE), 0.3)).any()


def test_what_is_no_baseline_or_no_picture_is_refused():
    with pytest.raises(MethodError, match="no baseline 'corner'; there are: centre, chance"):
        baseline_maps("corner", pictures())
    with pytest.raises(MethodError, match=r"must be \[N, 3, height, width\]"):
        baseline_maps("edges", pictures()[:, :2])
    with pytest.raises(MethodError, match="not finite"):
        baseline_maps("edges", pictures() * np.nan)
    with pytest.raises(MethodError, match="'seed' must lie from 0"):
        baseline_maps("chance", pictures(), seed=-1)
