"""The Adversarial Perturbation Explanation Metric (A chapter 3), picture by picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from pandas.arrays import FloatingArray, IntegerArray
from torch import Tensor

from xai_core.apem.perturbation import Perturbation, judged_maps
from xai_core.apem.search import Asker, Observer
from xai_core.errors import MethodError
from xai_core.explainers.panel import class_numbers
from xai_core.models.classifier import Classifier
from xai_core.progress import portion

EPS_MAX = 2000
SHUFFLES = 10


class Apem(NamedTuple):
    """What was found, one entry a picture; a missing number enters no mean.

    Attributes:
        eps_minus: steps along the map until the class changed, Int64 [N]: small is good.
        eps_plus: the same along the map's opposite, Int64 [N]: large is good.
        apem: their difference, Int64 [N]; its mean over pictures is the metric.
        censored: whether either is missing, because ``eps_max`` steps changed nothing, bool [N].
        problems: why a picture's map cannot be measured, so that all its numbers are missing;
            "" for all others.
    """

    eps_minus: IntegerArray
    eps_plus: IntegerArray
    apem: IntegerArray
    censored: np.ndarray[tuple[int], np.dtype[np.bool_]]
    problems: list[str]


class ApemNormalized(NamedTuple):
    """The metric against shuffled maps, one entry a picture; a missing number enters no mean.

    Attributes:
        eps_minus, eps_plus: as in ``Apem``.
        eps_minus_shuffle, eps_plus_shuffle: steps until the first of the shuffled maps, or of
            their opposites, changed the class, Int64 [N].
        apem_normalized: ``eps_plus / eps_plus_shuffle - eps_minus / eps_minus_shuffle``,
            Float64 [N].
        censored: whether any of the four is missing, because ``eps_max`` steps changed nothing,
            bool [N].
        problems: as in ``Apem``.
    """

    eps_minus: IntegerArray
    eps_plus: IntegerArray
    eps_minus_shuffle: IntegerArray
    eps_plus_shuffle: IntegerArray
    apem_normalized: FloatingArray
    censored: np.ndarray[tuple[int], np.dtype[np.bool_]]
    problems: list[str]


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
        MethodError: maps of another size or outside [0, 1]; ``eps_max`` below 1; or no map can be
            measured, because each is not finite, or zero or one everywhere. Beside others such a
            map has no numbers, and ``problems`` names it.
        ModelError: a class that the model does not have, or a model of one class.

    Example:
        >>> maps = relevance_map(explain(clf, x, y, method="saliency"), "channels")
        >>> apem(clf, x, y, maps).apem.mean()
    """
    perturbation, maps, problems = checked(clf, x, y, relevance, eps_max)
    found = _columns(measured(perturbation, maps, eps_max), problems)
    minus, plus, gaps = (whole(found[name]) for name in ("eps_minus", "eps_plus", "apem"))
    return Apem(minus, plus, gaps, _censored(found["apem"], problems), problems)


def apem_normalized(
    clf: Classifier,
    x: Tensor,
    y: int | Sequence[int] | Tensor,
    relevance: Tensor,
    *,
    shuffles: int = SHUFFLES,
    seed: int = 0,
    eps_max: int = EPS_MAX,
) -> ApemNormalized:
    """The metric in units of what maps without any order reach: above 0 is better than chance.

    A shuffled map has its positions permuted, all channels of a pixel together. Every picture
    meets the same permutations, whichever pictures stand beside it.

    Source: A sections 3.2 and 4.5.

    Args:
        clf: as in ``apem``.
        x: as in ``apem``.
        y: as in ``apem``.
        relevance: as in ``apem``.
        eps_max: as in ``apem``.
        shuffles: how many shuffled maps; the first of them to change the class decides.
        seed: decides the permutations.

    Returns:
        The counts, those of the shuffled maps, and the normalised metric.

    Raises:
        MethodError: as in ``apem``; fewer than one shuffle.
        ModelError: as in ``apem``.
    """
    perturbation, maps, problems = checked(clf, x, y, relevance, eps_max)
    rows = measured(perturbation, maps, eps_max, shuffled(maps, shuffles, seed))
    found = _columns(rows, problems)
    names = ("eps_minus", "eps_plus", "eps_minus_shuffle", "eps_plus_shuffle")
    values = found["apem_normalized"]
    minus, plus, minus_shuffle, plus_shuffle = (whole(found[name]) for name in names)
    shares, censored = pd.array(values, dtype="Float64"), _censored(values, problems)
    return ApemNormalized(minus, plus, minus_shuffle, plus_shuffle, shares, censored, problems)


