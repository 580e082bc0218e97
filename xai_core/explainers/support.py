"""Which methods work on a model: found by running them, not by a list."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from xai_core.errors import MethodError, ModelError
from xai_core.explainers.panel import Panel
from xai_core.explainers.registry import METHODS, method
from xai_core.models.classifier import Classifier


def supported(clf: Classifier, names: Iterable[str] | None = None) -> dict[str, str]:
    """Try methods on one small picture, each with its quick settings.

    Args:
        clf: the classifier.
        names: ids of the methods; all of the table if not given.

    Returns:
        For every method why it does not work on this model, in a sentence; "" where it does.

    Raises:
        MethodError: there is no such method.
    """
    rows = {name: method(name) for name in (METHODS if names is None else names)}
    panel = Panel(clf, _picture(clf), 0, {name: row.quick for name, row in rows.items()})
    return {name: _tried(panel, name) for name in rows}


def refusal(clf: Classifier, name: str) -> str:
    """Why one method does not work on the model; "" if it does."""
    return supported(clf, [name])[name]


def _picture(clf: Classifier) -> Tensor:
    """A picture of noise, because a uniform one would leave parts of the network unused."""
    generator = torch.Generator().manual_seed(0)
    pixels = torch.rand((1, 3, *clf.input_size), generator=generator, dtype=torch.float64)
    return clf.normalise(pixels.to(clf.device, clf.dtype))


def _tried(panel: Panel, name: str) -> str:
    try:
        panel.explain(name)
    except (MethodError, ModelError) as error:
        return str(error)
    return ""
