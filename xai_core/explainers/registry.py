"""The method table: every attribution method with the facts about it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, Protocol, TypeVar, overload

from torch import Tensor

from xai_core.errors import MethodError
from xai_core.models.classifier import Classifier

FAMILIES: dict[str, str] = {
    "gradient": "Gradient",
    "backprop": "Modified backpropagation",
    "cam": "Class activation",
    "relevance": "Relevance propagation",
    "path": "Differences from a baseline",
    "control": "Controls",
}


@dataclass(frozen=True)
class Param:
    """One setting of a method; pages and command line build their controls from it.

    Attributes:
        name: keyword of the function, spelled as in every other method.
        kind: "int", "float", "choice", "bool", "layer", "baseline" (a choice, a tensor, or several
            of these), "baselines" (a choice or a tensor of many pictures) or "base" (the id of
            another method, whose settings are then settings of this one too).
        default: value when it is not given; None for a layer means the model's default.
        help: one plain sentence.
        low, high: inclusive range of a number; None for no bound.
        choices: allowed values of a choice.
        quick: a value that makes the method cheap, to try out whether it works; None if this
            setting does not decide what it costs.
    """

    name: str
    kind: str
    default: Any
    help: str
    low: float | None = None
    high: float | None = None
    choices: Sequence[str] = ()
    quick: Any = None

    def checked(self, title: str, value: Any) -> Any:
        """The value in the type that the method wants; ``title`` names the method in errors.

        Raises:
            MethodError: the wrong type, or outside the range.
        """
        if self.kind in ("int", "float"):
            return self._number(title, value)
        if self.kind == "bool" and not isinstance(value, bool):
            raise MethodError(f"{title}: '{self.name}' must be true or false, not {value!r}.")
        if self.kind == "layer" and not (value is None or isinstance(value, str)):
            raise MethodError(f"{title}: '{self.name}' must be a layer's dotted name.")
        if self.kind == "baseline" and isinstance(value, list | tuple):
            return self._several(title, value)
        if self.kind in ("baseline", "baselines") and isinstance(value, Tensor):
            return value
        if self.choices and value not in self.choices:
            raise MethodError(
                f"{title}: '{self.name}' must be one of {', '.join(self.choices)}, not {value!r}."
            )
        return value

    def _several(self, title: str, values: Sequence[Any]) -> tuple[Any, ...]:
        if not values or any(isinstance(value, list | tuple) for value in values):
            raise MethodError(
                f"{title}: '{self.name}' must be one of {', '.join(self.choices)}, a tensor, or a "
                f"list of at least one of these."
            )
        return tuple(self.checked(title, value) for value in values)

    def _number(self, title: str, value: Any) -> int | float:
        number = isinstance(value, Real) and not isinstance(value, bool)
        if not number or (self.kind == "int" and not float(value).is_integer()):
            wanted = "a whole number" if self.kind == "int" else "a number"
            raise MethodError(f"{title}: '{self.name}' must be {wanted}, not {value!r}.")
        low = -math.inf if self.low is None else self.low
        high = math.inf if self.high is None else self.high
        if not low <= value <= high:
            raise MethodError(
                f"{title}: '{self.name}' must lie from {low:.15g} to {high:.15g}, not {value!r}."
            )
        return int(value) if self.kind == "int" else float(value)


class Explainer(Protocol):
    """``explainer(clf, x, targets, **params)`` -> relevance [N, C, h, w].

    ``x`` [N, 3, H, W] and ``targets`` int64 [N] are checked, and gradients are enabled; the
    classifier given is not to be changed (``Classifier.private`` makes a twin that may be).
    """

    def __call__(self, clf: Classifier, x: Tensor, targets: Tensor, **params: Any) -> Tensor:
        """Relevance of each image."""
        ...


@dataclass(frozen=True)
class Method:
    """A method and its facts.

    Attributes:
        id: the public name.
        function: the explainer.
        title: what people read.
        family: key of ``FAMILIES``.
        signed: whether negative relevance has a meaning, with the default settings.
        channels: 3 for one value per pixel and colour, 1 for one value per place; with the
            default settings, because another base method may give others.
        citation: source, with an arXiv number or DOI where there is one.
        shows: one plain sentence for people who do not know the method.
        formula: the definition, in LaTeX.
        warning: a known failure with its source, or "".
        params: its settings.
        cost: forward-backward passes per image for given settings, to estimate the time left.
    """

    id: str
    function: Explainer
    title: str
    family: str
    signed: bool
    channels: int
    citation: str
    shows: str
    formula: str
    warning: str
    params: tuple[Param, ...]
    cost: Callable[[Mapping[str, Any]], float]

    @property
    def quick(self) -> dict[str, Any]:
        """Settings with which the method costs little."""
        return {param.name: param.quick for param in self.params if param.quick is not None}

    def accepted(self, given: Mapping[str, Any]) -> tuple[Param, ...]:
        """What can be set: ``params``, and those of the base method that ``given`` chooses.

        Where both have a setting of the same name, it is this method's.

        Raises:
            MethodError: the base method cannot be one.
        """
        found = list(self.params)
        names = {param.name for param in self.params}
        for param in self.params:
            if param.kind == "base":
                base = param.checked(self.title, given.get(param.name, param.default))
                found += [other for other in method(base).params if other.name not in names]
        return tuple(found)

    def settings(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """All settings: the defaults, overruled by ``given``.

        Raises:
            MethodError: an unknown name, or a value of the wrong type or outside its range.
        """
        known = {param.name: param for param in self.accepted(given)}
        for name in given:
            if name not in known:
                offered = ", ".join(known) or "none"
                raise MethodError(f"{self.title} has no setting '{name}'; it has: {offered}.")
        return {
            name: param.checked(self.title, given[name]) if name in given else param.default
            for name, param in known.items()
        }


Decorated = TypeVar("Decorated", bound=Callable[..., Tensor])

METHODS: dict[str, Method] = {}


class _Bases(Sequence[str]):
    """Ids of the methods that another one can be built on, as far as they are entered."""

    @staticmethod
    def _ids() -> list[str]:
        return [
            name
            for name, row in METHODS.items()
            if row.family != "control" and all(param.kind != "base" for param in row.params)
        ]

    def __len__(self) -> int:
        return len(self._ids())

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> list[str]: ...

    def __getitem__(self, index: int | slice) -> str | list[str]:
        return self._ids()[index]


BASES = _Bases()


def register(
    *,
    title: str,
    family: str,
    signed: bool,
    citation: str,
    shows: str,
    formula: str,
    id: str | None = None,
    channels: int = 3,
    warning: str = "",
    params: tuple[Param, ...] = (),
    cost: Callable[[Mapping[str, Any]], float] = lambda settings: 1.0,
) -> Callable[[Decorated], Decorated]:
    """Enter the decorated function into ``METHODS``, under ``id`` or else its own name."""

    def enter(function: Decorated) -> Decorated:
        name = id or function.__name__
        METHODS[name] = Method(
            name,
            function,
            title,
            family,
            signed,
            channels,
            citation,
            shows,
            formula,
            warning,
            params,
            cost,
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
