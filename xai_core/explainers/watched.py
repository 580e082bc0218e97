"""Calls of methods that came from outside: kept apart from the model, and their results checked.

What our own methods are tested for, others are held to at every call. By construction: the model
stays as it is (each call gets a copy with weights of its own), a picture's map does not depend on
its neighbours (each picture goes alone), global random states and the default type are restored.
Checked: the result's kind, shape, type, device, finite values, and the sign that was promised.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from xai_core.device import is_out_of_memory
from xai_core.errors import MethodError, XaiError
from xai_core.explainers.registry import Explainer, Method
from xai_core.explainers.sharing import alone
from xai_core.models.classifier import Classifier
from xai_core.models.global_state import random_states_restored


def watched(row: Method) -> Explainer:
    """The method's function, held to the contract.

    A violation, or whatever the function raises, is a ``MethodError`` that names the method.
    """

    def explainer(clf: Classifier, x: Tensor, targets: Tensor, **params: Any) -> Tensor:
        usual = all(_is(params.get(param.name), param.default) for param in row.params)
        found = []
        for place in range(len(x)):
            image, target = x[place : place + 1], targets[place : place + 1]
            relevance = _called(row, clf, image, target, params)
            _check(row, relevance, image, usual)
            found.append(relevance.detach())
        if len({each.shape for each in found}) > 1:
            raise MethodError(f"{row.title} gave maps of several sizes for pictures of one size.")
        return torch.cat(found)

    return explainer


def _called(
    row: Method, clf: Classifier, image: Tensor, target: Tensor, params: Mapping[str, Any]
) -> Any:
    twin = clf.private()
    twin.module = copy.deepcopy(clf.module).eval()
    try:
        with alone(), _restored(image.device):
            return row.function(twin, image.detach().clone(), target.clone(), **params)
    except XaiError:
        raise
    # Code of others: whatever it raises is its own column's sentence.
    except Exception as error:
        if is_out_of_memory(error):  # which is told as of our own methods
            raise
        said = f": {error}" if str(error) else ""
        raise MethodError(f"{row.title} failed ({type(error).__name__}{said}).") from error


def _is(value: Any, default: Any) -> bool:
    return value is default or (isinstance(value, type(default)) and bool(value == default))


@contextmanager
def _restored(device: torch.device) -> Iterator[None]:
    kind = torch.get_default_dtype()
    try:
        with random_states_restored(device):
            yield
    finally:
        torch.set_default_dtype(kind)


def _check(row: Method, relevance: Any, image: Tensor, usual: bool) -> None:
    """Hold a result for one picture against what every method promises.

    Args:
        row: the method.
        relevance: what it returned.
        image: for which picture, [1, 3, H, W].
        usual: whether it was called with its default settings.

    Raises:
        MethodError: it breaks a promise.
    """
    if not isinstance(relevance, Tensor):
        raise MethodError(f"{row.title} must return a tensor, not a {type(relevance).__name__}.")
    shape, (height, width) = list(relevance.shape), image.shape[2:]
    channels = (row.channels,) if usual else (1, 3)
    fits = relevance.dim() == 4 and shape[0] == 1 and shape[1] in channels
    if not fits or not (0 < shape[2] <= height and 0 < shape[3] <= width):
        raise MethodError(
            f"{row.title} must return [N, {' or '.join(map(str, channels))}, h, w] with h and w up "
            f"to {height} and {width}; for one picture it gave {shape}."
        )
    if relevance.dtype != image.dtype or relevance.device != image.device:
        raise MethodError(
            f"{row.title} must return {image.dtype} on {image.device}, as its input is; it gave "
            f"{relevance.dtype} on {relevance.device}."
        )
    if not bool(torch.isfinite(relevance).all()):
        raise MethodError(f"{row.title} gave values that are not finite numbers.")
    if usual and not row.signed and bool((relevance < 0).any()):
        raise MethodError(f"{row.title} is said to be unsigned, and gave negative values.")
