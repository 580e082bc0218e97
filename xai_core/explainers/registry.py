"""The method table: every attribution method with the facts about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor

from xai_core.errors import MethodError
from xai_core.models.classifier import Classifier

FAMILIES: dict[str, str] = {
    "gradient": "Gradient",
    "cam": "Class activation",
    "path": "Path integrals and reference",
    "control": "Controls",
}


@dataclass(frozen=True)
class Param:
    """One setting of a method; pages and command line build their controls from it.

    Attributes:
        name: keyword of the function, spelled as in every other method.
        kind: "int", "float", "choice", "bool" or "layer".
        default: value when it is not given; None for a layer means the model's default.
        low, high: inclusive range of a number.
        choices: allowed values of a choice.
        help: one plain sentence.
    """

    name: str
    kind: str
    default: Any
    help: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()


class Explainer(Protocol):
    """``explainer(clf, x, targets, **params)`` -> relevance [N, C, h, w]."""

    def __call__(self, clf: Classifier, x: Tensor, targets: Tensor, **params: Any) -> Tensor: ...


@dataclass(frozen=True)
class Method:
    """A method and its facts.

    Attributes:
        id: the public name.
        function: the explainer.
        title: what people read.
        family: key of ``FAMILIES``.
        signed: whether negative relevance has a meaning.
        channels: 3 for pixel methods, 1 for maps of the layer's resolution.
        citation: source, with an arXiv number or DOI where there is one.
        shows: one plain sentence for people who do not know the method.
        warning: a known failure, or "".
        params: its settings.
        cost: forward-backward passes for given settings, to estimate the time left.
    """

    id: str
    function: Explainer
    title: str
    family: str
    signed: bool
    channels: int
    citation: str
    shows: str
    warning: str
    params: tuple[Param, ...]
    cost: Callable[[Mapping[str, Any]], float]

    def settings(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """All settings: the defaults, overruled by ``given``.

        Raises:
            MethodError: an unknown name, or a value outside its range.
        """
        known = {param.name: param for param in self.params}
        for name, value in given.items():
            if name not in known:
                offered = ", ".join(known) or "none"
                raise MethodError(f"{self.title} has no setting '{name}'; it has: {offered}.")
            _check(self.title, known[name], value)
        return {name: given.get(name, param.default) for name, param in known.items()}


METHODS: dict[str, Method] = {}


def register(
    *,
    title: str,
    family: str,
    signed: bool,
    citation: str,
    shows: str,
    channels: int = 3,
    warning: str = "",
    params: tuple[Param, ...] = (),
    cost: Callable[[Mapping[str, Any]], float] = lambda settings: 1.0,
) -> Callable[[Explainer], Explainer]:
    """Enter the decorated function into ``METHODS`` under its own name."""

    def enter(function: Explainer) -> Explainer:
        name = function.__name__  # type: ignore[attr-defined]
        METHODS[name] = Method(
            name, function, title, family, signed, channels, citation, shows, warning, params, cost
        )
        return function

    return enter


def method(name: str) -> Method:
    """The method of that id.

    Raises:
        MethodError: there is none; the sentence lists what there is.
    """
    if name not in METHODS:
        raise MethodError(f"There is no method '{name}'; there are: {', '.join(METHODS)}.")
    return METHODS[name]


def _check(title: str, param: Param, value: Any) -> None:
    if param.kind in ("int", "float"):
        number = isinstance(value, int | float) and not isinstance(value, bool)
        whole = param.kind == "float" or (number and float(value).is_integer())
        if not number or not whole:
            wanted = "whole number" if param.kind == "int" else "number"
            raise MethodError(f"{title}: '{param.name}' must be a {wanted}, not {value!r}.")
        low, high = param.low, param.high
        if (low is not None and value < low) or (high is not None and not value <= high):
            raise MethodError(f"{title}: '{param.name}' must lie from {low:g} to {high:g}.")
    elif param.kind == "choice" and isinstance(value, str) and value not in param.choices:
        raise MethodError(f"{title}: '{param.name}' must be one of {', '.join(param.choices)}.")
    elif param.kind == "bool" and not isinstance(value, bool):
        raise MethodError(f"{title}: '{param.name}' must be true or false.")
