"""What a sanity check is to compare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xai_core.cli.photos import Photo
from xai_core.cli.sweep import Network
from xai_core.explainers.choices import Choice
from xai_core.provenance import ModelFacts, Run
from xai_core.randomization import Layer
from xai_core.randomization.record import sanity_run
from xai_core.randomization.steps import LABELS, TRAINED_LABEL, Step, Test
from xai_core.randomization.sweep import TRAINED, Smoothing
from xai_core.randomization.targets import PUBLISHED
from xai_core.randomization.verdicts import VERDICT, Thresholds

if TYPE_CHECKING:
    from xai_core.models import Classifier

LAST = "last-layer"  # the networks of the verdict, where no test has them


@dataclass(frozen=True)
class Plan:
    """Everything that decides a sanity check, except pictures among the settings.

    Attributes:
        clf: the trained classifier.
        model: what ``run.json`` says of it.
        photos: the photos in front of it.
        choices: the methods, with all their settings.
        layers: what can be randomised, from output to input.
        tests: which networks are compared.
        measures: which scores are written.
        shows: what the compared maps show.
        smoothing: noisy copies that every map is averaged over, or None.
        thresholds: of the verdicts.
        other: for the test "labels", what ``--other`` says.
        other_fingerprint: the fingerprint of that model.
        target: the class that destroyed networks explain, key of ``targets.TARGETS``.
    """

    clf: Classifier
    model: ModelFacts
    photos: Sequence[Photo]
    choices: Sequence[Choice]
    layers: Sequence[Layer]
    tests: Sequence[Test]
    measures: Sequence[str]
    shows: Sequence[str]
    smoothing: Smoothing | None
    thresholds: Thresholds
    other: str = ""
    other_fingerprint: str = ""
    target: str = PUBLISHED

    @property
    def scored(self) -> list[str]:
        """The measures, and the one by which the verdict goes."""
        return list(dict.fromkeys([*self.measures, VERDICT[0]]))

    @property
    def steps(self) -> dict[str, list[tuple[Step, Network]]]:
        """By test, every step with its network; the trained one, of every seed, first."""
        found = {test.mode: self._steps(test) for test in self.tests}
        known = {network for steps in found.values() for _, network in steps}
        if not {network for _, network in self.last_alone} <= known:
            found[LAST] = self.last_alone
        return found

    @property
    def last_alone(self) -> list[tuple[Step, Network]]:
        """The networks of the verdict; none for the test "labels" alone."""
        test = next((test for test in self.tests if test.mode != LABELS), None)
        states = [] if test is None else test.last_alone(self.layers)
        return [(Step(1, self.layers[0].name, state.seed, state), state) for state in states]

    @property
    def networks(self) -> dict[Network, str]:
        """What people read of each network, the trained one first."""
        found: dict[Network, str] = {TRAINED: "trained network"}
        for name, steps in self.steps.items():
            for step, network in steps:
                found.setdefault(network, f"{name} {step.layer}, seed {step.seed}")
        return found

    def _steps(self, test: Test) -> list[tuple[Step, Network]]:
        steps = test.steps(self.layers)
        seeds = dict.fromkeys(step.seed for step in steps)
        trained = [Step(0, TRAINED_LABEL, seed, TRAINED) for seed in seeds]
        labels = test.mode == LABELS
        return [
            *((step, TRAINED) for step in trained),
            *((step, self.other_fingerprint if labels else step.state) for step in steps),
        ]


def recorded(plan: Plan, maps: bool) -> Run:
    """What decides the results.

    Args:
        plan: the sanity check.
        maps: whether all maps are written to a file.
    """
    other = {"source": plan.other, "fingerprint": plan.other_fingerprint} if plan.other else None
    images = [
        {
            "name": photo.name,
            "hash": photo.hash,
            "target": photo.target,
            "class": plan.clf.class_titles[photo.target],
        }
        for photo in plan.photos
    ]
    return sanity_run(
        plan.model,
        images,
        plan.choices,
        target=plan.target,
        tests=plan.tests,
        layers=plan.layers,
        measures=plan.measures,
        shows=plan.shows,
        smoothing=plan.smoothing,
        thresholds=plan.thresholds,
        other=other,
        maps=maps,
    )
