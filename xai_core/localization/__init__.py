"""Localisation: whether heatmaps are where the object is."""

from xai_core.localization.baselines import BASELINES, baseline_maps
from xai_core.localization.crops import saliency_metric
from xai_core.localization.pointing import (
    dilated,
    margin,
    pointing_game,
    stochastic_pointing_game,
    stochastic_pointing_runs,
)
from xai_core.localization.precision import pxap, pxap_pooled
from xai_core.localization.regions import (
    SUCCESS,
    box_iou,
    boxes_around,
    largest_components,
    masks_of_boxes,
    overlaps,
    salient_regions,
)
from xai_core.localization.shares import content_heatmap, negative_quadrants

__all__ = [
    "BASELINES",
    "SUCCESS",
    "baseline_maps",
    "box_iou",
    "boxes_around",
    "content_heatmap",
    "dilated",
    "largest_components",
    "margin",
    "masks_of_boxes",
    "negative_quadrants",
    "overlaps",
    "pointing_game",
    "pxap",
    "pxap_pooled",
    "saliency_metric",
    "salient_regions",
    "stochastic_pointing_game",
    "stochastic_pointing_runs",
]
