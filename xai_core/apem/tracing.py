"""What the network says on the way along one map, and along its opposite, step by step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xai_core.apem.metric import EPS_MAX, both_ways
from xai_core.apem.perturbation import Perturbation, checked_maps
from xai_core.models.classifier import Classifier

BEYOND = 1.2  # how far the way goes beyond the last change, so that one sees what follows


@dataclass(frozen=True)
class Trace:
    """Answers after 0, 1, 2, ... steps; first along the map, second along its opposite.

    Attributes:
        eps_minus: steps along the map until the class changed; None if censored.
        eps_plus: the same along the opposite.
        classes: the most probable class, int64 [2, E].
        top: its probability, float32 [2, E].
        own: the probability of the class that the picture began with, float32 [2, E].
        signs: of the gradient, by which every step is multiplied, int8 [3, H, W].
    """

    eps_minus: int | None
    eps_plus: int | None
    classes: NDArray[np.int64]
    top: NDArray[np.float32]
    own: NDArray[np.float32]
    signs: NDArray[np.int8]


def trace(clf: Classifier, x: Tensor, map_: Tensor, *, eps_max: int = EPS_MAX) -> Trace:
    """Ask the network step by step, as ``apem`` does, and keep all that it says.

    Args:
        clf: the classifier.
        x: one picture, [1, 3, H, W], as ``clf.preprocess`` returns it.
        map_: its map in [0, 1], [1, C, H, W], as for ``apem``.
        eps_max: the most steps that are tried.

    Returns:
        The answers up to a fifth beyond the last change of class.

    Raises:
        MethodError, ModelError: as in ``apem``.
    """
    perturbation = Perturbation(clf, x)
    maps = checked_maps(map_, x)
    answers: dict[tuple[int, int], Tensor] = {}

    def note(way: int, epsilon: int, _: int, scores: Tensor) -> None:
        answers[way, epsilon] = scores

    asker = both_ways(perturbation, maps[:, None], note)
    minus, plus = asker.first_changes(eps_max)
    end = min(eps_max, int(BEYOND * max(minus or eps_max, plus or eps_max)) + 1)
    rest = [(way, e) for e in range(end + 1) for way in range(2) if (way, e) not in answers]
    asker.changed(rest)
    logits = [torch.stack([answers[way, e] for e in range(end + 1)]) for way in range(2)]
    shares = clf.probabilities(torch.stack(logits))
    return Trace(
        minus,
        plus,
        shares.argmax(2).cpu().numpy(),
        shares.amax(2).float().cpu().numpy(),
        shares[:, :, int(perturbation.classes)].float().cpu().numpy(),
        perturbation.signs[0].cpu().numpy().astype(np.int8),
    )
