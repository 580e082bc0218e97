"""A network run in float64, for methods that float32 is too coarse for.

What decides there is not the last digit of a number but a choice: which of two nearly equal
values max-pooling takes, or whether a neuron is active. In float32 rounding makes some of these
choices, and so would the processor.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from xai_core.errors import MethodError
from xai_core.explainers.graph import Graph, read, read_shared
from xai_core.explainers.recorded import record
from xai_core.explainers.sharing import shared
from xai_core.models.classifier import Classifier
from xai_core.models.recorder import REMEDY


def in_float64(clf: Classifier) -> Classifier:
    """The classifier itself if it computes in float64, else a copy that does."""
    if clf.dtype == torch.float64:
        return clf
    known: dict[int, object] = {
        id(tensor): nn.Parameter(tensor.double(), requires_grad=False)
        for tensor in clf.module.parameters()
    }
    known |= {
        id(tensor): tensor.double() if tensor.is_floating_point() else tensor
        for tensor in clf.module.buffers()
    }
    twin = clf.private()
    twin.module = copy.deepcopy(clf.module, known)
    return twin


@shared
def read_exactly(clf: Classifier, x: Tensor, fold: bool, title: str) -> Graph:
    """The network run on ``x`` in float64 and read: once for all methods of a panel.

    Args:
        clf: the classifier.
        x: network input, [N, 3, H, W].
        fold: as in ``graph.read``.
        title: the method's name, for errors.

    Raises:
        MethodError: the network does not run in float64.
    """
    if clf.dtype == torch.float64:
        return read_shared(clf, x, fold)
    with torch.no_grad():
        try:
            tape = record(in_float64(clf), x.double())
        except RuntimeError as error:
            raise MethodError(
                f"{title} is computed in float64, in which {clf.title} does not run: {error}; "
                f"{REMEDY}"
            ) from error
        return read(tape, fold)
