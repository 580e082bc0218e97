"""One map by several measures: does it point at the objects?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xai_core.errors import MethodError
from xai_core.heatmaps import Floats, signed_map, upsample
from xai_core.localization.crops import saliency_metric
from xai_core.localization.inputs import Ints
from xai_core.localization.objects import Objects
from xai_core.localization.pointing import stochastic_pointing_game, stochastic_pointing_runs
from xai_core.localization.precision import level_counts, pxap
from xai_core.localization.shares import negative_quadrants
from xai_core.measure_registry import MEASURES, Measure, Needs, titles_of
from xai_core.models.classifier import Classifier

STOCHASTIC = stochastic_pointing_game.__name__
QUADRANTS = negative_quadrants.__name__
SALIENCY = saliency_metric.__name__
PXAP = pxap.__name__


@dataclass(frozen=True)
class Asked:
    """What the saliency metric asks again.

    Attributes:
        clf: the classifier.
        x: its input [1, 3, H, W].
        target: index of the class.
    """

    clf: Classifier
    x: Tensor
    target: int


@dataclass(frozen=True)
class Scores:
    """What one map reaches.

    Attributes:
        values: float64 [M], by measure; NaN where it is undefined.
        runs: float64 [R], the single runs of the stochastic pointing game; none without it.
        levels: ``precision.level_counts``, int [2, 1000]; none, [2, 0], without PxAP.
    """

    values: Floats
    runs: Floats
    levels: Ints = field(default_factory=lambda: np.zeros((2, 0), np.int64))


def object_measures() -> dict[str, str]:
    """What people read of the measures of a map and objects, by id.

    They are those of a mask, those of a box, and the saliency metric.
    """
    asked = {SALIENCY: MEASURES[SALIENCY].title}
    return titles_of(Needs.MASK) | titles_of(Needs.BOX) | asked


def check_measures(names: Sequence[str]) -> None:
    """See that these are measures of a map and objects.

    Raises:
        MethodError: one is not, or there is none.
    """
    known = object_measures()
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        word = f"no measure '{unknown[0]}'" if unknown else "no measure named"
        raise MethodError(f"There is {word}; there are: {', '.join(known)}.")


def score_map(
    relevance: NDArray[Any],
    objects: Objects,
    measures: Sequence[str],
    seed: int = 0,
    asked: Asked | None = None,
) -> Scores:
    """Score one map, of which the positive part counts.

    Of several objects the masks are united; box IoU is that of the box which fits best.

    Args:
        relevance: raw, [C, h, w]; a coarser map is enlarged bilinearly.
        objects: where it should lie.
        measures: keys of ``object_measures()``, or "negative_quadrants" of a composite.
        seed: of the points that are drawn.
        asked: the model, for the saliency metric.

    Raises:
        MethodError: the map has values that are not finite numbers, a measure is none of these,
            or it needs a model or a quadrant that is not given.
    """
    large = upsample(relevance[None].astype(np.float64), objects.mask.shape)
    maps = signed_map(large, "positive")
    runs = np.zeros(0)
    values = []
    for name in measures:
        if name == STOCHASTIC:
            runs = stochastic_pointing_runs(maps, objects.mask[None], seed=seed)[0]
            values.append(runs.mean())
        elif name == SALIENCY:
            values.append(_saliency(large, asked))
        else:
            values.append(_score(MEASURES.get(name), name, maps, objects))
    found = Scores(np.array(values, np.float64), runs)
    if PXAP not in measures:
        return found
    return replace(found, levels=level_counts(maps, objects.mask[None])[0])


def _saliency(large: Floats, asked: Asked | None) -> float:
    if asked is None:
        raise MethodError("The saliency metric asks the model again, which is not given.")
    relevance = torch.from_numpy(large)
    return float(saliency_metric(asked.clf, asked.x, asked.target, relevance)[0])


def _score(row: Measure | None, name: str, maps: Floats, objects: Objects) -> float:
    needs = None if row is None else row.needs
    if row is not None and needs is Needs.MASK:
        return float(row.function(maps, objects.mask[None])[0])
    if row is not None and needs is Needs.BOX:
        several = maps.repeat(len(objects.boxes), axis=0)
        found = row.function(several, objects.boxes)
        return float(np.nanmax(found)) if np.isfinite(found).any() else float("nan")
    if row is not None and needs is Needs.QUADRANT and objects.quadrant is not None:
        return float(row.function(maps, np.array([objects.quadrant]))[0])
    raise MethodError(f"A map cannot be scored against these objects by '{name}'.")
