"""The Adversarial Perturbation Explanation Metric (A chapter 3), picture by picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from pandas.arrays import IntegerArray
from torch import Tensor

from xai_core.apem.perturbation import Perturbation, checked_maps
from xai_core.apem.search import first_changes
from xai_core.errors import MethodError
from xai_core.explainers.run import class_numbers
from xai_core.models.classifier import Classifier

EPS_MAX = 2000


class Apem(NamedTuple):
    """What was found, one entry a picture; a censored number is missing and enters no mean.

    Attributes:
        eps_minus: steps along the map until the class changed, Int64 [N]: small is good.
        eps_plus: the same along the map's opposite, Int64 [N]: large is good.
        apem: their difference, Int64 [N]; its mean over pictures is the metric.
        censored: whether either is missing, because ``eps_max`` steps changed nothing, bool [N].
    """

    eps_minus: IntegerArray
    eps_plus: IntegerArray
    apem: IntegerArray
    censored: np.ndarray[tuple[int], np.dtype[np.bool_]]


def apem(
    clf: Classifier,
    x: Tensor,
    y: int | Sequence[int] | Tensor,
    relevance: Tensor,
    *,
    eps_max: int = EPS_MAX,
) -> Apem:
    """How many steps along a map, and along its opposite, change the predicted class.

    With ``s`` the sign of the gradient of the cross-entropy with respect to the picture, a step
    is ``R / |R|_1 * s`` along the map and ``(1 - R) / |1 - R|_1 * s`` along its opposite. Each
    count is the first at which the prediction changes, even if it changes back later. The
    picture is in [0, 1] and is not clipped; the norm is over its three channels.

    Source: A sections 3.1 and 3.3. Differs from it: on pictures that the network gets wrong the
    predicted class stands for ``y``, as A section 5.3 does, so one call takes both kinds.

    Args:
        clf: the classifier, of at least two classes.
        x: what ``clf.preprocess`` returns, [N, 3, H, W].
        y: true class of each picture, or one for all.
        relevance: maps in [0, 1] of the model's input size, as ``relevance_map`` gives them,
            [N, 1, H, W] or [N, 3, H, W]; one channel stands for three.
        eps_max: the most steps that are tried.

    Returns:
        The counts and their difference, one entry a picture.

    Raises:
        MethodError: maps of another size, not finite, outside [0, 1], or zero or one everywhere;
            ``eps_max`` below 1.
        ModelError: a class that the model does not have, or a model of one class.

    Example:
        >>> maps = relevance_map(explain(clf, x, y, method="saliency"), "channels")
        >>> apem(clf, x, y, maps).apem.mean()
    """
    if eps_max < 1:
        raise MethodError(f"The most steps must be at least 1, not {eps_max}.")
    perturbation = Perturbation(clf, x)
    class_numbers(clf, y, len(x))  # it changes no number, but a class that is not there is a slip
    maps = checked_maps(relevance, x)
    steps = torch.cat([perturbation.steps(maps), perturbation.steps(1 - maps)])[:, None]
    twice = (torch.cat([x, x]), torch.cat([perturbation.classes] * 2))
    found = first_changes(clf, *twice, steps, eps_max)
    minus, plus = found[: len(x)], found[len(x) :]
    gaps = [None if m is None or p is None else p - m for m, p in zip(minus, plus, strict=True)]
    censored = np.array([gap is None for gap in gaps], dtype=bool)
    return Apem(_whole(minus), _whole(plus), _whole(gaps), censored)


def _whole(values: Sequence[int | None]) -> IntegerArray:
    return pd.array(values, dtype="Int64")