def shuffled(maps: Tensor, count: int, seed: int = 0) -> Tensor:
    """Maps with their positions permuted, all channels of a pixel together.

    Args:
        maps: [N, C, H, W].
        count: permutations, the same for every map.
        seed: decides them.

    Returns:
        [N, count, C, H, W].

    Raises:
        MethodError: ``count`` is below 1.
    """
    if count < 1:
        raise MethodError(f"There must be at least 1 shuffled map, not {count}.")
    generator = torch.Generator().manual_seed(seed)
    pixels = maps.shape[2] * maps.shape[3]
    orders = torch.stack([torch.randperm(pixels, generator=generator) for _ in range(count)])
    moved = maps.flatten(2)[:, :, orders.to(maps.device)].transpose(1, 2)
    return moved.reshape(len(maps), count, *maps.shape[1:])


def checked(
    clf: Classifier, x: Tensor, y: int | Sequence[int] | Tensor, relevance: Tensor, eps_max: int
) -> tuple[Perturbation, Tensor, list[str]]:
    """The pictures whose maps can be measured, these maps as float64, and why the others cannot.

    Raises:
        MethodError, ModelError: as ``apem`` says.
    """
    check_most(eps_max)
    perturbation = Perturbation(clf, x)
    class_numbers(clf, y, len(x))  # it changes no number, but a class that is not there is a slip
    maps, problems = judged_maps(relevance, x)
    good = [place for place, problem in enumerate(problems) if not problem]
    if not good and problems:
        raise MethodError(problems[0])
    return perturbation.of(*good), maps[good], problems


def spread(numbers: Iterable[Any], problems: Sequence[str]) -> list[Any]:
    """Numbers of the pictures that could be measured as those of all, None for the others."""
    left = iter(numbers)
    return [None if problem else next(left) for problem in problems]


def _columns(rows: Sequence[Mapping[str, Any]], problems: Sequence[str]) -> dict[str, list[Any]]:
    return {name: spread((row[name] for row in rows), problems) for name in rows[0]}


def _censored(
    numbers: Sequence[object], problems: Sequence[str]
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    pairs = zip(numbers, problems, strict=True)
    return np.array([number is None and not problem for number, problem in pairs], dtype=bool)


def check_most(eps_max: int) -> None:
    """Refuse a largest number of steps that allows none.

    Raises:
        MethodError: it is below 1.
    """
    if eps_max < 1:
        raise MethodError(f"The most steps must be at least 1, not {eps_max}.")


def measured(
    perturbation: Perturbation, maps: Tensor, eps_max: int, orderless: Tensor | None = None
) -> list[dict[str, Any]]:
    """The numbers of one map of each picture; None where censored.

    Args:
        perturbation: of N pictures.
        maps: float64 [N, 3, H, W].
        eps_max: the most steps that are tried.
        orderless: of each map what ``shuffled`` gives, [N, M, 3, H, W].

    Returns:
        A row for each picture: eps_minus, eps_plus and apem; and by shuffled maps
        eps_minus_shuffle, eps_plus_shuffle, apem_shuffled and apem_normalized.
    """
    alone = 1 if orderless is None else 1 / (1 + orderless.shape[1])  # of the questions, about
    with portion(0, alone):
        own = counts(perturbation, maps[:, None], eps_max)
    rows: list[dict[str, Any]] = [
        {"eps_minus": m, "eps_plus": p, "apem": gap(m, p)} for m, p in zip(*own, strict=True)
    ]
    if orderless is None:
        return rows
    with portion(alone, 1):
        found = counts(perturbation, orderless, eps_max)
    for row, m, p in zip(rows, *found, strict=True):
        known = None not in (row["apem"], m, p)
        row |= {
            "eps_minus_shuffle": m,
            "eps_plus_shuffle": p,
            "apem_shuffled": gap(m, p),
            "apem_normalized": row["eps_plus"] / p - row["eps_minus"] / m if known else None,
        }
    return rows


def gap(minus: int | None, plus: int | None) -> int | None:
    """The metric of one map by its counts; None if one is censored."""
    return None if minus is None or plus is None else plus - minus


def counts(
    perturbation: Perturbation, maps: Tensor, eps_max: int
) -> tuple[list[int | None], list[int | None]]:
    """Steps along maps, and along their opposites, until one of them changes the class.

    Args:
        perturbation: of N pictures.
        maps: M of each, float64 [N, M, 3, H, W].
        eps_max: the most steps that are tried.

    Returns:
        One number a picture, None if censored: along, and opposite.
    """
    count = len(perturbation.x)
    numbers = both_ways(perturbation, maps).first_changes(eps_max)
    return numbers[:count], numbers[count:]


def both_ways(perturbation: Perturbation, maps: Tensor, observer: Observer | None = None) -> Asker:
    """The pictures in front of maps [N, M, 3, H, W], and once more in front of their opposites."""
    clf, x, classes = perturbation.clf, perturbation.x, perturbation.classes
    steps = torch.cat([perturbation.steps(maps), perturbation.steps(1 - maps)])
    return Asker(clf, torch.cat([x, x]), torch.cat([classes, classes]), steps, observer)


def whole(values: Sequence[int | None]) -> IntegerArray:
    """Counts as an array in which a censored one is missing."""
    return pd.array(values, dtype="Int64")
