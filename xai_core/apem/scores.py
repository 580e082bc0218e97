"""The metric and what it is made of, as measures: one score a picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from xai_core.apem import metric
from xai_core.apem.perturbation import judged_maps
from xai_core.explainers.panel import class_numbers
from xai_core.explainers.settings import SEED
from xai_core.heatmaps import Floats
from xai_core.measure_registry import MEASURES, Needs, measure
from xai_core.models.classifier import Classifier
from xai_core.params import IntParam

SOURCE = "Nascimento Gomes do Valle 2019, Master's dissertation, UFMG"
EPS_MAX = IntParam(
    "eps_max",
    metric.EPS_MAX,
    "The most steps that are tried; a picture that needs more has no score.",
    low=1,
    high=1_000_000,
    quick=20,
)
SHUFFLES = IntParam(
    "shuffles",
    metric.SHUFFLES,
    "How many shuffled maps; the first to change the class decides.",
    low=1,
    high=1000,
    quick=2,
)


def _enter(name: str, measured: Callable[..., Any], **facts: Any) -> Callable[..., Floats]:
    """Enter one of the numbers that ``measured`` finds as a measure."""

    def scores(
        clf: Classifier,
        x: Tensor,
        y: int | Sequence[int] | Tensor,
        relevance: Tensor,
        **settings: Any,
    ) -> Floats:
        classes = class_numbers(clf, y, len(x))
        _, problems = judged_maps(relevance, x)
        good = [place for place, problem in enumerate(problems) if not problem]
        found = np.full(len(x), np.nan)
        if good:
            numbers = measured(clf, x[good], classes[good], relevance[good], **settings)
            found[good] = getattr(numbers, name).to_numpy(float, na_value=np.nan)
        return found

    scores.__name__ = name
    scores.__doc__ = f"``{measured.__name__}``'s {name}; NaN if censored or not to be measured."
    return measure(needs=Needs.MODEL, citation=SOURCE, **facts)(scores)


apem = _enter(
    "apem",
    metric.apem,
    title="APEM",
    higher_is_better=True,
    shows="How many more steps along the map's opposite than along the map change the class.",
    params=(EPS_MAX,),
)
eps_minus = _enter(
    "eps_minus",
    metric.apem,
    title="ε−",
    higher_is_better=False,
    low=1,
    shows="Steps along the map until the class changes: few where it shows what matters.",
    params=(EPS_MAX,),
)
eps_plus = _enter(
    "eps_plus",
    metric.apem,
    title="ε+",
    higher_is_better=True,
    low=1,
    shows="Steps along the map's opposite until the class changes: many where what it leaves out "
    "does not matter.",
    params=(EPS_MAX,),
)
apem_normalized = _enter(
    "apem_normalized",
    metric.apem_normalized,
    title="Normalised APEM",
    higher_is_better=True,
    shows="The metric in units of what the same map reaches when its pixels are shuffled: above 0 "
    "is better than chance.",
    params=(SHUFFLES, SEED, EPS_MAX),
)

COLUMNS = ("apem", "eps_minus", "eps_plus", "apem_normalized")
TITLES = {name: MEASURES[name].title for name in COLUMNS}  # above the columns of tables
