"""Relevance to heatmap (docs/sources.md: A, S), and its colours."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.reference import apem, sanity
from xai_core.colormaps import COLORMAPS, anchors, colour, default_colormap, overlay
from xai_core.errors import MethodError
from xai_core.heatmaps import (
    SHOWS,
    STAGES,
    cancelling,
    is_empty,
    relevance_map,
    signed_map,
    upsample,
)

RELEVANCE = arrays(
    np.float64,
    (2, 3, 2, 3),
    elements=st.floats(allow_nan=False, allow_infinity=False),
)


def test_the_three_stages_by_hand():
    # One 1x2 image: channels (1, -2), (3, 0), (-4, 2). With six values the 99th percentile of
    # |R| = 0 1 2 2 3 4 is 3 + 0.95 (4 - 3) = 3.95, so 4 becomes 3.95.
    relevance = np.array([[[[1.0, -2.0]], [[3.0, 0.0]], [[-4.0, 2.0]]]])
    expected = np.array([[[[1.0, 2.0]], [[3.0, 0.0]], [[3.95, 2.0]]]]) / 3.95
    np.testing.assert_allclose(relevance_map(relevance, "channels"), expected, rtol=1e-14)
    # Sums over channels: 1 + 3 + 3.95 = 7.95 and 2 + 0 + 2 = 4.
    np.testing.assert_allclose(relevance_map(relevance, "map"), [[[[1, 4 / 7.95]]]], rtol=1e-14)
    # The sums, 7.95 and 4, times the pixels 0.5 1 | 0 1 | 1 0.25: the largest is 7.95 * 1.
    pixels = np.array([[[[0.5, 1.0]], [[0.0, 1.0]], [[1.0, 0.25]]]])
    weighted = relevance_map(relevance, "map*image", images=pixels)
    expected = np.array([[[[3.975, 4.0]], [[0.0, 4.0]], [[7.95, 1.0]]]]) / 7.95
    np.testing.assert_allclose(weighted, expected, rtol=1e-14)


def test_the_clamp_is_the_99th_percentile_of_every_image_alone():
    # 0 ... 100 has the 99th percentile 99: only the value 100 is changed, to 99.
    ramp = np.arange(101.0).reshape(1, 1, 1, 101)
    both = relevance_map(np.concatenate([ramp, 1000 * ramp]))
    np.testing.assert_allclose(both[0, 0, 0], np.minimum(np.arange(101.0), 99) / 99, rtol=1e-14)
    np.testing.assert_allclose(both[1], both[0], rtol=1e-14)


def test_a_map_sparser_than_the_clamp_is_kept():
    relevance = np.zeros((1, 1, 20, 20))
    relevance[0, 0, 3, 4] = -5.0
    assert relevance_map(relevance)[0, 0, 3, 4] == 1
    assert signed_map(relevance, clip=99)[0, 3, 4] == -1


def test_a_one_channel_map_is_broadcast_over_the_pixels():
    # Of equal relevance the picture itself is left, divided by its largest value.
    relevance = np.array([[[[1.0, 1.0]]]])
    pixels = np.array([[[[0.5, 0.0]], [[0.5, 0.25]], [[0.0, 0.0]]]])
    np.testing.assert_allclose(relevance_map(relevance, "map*image", images=pixels), 2 * pixels)


def test_relevance_where_the_picture_is_black_leaves_an_empty_image():
    relevance = np.array([[[[1.0, 0.0]]]])
    pixels = np.array([[[[0.0, 1.0]]] * 3]).reshape(1, 3, 1, 2)
    assert is_empty(relevance_map(relevance, "map*image", images=pixels)).tolist() == [True]


@given(
    arrays(np.float64, (2, 3, 2, 3), elements=st.integers(-1000, 1000).map(float)),
    arrays(np.float64, (2, 3, 2, 3), elements=st.integers(0, 8).map(lambda value: value / 8)),
)
def test_the_stages_are_those_of_the_literal_loop(relevance, pixels):
    for stage in STAGES:
        found = relevance_map(relevance, stage, images=pixels)
        for one, raw, picture in zip(found, relevance, pixels, strict=True):
            np.testing.assert_allclose(one, apem.staged(raw, stage, picture), rtol=1e-9, atol=1e-12)


def test_the_three_signed_displays_by_hand():
    # Channel sums 1 + 1 = 2, -5 + 1 = -4, 0 + 3 = 3, 1 - 1 = 0.
    relevance = np.array([[[[1.0, -5.0], [0.0, 1.0]], [[1.0, 1.0], [3.0, -1.0]]]])
    np.testing.assert_allclose(signed_map(relevance, "all"), [[[0.5, -1], [0.75, 0]]])
    np.testing.assert_allclose(signed_map(relevance, "positive"), [[[2 / 3, 0], [1, 0]]])
    # |1| + |1| = 2, |-5| + |1| = 6, 0 + |3| = 3, |1| + |-1| = 2: more than the sum's value.
    np.testing.assert_allclose(signed_map(relevance, "absolute"), [[[1 / 3, 1], [0.5, 1 / 3]]])


def test_channels_that_cancel_are_absolute_relevance_all_the_same():
    relevance = np.array([[[[2.0, -1.0]], [[-2.0, 0.5]], [[0.0, 0.5]]]])
    assert is_empty(signed_map(relevance, "all")).tolist() == [True]
    np.testing.assert_allclose(signed_map(relevance, "absolute"), [[[1, 0.5]]])
    # One channel: the absolute value of the sum is the sum of absolute values.
    single = np.array([[[[3.0, -1.5, 0.0]]]])
    np.testing.assert_allclose(signed_map(single, "absolute"), [[[1, 0.5, 0]]])


def test_clipping_saturates_at_the_percentile():
    # |values| 0 1 2 3 4: the 75th percentile is 3.
    relevance = np.array([[[[0.0, 1.0, -2.0, 3.0, -4.0]]]])
    np.testing.assert_allclose(signed_map(relevance, clip=75), [[[0, 1 / 3, -2 / 3, 1, -1]]])
    np.testing.assert_array_equal(signed_map(relevance, clip=100), signed_map(relevance))


def test_zero_stays_zero_and_is_reported():
    relevance = torch.zeros(2, 3, 4, 4)
    relevance[1, 0, 0, 0] = 1
    for show in SHOWS:
        maps = signed_map(relevance, show)
        assert is_empty(maps).tolist() == [True, False]
        assert is_empty(maps.numpy()).tolist() == [True, False]
    for stage in STAGES:
        assert is_empty(relevance_map(relevance, stage, images=torch.ones(2, 3, 4, 4)))[0]


def test_a_negative_map_is_empty_when_only_positive_relevance_is_shown():
    assert is_empty(signed_map(-torch.ones(1, 3, 2, 2), "positive")).tolist() == [True]


@given(RELEVANCE)
def test_ranges_hold_and_images_do_not_touch_each_other(relevance):
    for stage in STAGES:
        pixels = np.ones((2, 3, 2, 3))
        maps = relevance_map(relevance, stage, images=pixels)
        assert maps.min() >= 0
        assert maps.max() <= 1
        alone = relevance_map(relevance[1:], stage, images=pixels[1:])
        np.testing.assert_array_equal(maps[1:], alone)
    for show in SHOWS:
        maps = signed_map(relevance, show)
        assert np.abs(maps).max(axis=(1, 2)).tolist() == [float(not e) for e in is_empty(maps)]
        assert show == "all" or maps.min() >= 0
        np.testing.assert_array_equal(maps[1:], signed_map(relevance[1:], show))


@given(
    arrays(np.float64, (2, 3, 2, 3), elements=st.integers(-1000, 1000).map(float)),
)
def test_signed_maps_are_those_of_the_literal_loop(relevance):
    # Whole numbers: their sums are exact, and only the scaling rounds.
    for show in SHOWS:
        literal = np.stack([sanity.drawn(one, show) for one in relevance])
        np.testing.assert_allclose(signed_map(relevance, show), literal, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_kind_and_type_come_back(dtype):
    array = np.linspace(-1, 1, 24, dtype=dtype).reshape(1, 3, 2, 4)
    tensor = torch.from_numpy(array).requires_grad_()
    for function in (relevance_map, signed_map):
        assert function(array).dtype == dtype
        result = function(tensor)
        assert result.dtype == getattr(torch, dtype)
        assert not result.requires_grad
        np.testing.assert_array_equal(result.numpy(), function(array))
    assert signed_map(array.astype(int)).dtype == np.float64
    # NumPy has no such type; a quarter and its multiples have few digits.
    coarse = signed_map(torch.tensor([[[[-0.25, 1.0]]]], dtype=torch.bfloat16))
    assert coarse.dtype == torch.bfloat16
    assert coarse.tolist() == [[[-0.25, 1.0]]]


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda r: relevance_map(r, "maps"), "no stage 'maps'"),
        (lambda r: relevance_map(r, "map*image"), "needs the pixels"),
        (lambda r: relevance_map(r, "map*image", np.ones((1, 3, 4, 4))), "do not fit"),
        (lambda r: relevance_map(r, "map*image", np.full((1, 3, 2, 2), 1.5)), "un-normalised"),
        (lambda r: relevance_map(r * np.nan), "not finite"),
        (lambda r: signed_map(r * np.inf), "not finite"),
        (lambda r: signed_map(r[0]), r"\[N, C, H, W\]"),
        (lambda r: signed_map(r, "negative"), "cannot show 'negative'"),
        (lambda r: signed_map(r, clip=0), "percentile"),
        (lambda r: signed_map(r, clip=100.5), "percentile"),
        (lambda r: upsample(r, (4, 4), "cubic"), "not 'cubic'"),
    ],
)
def test_wrong_input_is_refused_with_a_sentence(call, sentence):
    with pytest.raises(MethodError, match=sentence):
        call(np.ones((1, 3, 2, 2)))


def test_upsampling_by_hand():
    # Pixel centres: 0 1 doubled is 0 0.25 0.75 1.
    line = np.array([[[0.0, 1.0]]])
    np.testing.assert_allclose(upsample(line, (1, 4)), [[[0, 0.25, 0.75, 1]]])
    np.testing.assert_allclose(upsample(line, (1, 4), "nearest"), [[[0, 0, 1, 1]]])
    assert upsample(torch.zeros(2, 3, 2, 2), (4, 6)).shape == (2, 3, 4, 6)


@pytest.mark.parametrize("name", COLORMAPS)
def test_every_colour_map_has_its_ends_and_its_middle(name):
    # The expected colours are the published anchors: first, last, and the middle of eleven.
    low = -1 if COLORMAPS[name].diverging else 0
    ends = colour(np.array([[low, 1.0]]), name)
    assert ends[0].tolist() == [list(anchors(name)[0]), list(anchors(name)[-1])]
    if COLORMAPS[name].diverging:
        assert colour(np.zeros((1, 1)), name)[0, 0].tolist() == [247, 247, 247]
    with pytest.raises(MethodError, match="shows values"):
        colour(np.array([[low - 0.1]]), name)


def test_colours_between_anchors_are_linear():
    # Between the middle (247, 247, 247) and the next anchor (253, 219, 199), at 0.2.
    assert colour(np.array([[0.1]]), "blue-red")[0, 0].tolist() == [250, 233, 223]


def test_defaults_fit_the_display():
    for show in SHOWS:
        assert COLORMAPS[default_colormap(show)].diverging == (show == "all")


def test_overlay_mixes_by_opacity():
    red = np.array([[[200, 0, 0]]], dtype=np.uint8)
    grey = np.array([[[100, 100, 100]]], dtype=np.uint8)
    assert overlay(red, grey, 0.25).tolist() == [[[125, 75, 75]]]
    np.testing.assert_array_equal(overlay(red, grey, 0), grey)
    np.testing.assert_array_equal(overlay(red, grey, 1), red)
    with pytest.raises(MethodError, match="opacity"):
        overlay(red, grey, 1.5)
    with pytest.raises(MethodError, match="one size"):
        overlay(red, np.zeros((2, 2, 3), np.uint8), 0.5)


def test_parts_that_cancel_are_told_by_their_sum():
    assert cancelling(np.array([[[1.0, -1.0, 3.0]]], np.float32)) == 5 / 3
    assert cancelling(torch.tensor([0.5, 0.25])) == 1
    assert cancelling(np.zeros((3, 2, 2), np.float32)) == 0
    assert cancelling(np.array([2.0, -2.0], np.float32)) == np.inf
    assert cancelling(np.array([1e30, -1e30, 3e28], np.float32)) == pytest.approx(2.03e30 / 3e28)
