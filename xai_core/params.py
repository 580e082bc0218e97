"""Settings of methods and measures, one class a kind.

A class knows what it takes: it checks a value, reads it from the word of a command line or an
address, writes it as one, and says its default and its range in words.
"""

from __future__ import annotations

import csv
import io
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real
from typing import Any, ClassVar

from torch import Tensor

from xai_core.errors import MethodError


@dataclass(frozen=True)
class Param(ABC):
    """One setting; pages and command line build their controls from it.

    Attributes:
        kind: what lists call its class.
        name: keyword of the function, spelled as in every other method.
        default: value when it is not given.
        help: one plain sentence.
        quick: a value that makes the method cheap, to try out whether it works; None if this
            setting does not decide what it costs.
    """

    kind: ClassVar[str]
    name: str
    default: Any
    help: str
    quick: Any = field(default=None, kw_only=True)

    @abstractmethod
    def checked(self, title: str, value: Any) -> Any:
        """The value in the type that the function wants; ``title`` names its owner in errors.

        Raises:
            MethodError: the wrong type, or outside the range.
        """

    def read(self, word: str) -> Any:
        """The value that a word means; what cannot be read is left for ``checked`` to refuse."""
        return word

    def write(self, value: Any) -> str:
        """The word of a value, which ``read`` understands."""
        return str(value)

    @property
    def usual(self) -> str:
        """The default in words."""
        return str(self.default)

    @property
    @abstractmethod
    def values(self) -> str:
        """What it can be, in words."""


@dataclass(frozen=True)
class NumberParam(Param):
    """A number.

    Attributes:
        wanted: what it must be, in words.
        number: its type, which also reads words.
        low, high: the range, both included.
    """

    wanted: ClassVar[str]
    number: ClassVar[type[int] | type[float]]
    low: float = field(kw_only=True)
    high: float = field(kw_only=True)

    def checked(self, title: str, value: Any) -> float:
        """A number of this kind within the range."""
        known = isinstance(value, Real) and not isinstance(value, bool)
        # Not math.isfinite, which fails at whole numbers that no float holds.
        known = known and abs(value) <= sys.float_info.max
        if not known or (number := self.number(value)) != value:
            raise MethodError(f"{title}: '{self.name}' must be {self.wanted}, not {value!r}.")
        if not self.low <= number <= self.high:
            raise MethodError(
                f"{title}: '{self.name}' must lie from {self.low:.15g} to {self.high:.15g}, "
                f"not {value!r}."
            )
        return number

    def read(self, word: str) -> float | str:
        """The number that the word spells."""
        try:
            return self.number(word)
        except ValueError:
            return word

    @property
    def values(self) -> str:
        """From where to where."""
        return f"{self.low:.10g} to {self.high:.10g}"


@dataclass(frozen=True)
class IntParam(NumberParam):
    """A whole number."""

    kind = "int"
    wanted = "a whole number"
    number = int


@dataclass(frozen=True)
class FloatParam(NumberParam):
    """A number that need not be whole."""

    kind = "float"
    wanted = "a number"
    number = float

    @property
    def usual(self) -> str:
        """In few digits."""
        return f"{self.default:g}"


@dataclass(frozen=True)
class BoolParam(Param):
    """True or false."""

    kind = "bool"
    values = "on, off"

    def checked(self, title: str, value: Any) -> bool:
        """Neither a number nor a word will do."""
        if not isinstance(value, bool):
            raise MethodError(f"{title}: '{self.name}' must be true or false, not {value!r}.")
        return value

    def read(self, word: str) -> bool | str:
        """The words "true" and "false"."""
        return {"true": True, "false": False}.get(word.lower(), word)

    def write(self, value: Any) -> str:
        """As ``read`` takes it."""
        return str(value).lower()

    @property
    def usual(self) -> str:
        """As switches say it."""
        return "on" if self.default else "off"


@dataclass(frozen=True)
class LayerParam(Param):
    """The dotted name of one of the model's layers; None for the layer that the model suggests."""

    kind = "layer"
    usual = "the model's"
    values = "a layer with maps"

    def checked(self, title: str, value: Any) -> str | None:
        """Any name; whether the model has the layer, the method finds out."""
        if not (value is None or isinstance(value, str)):
            raise MethodError(f"{title}: '{self.name}' must be a layer's dotted name.")
        return value


@dataclass(frozen=True)
class ChoiceParam(Param):
    """One of several words.

    Attributes:
        choices: the words.
    """

    kind = "choice"
    choices: Sequence[str] = field(kw_only=True)

    def checked(self, title: str, value: Any) -> Any:
        """One of the words."""
        if value not in self.choices:
            raise MethodError(
                f"{title}: '{self.name}' must be one of {', '.join(self.choices)}, not {value!r}."
            )
        return value

    @property
    def values(self) -> str:
        """All of the words."""
        return ", ".join(self.choices)


@dataclass(frozen=True)
class MethodParam(ChoiceParam):
    """The id of another method, whose settings are then settings of this one too."""

    kind = "base"
    values = "another method"


@dataclass(frozen=True)
class BaselinesParam(ChoiceParam):
    """Pictures that others are compared to: a choice, or a tensor of many [B, 3, H, W].

    Commands and addresses name pictures by words, which stand in the settings until the pictures
    are there.
    """

    kind = "baselines"
    besides: ClassVar[str] = ", or pictures"

    def checked(self, title: str, value: Any) -> Any:
        """One of the words, or pictures."""
        return value if isinstance(value, Tensor) else super().checked(title, value)

    def read(self, word: str) -> list[str] | str:
        """Words with commas between, quoted where one holds a comma, stand for several pictures."""
        words = next(csv.reader([word]), [word])
        return words if len(words) > 1 else words[0]

    def write(self, value: Any) -> str:
        """As ``read`` takes it."""
        line = io.StringIO()
        words = value if isinstance(value, list | tuple) else [str(value)]
        csv.writer(line, lineterminator="").writerow(words)
        return line.getvalue()

    @property
    def values(self) -> str:
        """The words, and what else can be given."""
        return super().values + self.besides


@dataclass(frozen=True)
class BaselineParam(BaselinesParam):
    """A picture without evidence: a choice, a tensor, or several of these."""

    kind = "baseline"
    besides = ", pictures, or several"

    def checked(self, title: str, value: Any) -> Any:
        """One of these, or a list of them."""
        if not isinstance(value, list | tuple):
            return super().checked(title, value)
        if not value or any(isinstance(one, list | tuple) for one in value):
            raise MethodError(
                f"{title}: '{self.name}' must be one of {', '.join(self.choices)}, a tensor, or a "
                f"list of at least one of these."
            )
        return tuple(self.checked(title, one) for one in value)


def settings(title: str, params: Sequence[Param], given: Mapping[str, Any]) -> dict[str, Any]:
    """All settings: the defaults, overruled by what is given.

    Args:
        title: what the settings belong to, for errors.
        params: what can be set.
        given: values by name.

    Raises:
        MethodError: an unknown name, or a value of the wrong type or outside its range.
    """
    known = {param.name: param for param in params}
    for name in given:
        if name not in known:
            offered = ", ".join(known) or "none"
            raise MethodError(f"{title} has no setting '{name}'; it has: {offered}.")
    return {
        name: param.checked(title, given[name]) if name in given else param.default
        for name, param in known.items()
    }
