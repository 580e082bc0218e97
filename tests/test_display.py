"""How relevance becomes a drawing."""

import numpy as np
import pytest
from PIL import Image

from xai_core.display import Display
from xai_core.errors import MethodError


def test_a_drawing_has_the_pictures_resolution():
    drawn = np.asarray(Display(opacity=1).draw(np.array([[[-1.0, 1.0]]]), Image.new("RGB", (6, 4))))
    assert drawn.shape == (4, 6, 3)
    assert drawn[0, 2].tolist() == [5, 48, 97], "the lowest anchor of ColorBrewer's RdBu"
    assert drawn[3, 3].tolist() == [103, 0, 31], "its highest"


def test_a_coarse_map_is_shown_at_the_inputs_resolution():
    values = Display().values(np.array([[[-2.0, 4.0]]]), np.zeros((3, 1, 4)))
    # Bilinear, pixel centres: -2, -0.5, 2.5, 4, divided by 4.
    np.testing.assert_allclose(values, [[[-0.5, -0.125, 0.625, 1]]])


def test_the_scale_turns_values_back_into_relevance():
    relevance, pixels = np.array([[[-4.0, 1.0, 3.0]]]), np.zeros((3, 1, 3))
    assert Display().scale(relevance, pixels) == 4
    assert Display("positive").scale(relevance, pixels) == 3
    assert Display("absolute").scale(relevance, pixels) == 4
    # Over channels |-4| + |1| = 5 at the first place, where the sum is -3; 2 and 1 at the others.
    colours = np.array([[[-4.0, 1.0, 0.0]], [[1.0, 1.0, 1.0]]])
    assert Display("absolute").scale(colours, pixels) == 5
    assert Display().scale(colours, pixels) == 3
    assert (4 * Display().values(relevance, pixels)).tolist() == [[[-4.0, 1.0, 3.0]]]
    assert Display(clip=90).scale(relevance, pixels) is None
    assert Display(stage="map").scale(relevance, pixels) is None


def test_stages_by_hand():
    relevance = np.array([[[1.0, 0.0]], [[-2.0, 0.0]], [[1.0, 0.0]]])
    pixels = np.array([[[1.0, 1.0]], [[0.5, 1.0]], [[0.0, 1.0]]])
    assert Display().values(relevance, pixels).tolist() == [[[0.0, 0.0]]], "1 - 2 + 1"
    assert Display(stage="channels").values(relevance, pixels).shape == (3, 1, 2)
    assert Display(stage="map").values(relevance, pixels).tolist() == [[[1.0, 0.0]]]
    # The sum, 4 and 0, times the pixels.
    values = Display(stage="map*image").values(relevance, pixels)
    assert values.tolist() == [[[1.0, 0.0]], [[0.5, 0.0]], [[0.0, 0.0]]]


def test_three_planes_are_drawn_as_colours():
    planes = np.zeros((3, 1, 1))
    planes[0] = 1
    display = Display(stage="channels", opacity=1)
    assert display.draw(planes, Image.new("RGB", (1, 1))).getpixel((0, 0)) == (255, 0, 0)
    assert not display.signed
    assert display.colormap == "viridis"


def test_an_unknown_stage_is_named():
    with pytest.raises(MethodError, match="no stage 'sum'"):
        Display(stage="sum")
