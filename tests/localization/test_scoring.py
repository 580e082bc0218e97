"""One map by all measures: each is that of its own function, and what several objects mean."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from xai_core import localization
from xai_core.errors import MethodError
from xai_core.localization.objects import Objects, quadrant_objects
from xai_core.localization.scoring import Asked, object_measures, score_map
from xai_core.models import Classifier

# Two channels, whose sum counts.
RELEVANCE = np.zeros((2, 4, 4), np.float32)
RELEVANCE[:, 0, 0] = 2.0, -1.0
RELEVANCE[0, 3, 3] = 3.0
RELEVANCE[1, 1, 1] = -5.0
MASK = np.zeros((4, 4), bool)
MASK[0, :2] = MASK[3, 2:] = True
BOXES = np.array([[0, 0, 2, 1], [2, 3, 4, 4]])
OBJECTS = Objects(MASK, BOXES)
POSITIVE = RELEVANCE.sum(0).clip(0)[None]


def value(name, objects=OBJECTS, relevance=RELEVANCE, **further):
    return score_map(relevance, objects, [name], **further).values[0]


def test_measures_of_masks_and_boxes_and_the_saliency_metric_apply():
    assert set(object_measures()) == {
        *("pointing_game", "stochastic_pointing_game", "content_heatmap", "pxap"),
        *("box_iou", "saliency_metric"),
    }


@pytest.mark.parametrize("name", ["pointing_game", "content_heatmap", "pxap"])
def test_a_measure_of_masks_gets_all_objects_united(name):
    assert value(name) == getattr(localization, name)(POSITIVE, MASK[None])[0]
    assert value("content_heatmap") == 1.0, "1 + 3 of 4 lie on the objects"


def test_box_iou_is_that_of_the_box_that_fits_best():
    # From a fifth of 3 both points are regions; the first of the two largest is one pixel at the
    # upper left. It takes half of the first box, and nothing of the second.
    assert value("box_iou") == 0.5
    assert value("box_iou", Objects(MASK, BOXES[::-1])) == 0.5
    assert math.isnan(value("box_iou", Objects(MASK, BOXES[:0])))
    assert math.isnan(value("box_iou", relevance=-np.ones((1, 4, 4))))


def test_the_stochastic_pointing_game_keeps_its_runs():
    found = score_map(RELEVANCE, OBJECTS, ["pxap", "stochastic_pointing_game"], seed=3)
    expected = localization.stochastic_pointing_runs(POSITIVE / 3, MASK[None], seed=3)[0]
    assert found.runs.tolist() == expected.tolist()
    assert len(found.runs) == 5
    assert found.values[1] == expected.mean()
    assert score_map(RELEVANCE, OBJECTS, ["pxap"]).runs.size == 0


def test_a_coarser_map_is_enlarged():
    coarse = np.array([[[1.0, 0.0], [0.0, 0.0]]])
    # Bilinearly, 2 pixels become 4 of weights 1, 3/4, 1/4 and 0: the rows and columns of the map.
    weights = np.array([1, 0.75, 0.25, 0])
    whole = np.outer(weights, weights)
    share = whole[MASK].sum() / whole.sum()
    assert value("content_heatmap", relevance=coarse) == pytest.approx(share)


def test_the_saliency_metric_asks_the_model():
    network = nn.Sequential(nn.Flatten(), nn.Linear(48, 2))
    nn.init.zeros_(network[1].weight)
    nn.init.zeros_(network[1].bias)
    clf = Classifier(network, ["ant", "bee"], (4, 4))
    asked = Asked(clf, torch.zeros(1, 3, 4, 4), 1)
    # From corner to corner: the crop is the whole picture, and both classes are as probable.
    assert value("saliency_metric", asked=asked) == pytest.approx(math.log(2))
    with pytest.raises(MethodError, match="asks the model again"):
        value("saliency_metric")


def test_negative_quadrants_need_a_composite():
    # 1 of 4 lies in the upper left quadrant.
    assert value("negative_quadrants", quadrant_objects(0, (4, 4))) == pytest.approx(0.75)
    for name in ("negative_quadrants", "ssim", "unicorn"):
        with pytest.raises(MethodError, match=f"by '{name}'"):
            value(name)


def test_unknown_measures_are_refused():
    with pytest.raises(MethodError, match="no measure 'ssim'; there are: pointing_game"):
        localization.check_measures(["pxap", "ssim"])
    with pytest.raises(MethodError, match="no measure named"):
        localization.check_measures([])
    localization.check_measures(list(object_measures()))
