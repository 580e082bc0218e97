"""Quantus's measures of localisation, and scikit-learn's average precision.

Quantus has no stochastic pointing game, no box IoU and no PxAP; its AUC is that of the ROC curve,
and its rank measures have no counterpart here. PxAP is compared with scikit-learn, which comes
with Quantus.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import quantus
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score
from torch import nn

from xai_core.localization import dilated

Array = NDArray[Any]
QUIET = {"disable_warnings": True}
CORNERS = np.eye(4, dtype=int)  # which of the four pictures of a composite counts


@dataclass(frozen=True)
class Given:
    """What is scored.

    Attributes:
        maps: their positive parts, float64 [N, H, W].
        masks: of the objects, bool [N, H, W].
        quadrants: of composites the object's, int [N]; zeros otherwise.
    """

    maps: Array
    masks: Array
    quadrants: Array


@dataclass(frozen=True)
class Peer:
    """A measure elsewhere.

    Attributes:
        measure: the id of ours.
        title: of theirs.
        scores: what it gives, one a map.
        seen_as: our scores in the form of theirs.
        tolerance: how far the scores may differ.
        note: what differs.
    """

    measure: str
    title: str
    scores: Callable[[Given], Array]
    seen_as: Callable[[Array], Array] = lambda ours: ours
    tolerance: float = 1e-6
    note: str = ""


def _asked(metric: Any, given: Given, **more: Any) -> Array:
    """What a metric of Quantus says; model, pictures and classes do not count, and are empty."""
    maps = given.maps[:, None]
    pictures, classes = np.zeros_like(maps), np.zeros(len(maps), int)
    found = metric(nn.Identity(), pictures, classes, a_batch=maps, **more)
    return np.array(found, float)


def pointing_game(given: Given) -> Array:
    masks = np.array([dilated(mask) for mask in given.masks])
    return _asked(quantus.PointingGame(**QUIET), given, s_batch=masks[:, None])


def mass_accuracy(given: Given) -> Array:
    return _asked(quantus.RelevanceMassAccuracy(**QUIET), given, s_batch=given.masks[:, None])


def attribution_localisation(given: Given) -> Array:
    return _asked(quantus.AttributionLocalisation(**QUIET), given, s_batch=given.masks[:, None])


def focus(given: Given) -> Array:
    places = CORNERS[given.quadrants]
    return _asked(quantus.Focus(**QUIET), given, custom_batch=places)


def average_precision(given: Given) -> Array:
    pairs = zip(given.masks, given.maps, strict=True)
    return np.array([average_precision_score(mask.ravel(), one.ravel()) for mask, one in pairs])


PEERS = (
    Peer(
        "pointing_game",
        "Quantus PointingGame",
        pointing_game,
        seen_as=lambda ours: (ours > 0).astype(float),
        note="Quantus knows no margin, and is given the dilated mask; where several pixels share "
        "the maximum it counts a hit if one of them hits, here the share of them counts.",
    ),
    Peer("content_heatmap", "Quantus RelevanceMassAccuracy", mass_accuracy),
    Peer(
        "content_heatmap",
        "Quantus AttributionLocalisation",
        attribution_localisation,
        note="It adds 1e-9 to the denominator.",
    ),
    Peer(
        "negative_quadrants",
        "Quantus Focus",
        focus,
        seen_as=lambda ours: 1 - ours,
        note="Focus is the share on the object's pictures, and adds 1e-9 to the denominator.",
    ),
    Peer("pxap", "scikit-learn average_precision_score", average_precision),
)
