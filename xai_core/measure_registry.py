"""What a measure is: a pure function that gives every image a score, and the facts about it.

A module of measures imports this one; who asks what measures there are imports
``xai_core.measures``, which knows all such modules.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

from xai_core import params
from xai_core.errors import MethodError


class Needs(Enum):
    """What a measure scores: the arguments of its function, in this order.

    ``maps`` and ``others`` are heatmaps [N, H, W] as ``signed_map`` gives them. A function of
    two maps also takes what they ``show`` and whether they are ``signed``, as ``similarity``
    does. ``clf``, ``x`` [N, 3, H, W] and ``y`` are the model, its input and the classes;
    ``relevance`` [N, C, H, W] lies in [0, 1] as ``relevance_map`` gives it. ``masks`` are
    bool [N, H, W], ``boxes`` int [N, 4]: x0, y0, x1, y1, the latter two just outside;
    ``quadrants`` int [N], from 0 at the top left, row by row, to 3.
    """

    MAP = ("maps",)
    TWO_MAPS = ("maps", "others")
    MODEL = ("clf", "x", "y", "relevance")
    MASK = ("maps", "masks")
    BOX = ("maps", "boxes")
    QUADRANT = ("maps", "quadrants")


@dataclass(frozen=True)
class Measure:
    """A measure and its facts.

    Attributes:
        id: the public name.
        function: what ``needs`` lists, and the settings as keywords, to float64 [N]. A score is
            independent of its neighbours in the batch, and NaN where it is undefined.
        title: what people read.
        needs: what is scored.
        higher_is_better: whether a higher score is what one hopes for, or means more alike;
            None where neither is better.
        citation: source, with an arXiv number or DOI where there is one.
        shows: one plain sentence.
        low, high: the range of the score, both included.
        symmetric: whether the two maps can change places.
        params: its settings.
    """

    id: str
    function: Callable[..., Any]
    title: str
    needs: Needs
    higher_is_better: bool | None
    citation: str
    shows: str
    low: float = -math.inf
    high: float = math.inf
    symmetric: bool = False
    params: tuple[params.Param, ...] = ()

    @property
    def short_title(self) -> str:
        """The title without what it says in brackets."""
        return self.title.partition(" (")[0]

    def settings(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """All settings: the defaults, overruled by ``given``.

        Raises:
            MethodError: an unknown name, or a value of the wrong type or outside its range.
        """
        return params.settings(self.title, self.params, given)


Decorated = TypeVar("Decorated", bound=Callable[..., Any])

MEASURES: dict[str, Measure] = {}


def measure(**facts: Any) -> Callable[[Decorated], Decorated]:
    """Enter the decorated function into ``MEASURES`` under its name, with facts of ``Measure``."""

    def enter(function: Decorated) -> Decorated:
        MEASURES[function.__name__] = Measure(function.__name__, function, **facts)
        return function

    return enter


def measures_of(needs: Needs) -> dict[str, Measure]:
    """The measures that need just this, by id."""
    return {name: row for name, row in MEASURES.items() if row.needs is needs}


def titles_of(needs: Needs) -> dict[str, str]:
    """What people read of the measures that need just this, by id."""
    return {name: row.title for name, row in measures_of(needs).items()}


def check_measures(names: Sequence[str], known: Mapping[str, Measure]) -> None:
    """See that there is a measure, and that all are among those that are known.

    Raises:
        MethodError: there is none, or an unknown one.
    """
    unknown = next((name for name in names if name not in known), None)
    if unknown is not None:
        raise MethodError(f"There is no measure '{unknown}'; there are: {', '.join(known)}.")
    if not names:
        raise MethodError("Choose at least one measure.")
