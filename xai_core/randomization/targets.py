"""Which class is explained in a destroyed network.

The trained network always explains the class that was asked for.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from xai_core.errors import MethodError
from xai_core.explainers.choices import Choice, column_title
from xai_core.explainers.registry import METHODS
from xai_core.models.classifier import Classifier

FIXED, PREDICTED, PUBLISHED = "fixed", "predicted", "published"
TARGETS = {
    PUBLISHED: "As published: its own prediction for LRP-αβ and RAP, else the same class",
    FIXED: "The same class as in the trained network",
    PREDICTED: "The class that each network predicts",
}
WHY = (
    "Nuzzo explained LRP-αβ and RAP by the code of Nam et al. 2020 (arXiv:1904.00605), which "
    "explains the class that the network at hand predicts, and the other methods by code that "
    "keeps the class. In a destroyed network the class that is kept has a negative score half of "
    "the time, and relevance propagation, which starts with that score, then turns the whole map "
    "over."
)

# Scores that differ by less, relative to the largest, are equal: they come from float32.
TIE = 1e-5

OWN = "Destroyed networks explain the class that they predict themselves for: {}."

# The methods for which S used that code: those of its group 4, and their general form.
_BY_NAM = frozenset(name for name in METHODS if name == "rap" or name.startswith("lrp_alpha"))


def check_target(target: str) -> None:
    """Refuse what is no key of ``TARGETS``.

    Raises:
        MethodError: there is no such choice.
    """
    if target not in TARGETS:
        raise MethodError(
            f"In a destroyed network the class can be {', '.join(TARGETS)}, not '{target}'."
        )


def target_of(choice: Choice, target: str) -> str:
    """``FIXED`` or ``PREDICTED``: what a choice of ``TARGETS`` means for a method.

    Raises:
        MethodError: there is no such choice.
    """
    check_target(target)
    if target != PUBLISHED:
        return target
    return PREDICTED if choice.method in _BY_NAM else FIXED


def own_class(choices: Iterable[Choice], target: str) -> str:
    """The sentence that names the columns for which ``PREDICTED`` holds; "" if there is none."""
    names = [column_title(one.id) for one in choices if target_of(one, target) == PREDICTED]
    return OWN.format(", ".join(names)) if names else ""


def predicted_classes(clf: Classifier, x: Tensor) -> Tensor:
    """The class that a network predicts for each picture, int64 [N].

    Scores that are equal up to rounding are equal, and the first of them wins: a destroyed
    network may give every class the same score, and which is largest would depend on the machine.
    """
    with torch.no_grad():
        scores = clf.logits(x).cpu().double()
    within = TIE * scores.abs().amax(1, keepdim=True)
    winning = (scores >= scores.amax(1, keepdim=True) - within).numpy()
    return torch.from_numpy(winning.argmax(1)).to(x.device)  # of equals NumPy takes the first
