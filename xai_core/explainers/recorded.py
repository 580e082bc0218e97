"""What a classifier does with a batch, written down while it does it."""

from __future__ import annotations

import torch
from torch import Tensor

from xai_core.errors import MethodError
from xai_core.explainers.sharing import known_tape, shared
from xai_core.models.classifier import Classifier
from xai_core.models.recording import record_module
from xai_core.models.tape import Tape


def record(clf: Classifier, x: Tensor, known: Tape | None = None) -> Tape:
    """Run the network and write down what it does.

    Args:
        clf: a classifier that nobody else uses meanwhile (``Classifier.lent``).
        x: network input, [N, 3, H, W].
        known: as in ``record_module``.

    Raises:
        MethodError: the run does not follow from its steps.
    """
    if clf.unrecorded:
        raise MethodError(clf.unrecorded)
    return record_module(clf.module, x, known)


@shared
def recorded(clf: Classifier, x: Tensor) -> Tape:
    """``record`` without gradients: once for all methods of a panel, so not to be changed."""
    with torch.no_grad():
        return record(clf, x, known_tape(x))
