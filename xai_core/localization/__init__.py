"""Localisation: whether heatmaps are where the object is."""

from xai_core.localization.baselines import BASELINES, baseline_maps
from xai_core.localization.columns import BASELINE_COLUMNS, is_baseline, localized_title
from xai_core.localization.crops import saliency_metric
from xai_core.localization.objects import Objects, quadrant_objects, seen_objects
from xai_core.localization.pointing import (
    dilated,
    margin,
    pointing_game,
    stochastic_pointing_game,
    stochastic_pointing_runs,
)
from xai_core.localization.precision import level_counts, pooled_area, pxap, pxap_pooled
from xai_core.localization.regions import (
    SUCCESS,
    box_iou,
    boxes_around,
    largest_components,
    masks_of_boxes,
    overlaps,
    salient_regions,
)
from xai_core.localization.scoring import Scores, check_measures, object_measures, score_map
from xai_core.localization.shares import content_heatmap, negative_quadrants

__all__ = [
    "BASELINES",
    "BASELINE_COLUMNS",
    "SUCCESS",
    "Objects",
    "Scores",
    "baseline_maps",
    "box_iou",
    "boxes_around",
    "check_measures",
    "content_heatmap",
    "dilated",
    "is_baseline",
    "largest_components",
    "level_counts",
    "localized_title",
    "margin",
    "masks_of_boxes",
    "negative_quadrants",
    "object_measures",
    "overlaps",
    "pointing_game",
    "pooled_area",
    "pxap",
    "pxap_pooled",
    "quadrant_objects",
    "saliency_metric",
    "salient_regions",
    "score_map",
    "seen_objects",
    "stochastic_pointing_game",
    "stochastic_pointing_runs",
]
