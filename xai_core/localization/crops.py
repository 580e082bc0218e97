"""The saliency metric: does the region that a map points out suffice for the class?"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from xai_core.errors import MethodError, ModelError
from xai_core.explainers.panel import check_input, class_numbers
from xai_core.heatmaps import Floats
from xai_core.localization.regions import THRESHOLD, boxes_around, salient_regions
from xai_core.measure_registry import Needs, measure
from xai_core.models.classifier import Classifier
from xai_core.models.outputs import log_probabilities
from xai_core.progress import advance

LEAST_AREA = 0.05  # of the picture; a smaller crop earns no more


@measure(
    title="Saliency metric",
    needs=Needs.MODEL,
    higher_is_better=False,
    low=math.log(LEAST_AREA),
    citation="Dabkowski & Gal 2017, arXiv:1705.07857",
    shows="Logarithm of the area of the smallest crop around all that the map points out, minus "
    "that of the class's probability in the crop: low where little of the picture suffices.",
    params=(THRESHOLD,),
)
def saliency_metric(
    clf: Classifier,
    x: Tensor,
    y: int | Sequence[int] | Tensor,
    relevance: Tensor,
    threshold: float = 0.2,
) -> Floats:
    """log(max(a, 0.05)) - log(p), lower is better.

    The crop is the smallest box around every pixel of the region, also where the region has several
    parts. ``a`` is its share of the picture, and ``p`` the probability of the class when the crop
    is enlarged to the model's input, bilinearly and without keeping its proportions. Each crop goes
    through the model alone.

    Source: Dabkowski & Gal 2017, arXiv:1705.07857. The crop is cut out of the model's input, not
    out of a larger picture.

    Args:
        clf: the classifier.
        x: what ``clf.preprocess`` returns, [N, 3, H, W].
        y: class of each picture, or one for all.
        relevance: [N, C, H, W], summed over its channels; of signed relevance the sum's positive
            part counts.
        threshold: as in ``salient_regions``.

    Returns:
        float64 [N]; NaN for a map without positive values.

    Raises:
        MethodError: input, relevance or the threshold are not as said above.
        ModelError: a class that the model does not have, or scores that are not finite numbers.
    """
    check_input(clf, x)
    classes = class_numbers(clf, y, len(x)).tolist()
    regions = salient_regions(_summed(relevance, x), threshold)
    found = np.full(len(x), np.nan)
    for place, box in enumerate(boxes_around(regions).tolist()):
        if regions[place].any():
            found[place] = _score(clf, x[place : place + 1], classes[place], box)
        advance(place + 1, len(x))
    return found


def _score(clf: Classifier, x: Tensor, y: int, box: Sequence[int]) -> float:
    """The metric of one picture [1, 3, H, W] and one box."""
    height, width = x.shape[2:]
    x0, y0, x1, y1 = box
    area = (x1 - x0) * (y1 - y0) / (height * width)
    return math.log(max(area, LEAST_AREA)) - _log_probability(clf, _enlarged(x, box), y)


def _enlarged(x: Tensor, box: Sequence[int]) -> Tensor:
    """The crop of one picture [1, 3, H, W], as large as the picture."""
    x0, y0, x1, y1 = box
    # Half precision is too coarse to weigh neighbours in.
    crop = x[:, :, y0:y1, x0:x1].to(torch.promote_types(x.dtype, torch.float32))
    return F.interpolate(crop, x.shape[2:], mode="bilinear", align_corners=False).to(x.dtype)


def _log_probability(clf: Classifier, x: Tensor, y: int) -> float:
    with torch.no_grad():
        logits = clf.logits(x).cpu().double()
    if not bool(torch.isfinite(logits).all()):
        raise ModelError("The model gives a crop scores that are not finite numbers.")
    return float(log_probabilities(logits, clf.outputs)[0, y])


def _summed(relevance: Tensor, x: Tensor) -> Tensor:
    shape = (len(x), *x.shape[2:])
    fits = isinstance(relevance, Tensor) and relevance.dim() == 4
    if not fits or (len(relevance), *relevance.shape[2:]) != shape:
        found = list(relevance.shape) if isinstance(relevance, Tensor) else type(relevance).__name__
        raise MethodError(
            f"The relevance must be [{len(x)}, channels, {shape[1]}, {shape[2]}], one map for each "
            f"picture and as large as the model's input, not {found}."
        )
    return relevance.detach().cpu().double().sum(1)
