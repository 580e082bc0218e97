"""The method table: every attribution method with the facts about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from torch import Tensor

from xai_core import own_maps
from xai_core.errors import MethodError
from xai_core.models.classifier import Classifier
from xai_core.params import BoolParam, ChoiceParam, MethodParam, Param, settings

FAMILIES: dict[str, str] = {
    "gradient": "Gradient",
    "backprop": "Modified backpropagation",
    "cam": "Class activation",
    "relevance": "Relevance propagation",
    "path": "Differences from a baseline",
    "control": "Controls",
}


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
        family: key of ``FAMILIES``; "" for maps computed elsewhere.
        signed: whether negative relevance has a meaning, with the default settings.
        citation: source, with an arXiv number or DOI where there is one.
        shows: one plain sentence for people who do not know the method.
        formula: the definition, in LaTeX.
        channels: 3 for one value per pixel and colour, 1 for one value per place; with the
            default settings, because another base method may give others.
        warning: a known failure with its source, or "".
        params: its settings.
        float64: whether it is computed in float64, whatever the model's type.
        cost: forward-backward passes per image for given settings, to estimate the time left.
    """

    id: str
    function: Explainer
    title: str
    family: str
    signed: bool
    citation: str
    shows: str
    formula: str
    channels: int = 3
    warning: str = ""
    params: tuple[Param, ...] = ()
    float64: bool = False
    cost: Callable[[Mapping[str, Any]], float] = lambda settings: 1.0

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
            if isinstance(param, MethodParam):
                base = param.checked(self.title, given.get(param.name, param.default))
                found += [other for other in method(base).params if other.name not in names]
        return tuple(found)

    def needs_float64(self, given: Mapping[str, Any]) -> bool:
        """Whether it, or the base method that ``given`` chooses, is computed in float64."""
        bases = (given.get(p.name, p.default) for p in self.params if isinstance(p, MethodParam))
        return self.float64 or any(method(base).float64 for base in bases)

    def settings(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """All settings: the defaults, overruled by ``given``.

        Raises:
            MethodError: an unknown name, or a value of the wrong type or outside its range.
        """
        return settings(self.title, self.accepted(given), given)


Decorated = TypeVar("Decorated", bound=Callable[..., Tensor])

METHODS: dict[str, Method] = {}
# Ids of those that another one can be built on.
BASES: list[str] = []
# Of maps computed elsewhere: found from their values, and told when they were uploaded.
SIGNED = BoolParam("signed", True, "Whether negative values have a meaning.")
COVERED = ChoiceParam(
    "covers", own_maps.BY_SIZE, "What the maps cover.", choices=tuple(own_maps.COVERS)
)


def register(id: str | None = None, **facts: Any) -> Callable[[Decorated], Decorated]:
    """Enter the decorated function into ``METHODS``, under ``id`` or else its own name.

    Args:
        id: for several methods of one function.
        **facts: those of ``Method``.
    """

    def enter(function: Decorated) -> Decorated:
        name = id or function.__name__
        row = METHODS[name] = Method(name, function, **facts)
        if row.family != "control" and not any(isinstance(p, MethodParam) for p in row.params):
            BASES.append(name)
        return function

    return enter


def method(name: str) -> Method:
    """The method of that id, or the row of a column of maps computed elsewhere.

    Raises:
        MethodError: there is none; the sentence lists what there is.
    """
    if own_maps.is_own(name):
        return _elsewhere(name)
    if name not in METHODS:
        raise MethodError(f"There is no method '{name}'; there are: {', '.join(METHODS)}.")
    return METHODS[name]


def _elsewhere(name: str) -> Method:
    """What stands for a method where the maps are there already."""

    def only_there(clf: Classifier, x: Tensor, targets: Tensor, **params: Any) -> Tensor:
        raise MethodError(
            f"The maps “{own_maps.title_of(name)}” were computed elsewhere; new ones, which this "
            "needs, cannot be computed here."
        )

    return Method(
        id=name,
        function=only_there,
        title=own_maps.title_of(name),
        family="",
        signed=True,
        citation="",
        shows="Maps computed elsewhere, uploaded under this name.",
        formula="",
        params=(SIGNED, COVERED),
        cost=lambda settings: 0.0,
    )
