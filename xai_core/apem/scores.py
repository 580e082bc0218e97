"""The metric and what it is made of, as measures: one score a picture."""

from __future__ import annotations

import math
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
Classes = int | Sequence[int] | Tensor


@measure(
    title="APEM",
    needs=Needs.MODEL,
    higher_is_better=True,
    citation=SOURCE,
    shows="How many more steps along the map's opposite than along the map change the class.",
    params=(EPS_MAX,),
)
def apem(clf: Classifier, x: Tensor, y: Classes, relevance: Tensor, **settings: Any) -> Floats:
    """``metric.apem``'s difference; NaN where it is censored or the map cannot be measured."""
    return _scores(metric.apem, "apem", clf, x, y, relevance, settings)


@measure(
    title="ε−",
    needs=Needs.MODEL,
    higher_is_better=False,
    low=1,
    citation=SOURCE,
    shows="Steps along the map until the class changes: few where it shows what matters.",
    params=(EPS_MAX,),
)
def eps_minus(clf: Classifier, x: Tensor, y: Classes, relevance: Tensor, **settings: Any) -> Floats:
    """``metric.apem``'s count along the map; NaN as for ``apem``."""
    return _scores(metric.apem, "eps_minus", clf, x, y, relevance, settings)


@measure(
    title="ε+",
    needs=Needs.MODEL,
    higher_is_better=True,
    low=1,
    citation=SOURCE,
    shows="Steps along the map's opposite until the class changes: many where what it leaves out "
    "does not matter.",
    params=(EPS_MAX,),
)
def eps_plus(clf: Classifier, x: Tensor, y: Classes, relevance: Tensor, **settings: Any) -> Floats:
    """``metric.apem``'s count along the map's opposite; NaN as for ``apem``."""
    return _scores(metric.apem, "eps_plus", clf, x, y, relevance, settings)


@measure(
    title="Normalised APEM",
    needs=Needs.MODEL,
    higher_is_better=True,
    citation=SOURCE,
    shows="The metric in units of what the same map reaches when its pixels are shuffled: above 0 "
    "is better than chance.",
    params=(SHUFFLES, SEED, EPS_MAX),
)
def apem_normalized(
    clf: Classifier, x: Tensor, y: Classes, relevance: Tensor, **settings: Any
) -> Floats:
    """``metric.apem_normalized``'s value; NaN as for ``apem``."""
    return _scores(metric.apem_normalized, "apem_normalized", clf, x, y, relevance, settings)


COLUMNS = ("apem", "eps_minus", "eps_plus", "apem_normalized")
TITLES = {name: MEASURES[name].title for name in COLUMNS}  # above the columns of tables


def _scores(
    measured: Callable[..., Any],
    name: str,
    clf: Classifier,
    x: Tensor,
    y: Classes,
    relevance: Tensor,
    settings: dict[str, Any],
) -> Floats:
    """One of the numbers of each picture whose map can be measured, NaN for the others."""
    classes = class_numbers(clf, y, len(x))
    _, problems = judged_maps(relevance, x)
    good = [place for place, problem in enumerate(problems) if not problem]
    scores = np.full(len(x), math.nan)
    if good:
        found = measured(clf, x[good], classes[good], relevance[good], **settings)
        scores[good] = getattr(found, name).to_numpy(float, na_value=math.nan)
    return scores
