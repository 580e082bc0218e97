"""What a sanity check is to compare, and how ``run.json`` tells it."""

from __future__ import annotations

import json
import platform
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from xai_core import __version__
from xai_core.classes import class_word
from xai_core.cli.photos import Photo
from xai_core.cli.sweep import Network
from xai_core.explainers.choices import Choice, assignments
from xai_core.provenance import LIBRARIES, ModelFacts
from xai_core.randomization import Layer
from xai_core.randomization.steps import LABELS, TRAINED_LABEL, Step, Test
from xai_core.randomization.sweep import TRAINED, Smoothing
from xai_core.randomization.targets import PUBLISHED, target_of
from xai_core.randomization.verdicts import Thresholds

if TYPE_CHECKING:
    from xai_core.models import Classifier

LAST = "last-layer"  # the networks of the verdict, where no test has them
VERDICT = ("ssim", "all")


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


def run_json(plan: Plan, out: str, extra: Sequence[str], seconds: Mapping[str, float]) -> bytes:
    """``run.json``: everything that decides the results, and the command that repeats them.

    Args:
        plan: the sanity check.
        out: the folder that was written to.
        extra: words of the command that decide which files are written.
        seconds: how long it took.
    """
    test = plan.tests[0]
    other = {"source": plan.other, "fingerprint": plan.other_fingerprint} if plan.other else None
    facts = {
        "product": {"name": "xai-workbench", "version": __version__},
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in (*LIBRARIES, "matplotlib")},
        "model": plan.model.described(),
        "other": other,
        "images": [_photo(plan, photo) for photo in plan.photos],
        "methods": [
            {
                "id": choice.id,
                "method": choice.method,
                "settings": dict(choice.settings),
                "target": target_of(choice, plan.target),
            }
            for choice in plan.choices
        ],
        "target": plan.target,
        "tests": [test.mode for test in plan.tests],
        "start": test.start,
        "init": test.init,
        "seeds": list(test.seeds),
        "layers": [asdict(layer) for layer in plan.layers],
        "measures": list(plan.measures),
        "show": list(plan.shows),
        "smoothing": None if plan.smoothing is None else asdict(plan.smoothing),
        "verdict": {"measure": VERDICT[0], "show": VERDICT[1], **asdict(plan.thresholds)},
        "command": shlex.join(_command(plan, out, extra)),
        "seconds": {name: round(value, 1) for name, value in seconds.items()},
    }
    return (json.dumps(facts, indent=1, ensure_ascii=False) + "\n").encode("utf-8")


def _photo(plan: Plan, photo: Photo) -> dict[str, Any]:
    return {
        "name": photo.name,
        "hash": photo.hash,
        "target": photo.target,
        "class": plan.clf.class_titles[photo.target],
    }


def _command(plan: Plan, out: str, extra: Sequence[str]) -> list[str]:
    """The arguments of ``python -m xai_core sanity-check`` that repeat this one."""
    test, limits = plan.tests[0], plan.thresholds
    words = ["python", "-m", "xai_core", "sanity-check", "--model", plan.model.source]
    for option, value in plan.model.options.items():
        words += [option, value]
    # The controls are among the methods.
    words += ["--methods", ",".join(choice.id for choice in plan.choices), "--no-controls"]
    for choice in plan.choices:
        for text in assignments(choice):
            words += ["--param", text]
    for photo in plan.photos:
        words += ["--target", class_word(photo.target, plan.model.class_names)]
    words += ["--target-class", plan.target]
    words += ["--tests", ",".join(test.mode for test in plan.tests)]
    words += ["--start", test.start, "--init", test.init, "--seeds", str(len(test.seeds))]
    words += ["--measures", ",".join(plan.measures), "--show", ",".join(plan.shows)]
    if plan.smoothing is not None:
        words += ["--smooth", str(plan.smoothing.copies)]
        words += ["--smooth-sigma", str(plan.smoothing.sigma)]
    if plan.other:
        words += ["--other", plan.other]
    words += ["--fails", str(limits.fails), "--weak", str(limits.weak)]
    return [*words, *extra, "--out", out, "--", *(photo.name for photo in plan.photos)]
