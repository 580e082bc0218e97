"""A sanity check: the maps of every network that are not there yet, and their scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from xai_core.cache import Result
from xai_core.explainers.choices import Choice, completed, replaced, signed
from xai_core.explainers.registry import method
from xai_core.jobs import Task
from xai_core.randomization.layer_groups import Layer
from xai_core.randomization.steps import LABELS, TRAINED_LABEL, Step, Test
from xai_core.randomization.stored_maps import SCORES, map_key
from xai_core.randomization.sweep import TRAINED, Smoothing, State, alike
from xai_core.randomization.targets import PUBLISHED, target_of
from xai_core.tasks.explanations import CHEAP, OVERHEAD
from xai_core.tasks.models import Model, Subject
from xai_core.tasks.sanity import randomised, scored_again


@dataclass(frozen=True, eq=False)
class Inquiry:
    """Everything that decides a sanity check.

    Attributes:
        model: keywords of ``load_classifier``.
        fingerprint: the model's.
        size: (height, width) of its input.
        layers: what can be randomised, from output to input.
        subjects: the pictures.
        choices: the methods.
        test: which networks are compared.
        measures: by which measures.
        smoothing: noisy copies that every map is averaged over, or None.
        other: for the test "labels": keywords of the second model.
        other_fingerprint: its fingerprint.
        pictures: what the words mean that stand for pictures in settings.
        target: the class that destroyed networks explain, key of ``targets.TARGETS``.
    """

    model: Model
    fingerprint: str
    size: tuple[int, int]
    layers: Sequence[Layer]
    subjects: Sequence[Subject]
    choices: Sequence[Choice]
    test: Test
    measures: Sequence[str]
    smoothing: Smoothing | None = None
    other: Model | None = None
    other_fingerprint: str = ""
    pictures: Mapping[str, Subject] = field(default_factory=dict)
    target: str = PUBLISHED

    @cached_property
    def steps(self) -> list[Step]:
        """The trained network, then all others; the verdict's too, where they are not among them.

        These have the depth -1.
        """
        steps = [Step(0, TRAINED_LABEL, 0, TRAINED), *self.test.steps(self.layers)]
        if self.test.mode == LABELS:
            return steps
        known = {step.state for step in steps}
        return steps + [
            Step(-1, self.layers[0].name, state.seed, state)
            for state in self.test.last_alone(self.layers)
            if state not in known
        ]

    def settings(self, choice: Choice) -> dict[str, Any]:
        """All settings of a choice as they are computed, with words for pictures."""
        return alike(completed(choice, self.pictures))

    @cached_property
    def keys(self) -> dict[Step, dict[tuple[str, str], str]]:
        """Content keys of all maps, by step, and by column and hash of the picture."""
        hashes = {word: {"picture": one.hash} for word, one in self.pictures.items()}
        settings = {choice.id: replaced(self.settings(choice), hashes) for choice in self.choices}
        return {
            step: {
                (choice.id, subject.hash): map_key(
                    self.fingerprint,
                    self._network(step),
                    subject.hash,
                    subject.target,
                    choice.method,
                    settings[choice.id],
                    self.smoothing,
                    target_of(choice, self.target),
                )
                for choice in self.choices
                for subject in self.subjects
            }
            for step in self.steps
        }

    @property
    def trained(self) -> dict[tuple[str, str], str]:
        """Content keys of the trained network's maps."""
        return self.keys[self.steps[0]]

    def tasks(self, known: Callable[[str], bool]) -> list[Task]:
        """What to compute, in the order in which it is best seen: cheap methods first.

        Args:
            known: whether the map of a content key is there.
        """
        found = []
        for costly in (False, True):
            for step, keys in self.keys.items():
                missing = {pair for pair, key in keys.items() if not known(key)}
                for choices, subjects in self._groups(missing, costly):
                    found.append(self._task(step, choices, subjects))
        return found

    def scoring(self, find: Callable[[str], Result | None]) -> list[Task]:
        """What to score again: maps that are there, but not by all measures.

        Args:
            find: the map of a content key.
        """
        found = []
        for keys in self.keys.values():
            maps, facts, kinds = {}, {}, {}
            missing: set[str] = set()
            for pair, key in keys.items():
                after, before = find(key), find(self.trained[pair])
                if after is None or before is None or not (after.arrays and before.arrays):
                    continue
                lacking = [name for name in self.measures if name not in after.facts[SCORES]]
                if lacking:
                    missing.update(lacking)
                    maps[key] = (before.arrays["map"], after.arrays["map"])
                    facts[key] = after.facts
                    kinds[key] = self._signed[pair[0]]
            if maps:
                found.append(scored_again(maps, facts, self.size, kinds, sorted(missing)))
        return found

    @cached_property
    def _signed(self) -> dict[str, bool]:
        return {choice.id: signed(choice) for choice in self.choices}

    def _network(self, step: Step) -> State | str:
        labels = self.test.mode == LABELS and step.depth > 0
        return self.other_fingerprint if labels else step.state

    def _groups(
        self, missing: set[tuple[str, str]], costly: bool
    ) -> list[tuple[list[Choice], list[Subject]]]:
        """Choices that miss the same pictures go together; a costly one goes alone."""
        groups: dict[Any, tuple[list[Choice], list[Subject]]] = {}
        for choice in self.choices:
            if (self._cost(choice) > CHEAP) != costly:
                continue
            subjects = [one for one in self.subjects if (choice.id, one.hash) in missing]
            if subjects:
                hashes = tuple(one.hash for one in subjects)
                key = (hashes, choice.id if costly else "")
                groups.setdefault(key, ([], subjects))[0].append(choice)
        return list(groups.values())

    def _cost(self, choice: Choice) -> float:
        cost = method(choice.method).cost(self.settings(choice))
        return OVERHEAD + cost * (1 if self.smoothing is None else self.smoothing.copies)

    def _task(self, step: Step, choices: Sequence[Choice], subjects: Sequence[Subject]) -> Task:
        pixels = {word: one.pixels for word, one in self.pictures.items()}
        labels = self.test.mode == LABELS and step.depth > 0
        return randomised(
            self.model,
            subjects,
            {
                choice.id: {
                    "method": choice.method,
                    "settings": replaced(self.settings(choice), pixels),
                    "target": target_of(choice, self.target),
                }
                for choice in choices
            },
            step.state,
            self.measures,
            {c.id: [self.keys[step][c.id, one.hash] for one in subjects] for c in choices},
            smoothing=self.smoothing,
            other=self.other if labels else None,
            cost=len(subjects) * sum(self._cost(choice) for choice in choices),
            title=f"{step.layer}, seed {step.seed}" if step.depth else "Trained network",
        )
