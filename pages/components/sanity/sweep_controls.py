"""What is destroyed, how often, and by which measure the maps are compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from pages.components.classified import Classified
from pages.components.model_choice import model_infos
from pages.components.select_controls import select_box
from pages.components.text import plain
from xai_core.errors import MethodError
from xai_core.explainers.choices import Choice
from xai_core.measures import Needs, titles_of
from xai_core.randomization.initialisation import INITS
from xai_core.randomization.steps import LABELS, Test, seeds_of
from xai_core.randomization.sweep import Smoothing
from xai_core.randomization.targets import TARGETS, WHY
from xai_core.randomization.verdicts import FAILS, WEAK, Thresholds

FROM_INPUT = "cascading-from-input"
TESTS = {
    "cascading": "Cascading, from the output",
    FROM_INPUT: "Cascading, from the input",
    "independent": "Each layer alone",
    LABELS: "Permuted labels",
}
CONTROLS = (Choice("edges"), Choice("random"))
FIRST = tuple(
    Choice(name)
    for name in ("saliency", "input_x_gradient", "guided_backprop", "gradcam", "guided_gradcam")
)
MOST_SEEDS, MOST_COPIES = 20, 200


@dataclass(frozen=True)
class Settings:
    """What the page's controls say.

    Attributes:
        test: which networks are compared.
        controls: methods that ignore the model, shown beside the others.
        measure: the measure that is drawn.
        smoothing: noisy copies that every map is averaged over, or None.
        thresholds: of the verdict.
        other: for permuted labels: keywords of the second model, or None while there is none.
        target: the class that destroyed networks explain, key of ``targets.TARGETS``.
    """

    test: Test
    controls: tuple[Choice, ...]
    measure: str
    smoothing: Smoothing | None
    thresholds: Thresholds
    other: Mapping[str, Any] | None
    target: str

    @property
    def measures(self) -> list[str]:
        """What is computed: the verdict's measures, and the one that is drawn."""
        return list(dict.fromkeys(("ssim", "complexity", self.measure)))


def choose_settings(row: Any, classified: Classified) -> Settings:
    """The controls beside the methods."""
    kind = select_box(
        row,
        "What is destroyed",
        TESTS,
        "test",
        width=215,
        help="Cascading: one layer after the other is re-initialised, and those before stay so. "
        "Each layer alone: all others stay trained. Permuted labels: another network, which has "
        "learnt its pictures by heart with labels that mean nothing.",
    )
    labels = kind == LABELS
    seeds = row.number_input(
        "Seeds",
        1,
        MOST_SEEDS,
        5,
        key="seeds",
        bind="query-params",
        width=90,
        disabled=labels,
        help="Every seed gives other new weights; curves show the mean and the spread over them.",
    )
    measure = select_box(
        row,
        "Measure",
        titles_of(Needs.TWO_MAPS),
        "measure",
        width=150,
        help="How much of the trained network's map is left. The explanation is below.",
    )
    other = _other(row, classified) if labels else None
    with row.popover("More", icon=":material/tune:"):
        init, controls, smoothing, thresholds, target = _more()
    mode, start = ("cascading", "input") if kind == FROM_INPUT else (kind, "output")
    test = Test(mode, start, init, seeds_of(1 if labels else int(seeds)))
    shown = CONTROLS if controls else ()
    return Settings(test, shown, measure, smoothing, thresholds, other, target)


def _more() -> tuple[str, bool, Smoothing | None, Thresholds, str]:
    target = select_box(
        st, "Class that a destroyed network explains", TARGETS, "target-class", help=WHY
    )
    init = select_box(st, "New weights", INITS, "init")
    controls = st.toggle(
        "Show the controls",
        True,
        key="controls",
        bind="query-params",
        help="The edge detector ignores the model and stays at 1. The random map is drawn anew "
        "for every network: nothing is left of it.",
    )
    copies = st.number_input(
        "Average every map over noisy copies",
        0,
        MOST_COPIES,
        0,
        key="smooth",
        bind="query-params",
        help="The smooth variant of the test (Hedström et al. 2024, with 50 copies), 0 for none, "
        "else at least 2. The noise's standard deviation is a tenth of the picture's range, and "
        "the last copy has none. As many times slower.",
    )
    fails = st.number_input(
        "A method fails from", 0.0, 1.0, FAILS, 0.01, key="fails", bind="query-params"
    )
    weak = st.number_input("It is weak from", 0.0, 1.0, WEAK, 0.01, key="weak", bind="query-params")
    try:
        smoothing = Smoothing(int(copies)) if copies else None
    except MethodError as error:
        st.error(plain(str(error)))
        smoothing = None
    try:
        thresholds = Thresholds(fails, weak)
    except MethodError as error:
        st.error(plain(str(error)))
        thresholds = Thresholds()
    return init, controls, smoothing, thresholds, target


def _other(row: Any, classified: Classified) -> Mapping[str, Any] | None:
    """The second model: one with the same input and as many classes."""
    own = str(classified.model["source"])
    size, classes = tuple(classified.facts["input_size"]), len(classified.class_names)
    fitting = [
        info.id
        for info in model_infos()
        if info.id != own and info.input_size == size and info.classes == classes
    ]
    usual = f"{own}-permuted-labels"
    fitting.sort(key=lambda name: name != usual)
    if not fitting:
        row.caption("No other model here has the same input and as many classes.")
        return None
    chosen = row.selectbox("Second model", fitting, key="other", bind="query-params", width=240)
    return {"source": chosen}
