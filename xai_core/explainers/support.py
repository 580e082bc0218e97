"""Which methods work on a model: found by running them, not by a list."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from xai_core.errors import MethodError, ModelError
from xai_core.explainers.foreign import is_foreign
from xai_core.explainers.panel import Panel
from xai_core.explainers.registry import METHODS, Method, method
from xai_core.models.classifier import Classifier
from xai_core.params import BaselinesParam


def supported(clf: Classifier, names: Iterable[str] | None = None) -> dict[str, str]:
    """Try methods on one picture, each with its quick settings and a single baseline.

    Args:
        clf: the classifier.
        names: ids of the methods; all of the table if not given.

    Returns:
        For every method why it does not work on this model, in a sentence; "" where it does.

    Raises:
        MethodError: there is no such method.
    """
    rows = {name: method(name) for name in (METHODS if names is None else names)}
    picture = _picture(clf)
    quick = {name: _quick(row, picture) for name, row in rows.items()}
    panel = Panel(clf, picture, 0, quick)
    found = {name: _tried(panel, name) for name in rows}
    for name, (_, relevance) in found.items():
        if relevance is not None and is_foreign(name):
            second = Panel(clf, picture, 0, {name: quick[name]})
            found[name] = _repeated(method(name), relevance, *_tried(second, name))
    return {name: said for name, (said, _) in found.items()}


def refusal(clf: Classifier, name: str) -> str:
    """Why one method does not work on the model; "" if it does."""
    return supported(clf, [name])[name]


def _quick(row: Method, picture: Tensor) -> dict[str, Any]:
    """Settings that make a method cheap."""
    compared = {
        p.name: torch.zeros_like(picture) for p in row.params if isinstance(p, BaselinesParam)
    }
    return {**row.quick, **compared}


def _picture(clf: Classifier) -> Tensor:
    """A picture of noise, because a uniform one would leave parts of the network unused."""
    generator = torch.Generator().manual_seed(0)
    pixels = torch.rand((1, 3, *clf.input_size), generator=generator, dtype=torch.float64)
    return clf.normalise(pixels.to(clf.device, clf.dtype))


def _tried(panel: Panel, name: str) -> tuple[str, Tensor | None]:
    """Why a method does not work, or its map."""
    try:
        return "", panel.explain(name)
    except (MethodError, ModelError) as error:
        return str(error), None


def _repeated(
    row: Method, first: Tensor, said: str, second: Tensor | None
) -> tuple[str, Tensor | None]:
    """What a second call of the same kind says of a method that came from outside.

    Ours are tested for it. What differs by rounding, as on a GPU, is the same.
    """
    size = float(first.abs().max())
    if second is None or torch.allclose(first, second, rtol=1e-3, atol=1e-3 * size):
        return said, second
    return (
        f"{row.title} gave another map at a second call; its randomness must come from a setting "
        "such as `seed`."
    ), None
