"""Several methods and stages on one picture: the rows of a table of reliability."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import log_expit, log_softmax
from torch import Tensor

from xai_core.apem.metric import EPS_MAX, SHUFFLES, check_most, measured, shuffled
from xai_core.apem.perturbation import Perturbation, checked_maps
from xai_core.errors import MethodError
from xai_core.explainers.memory import allowed_bytes
from xai_core.heatmaps import STAGES, check_stage, relevance_map, upsample
from xai_core.models.classifier import Classifier
from xai_core.progress import portion

COLUMNS = (
    *("method", "stage", "eps_minus", "eps_plus", "apem"),
    *("eps_minus_shuffle", "eps_plus_shuffle", "apem_normalized", "apem_shuffled", "problem"),
)
COPIES = 6  # of a shuffled map, while steps are made of it: itself, its opposite, and their steps


@dataclass(frozen=True)
class Metric:
    """How maps are measured: the settings of ``picture_rows``.

    Attributes:
        stages: which stages of each map.
        shuffles: shuffled maps for the normalised metric; 0 leaves it out.
        seed: of the shuffles.
        eps_max: the most steps.
    """

    stages: tuple[str, ...] = STAGES
    shuffles: int = SHUFFLES
    seed: int = 0
    eps_max: int = EPS_MAX


def picture_rows(
    clf: Classifier,
    x: Tensor,
    relevances: Mapping[str, Tensor],
    stages: Sequence[str] = STAGES,
    *,
    shuffles: int = 0,
    seed: int = 0,
    eps_max: int = EPS_MAX,
) -> list[dict[str, Any]]:
    """APEM of several methods' maps of one picture, at several stages.

    All maps are searched together; equal maps, as a one-channel method's first two stages, once.

    Args:
        clf: the classifier.
        x: what ``clf.preprocess`` returns, [1, 3, H, W].
        relevances: raw relevance [1, C, h, w] by method; a coarse one is brought to the input's
            resolution (``heatmaps.upsample``).
        stages: of ``heatmaps.STAGES``.
        shuffles: shuffled maps for the normalised metric; 0 leaves it out.
        seed: of the permutations.
        eps_max: the most steps that are tried.

    Returns:
        A row for each method and stage with ``COLUMNS``; what is censored or was not asked is
        None. ``apem_shuffled`` is the metric of the shuffled maps: the difference of their two
        counts (A section 5.2). ``problem`` says why a map cannot be measured; "" where it can.

    Raises:
        MethodError: an unknown stage; ``x`` is not one picture; ``eps_max`` below 1, or
            ``shuffles`` below 0.
        ModelError: as in ``apem``.
    """
    _check(x, stages, shuffles, eps_max)
    perturbation = Perturbation(clf, x)
    rows: list[dict[str, Any]] = []
    distinct: list[Tensor] = []
    places: dict[int, int] = {}  # of the rows' maps among these
    for name, stage in product(relevances, stages):
        rows.append(dict.fromkeys(COLUMNS) | {"method": name, "stage": stage, "problem": ""})
        try:
            one = measured_map(clf, x, relevances[name], stage)
        except MethodError as error:
            rows[-1]["problem"] = str(error)
            continue
        known = (i for i, other in enumerate(distinct) if torch.equal(one, other))
        place = places[len(rows) - 1] = next(known, len(distinct))
        distinct += [one] if place == len(distinct) else []
    found = _found(perturbation, distinct, shuffles, seed, eps_max)
    for row, place in places.items():
        rows[row] |= found[place]
    return rows


def measured_map(clf: Classifier, x: Tensor, relevance: Tensor, stage: str) -> Tensor:
    """The map that the metric takes, float64 [1, 3, H, W] in [0, 1].

    Args:
        clf: the classifier.
        x: what ``clf.preprocess`` returns, [1, 3, H, W].
        relevance: raw, [1, C, h, w].
        stage: of ``heatmaps.STAGES``.

    Raises:
        MethodError: an unknown stage, or a map that is not finite or zero everywhere.
    """
    return checked_maps(staged_map(clf, x, relevance, stage), x)


def staged_map(clf: Classifier, x: Tensor, relevance: Tensor, stage: str) -> Tensor:
    """The same before it is checked, with its own channels, [1, C, H, W]."""
    relevance = upsample(relevance.cpu(), (x.shape[2], x.shape[3]))
    # What is rounded on the way to the network's input and back may leave the range by a little.
    pixels = clf.pixels(x.cpu()).double().clamp(0, 1)
    return relevance_map(relevance.double(), stage, pixels)


def answer_facts(logits: NDArray[Any], true: int | None, outputs: str) -> dict[str, Any]:
    """What the network says of one picture.

    Args:
        logits: of the picture, [K].
        true: its class, or None if that is not known.
        outputs: of the classifier.

    Returns:
        predicted, confidence (its probability), and, None where the class is not known, true,
        correct and loss (cross-entropy with the true class).
    """
    predicted = int(logits.argmax())
    scores = logits.astype(np.float64)
    logs = log_softmax(scores) if outputs == "softmax" else log_expit(scores)
    return {
        "true": true,
        "predicted": predicted,
        "correct": None if true is None else predicted == true,
        "confidence": float(np.exp(logs[predicted])),
        "loss": None if true is None else -float(logs[true]),
    }


def _check(x: Tensor, stages: Sequence[str], shuffles: int, eps_max: int) -> None:
    if len(x) != 1:
        raise MethodError(f"The rows are of one picture, not of {len(x)}.")
    for stage in stages:
        check_stage(stage)
    if shuffles < 0:
        raise MethodError(f"There cannot be {shuffles} shuffled maps.")
    check_most(eps_max)


def _found(
    perturbation: Perturbation, maps: Sequence[Tensor], shuffles: int, seed: int, eps_max: int
) -> list[dict[str, Any]]:
    """A row for each map, as many maps at once as their shuffled ones fit in memory."""
    if not maps:
        return []
    each = COPIES * max(1, shuffles) * maps[0].nbytes
    size = max(1, min(allowed_bytes(), allowed_bytes(perturbation.x.device)) // each)
    rows = []
    for start in range(0, len(maps), size):
        together = torch.cat(list(maps[start : start + size]))
        orderless = shuffled(together, shuffles, seed) if shuffles else None
        with portion(start / len(maps), (start + len(together)) / len(maps)):
            rows += measured(perturbation.repeated(len(together)), together, eps_max, orderless)
    return rows
