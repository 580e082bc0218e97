"""A sanity check: the maps of every network that are not there yet, and their scores."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from xai_core.cache import Cache, content_key
from xai_core.explainers.choices import Choice, completed, replaced, signed
from xai_core.explainers.foreign import stamped
from xai_core.explainers.registry import method
from xai_core.jobs import Task
from xai_core.randomization.layer_groups import Layer
from xai_core.randomization.steps import LABELS, TRAINED_LABEL, Step, Test
from xai_core.randomization.stored_maps import PROBLEM, SCORES, map_key
from xai_core.randomization.sweep import TRAINED, Smoothing, State, alike
from xai_core.randomization.targets import PUBLISHED, target_of
from xai_core.tasks.explanations import CHEAP, OVERHEAD
from xai_core.tasks.models import Model, Subject
from xai_core.tasks.sanity import run_randomised, run_scored_again

Place = tuple[str, int]


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

    @property
    def alone(self) -> list[Step]:
        """The networks of the verdict: the layer at the output alone is new, or all labels are."""
        if self.test.mode == LABELS:
            return self.steps[1:]
        return [step for step in self.steps if step.state.layers == (self.layers[0].name,)]

    def settings(self, choice: Choice) -> dict[str, Any]:
        """All settings of a choice as they are computed, with words for pictures."""
        return alike(completed(choice, self.pictures))

    @cached_property
    def keys(self) -> dict[Step, dict[Place, str]]:
        """Content keys of all maps, by step, and by column and number of the picture."""
        hashes = {word: {"picture": one.hash} for word, one in self.pictures.items()}
        settings = {choice.id: replaced(self.settings(choice), hashes) for choice in self.choices}
        return {
            step: {
                (choice.id, number): map_key(
                    self.fingerprint,
                    self._network(step),
                    subject.hash,
                    subject.target,
                    stamped(choice.method, choice.settings),
                    settings[choice.id],
                    self.smoothing,
                    target_of(choice, self.target),
                )
                for choice in self.choices
                for number, subject in enumerate(self.subjects)
            }
            for step in self.steps
        }

    @property
    def trained(self) -> dict[Place, str]:
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
                missing = {place for place, key in keys.items() if not known(key)}
                for choices, numbers in self._groups(missing, costly):
                    found.append(self._task(step, choices, numbers))
        return found

    def lacking(self, facts: Mapping[str, Mapping[str, Any]]) -> list[dict[Place, str]]:
        """Of every network, the maps that are there, but not scored by all measures.

        Args:
            facts: of the maps that are there, by content key.
        """
        there = {key for key, one in facts.items() if not one[PROBLEM]}
        trained = {place for place, key in self.trained.items() if key in there}
        found = [
            {
                place: key
                for place, key in keys.items()
                if place in trained and key in there and self._further([facts[key]])
            }
            for keys in self.keys.values()
        ]
        return [keys for keys in found if keys]

    def scoring(self, lacking: Mapping[Place, str], cache: Cache) -> Task | None:
        """Score maps by the measures that they lack; None where the cache has lost them.

        Args:
            lacking: maps of one network, from ``lacking``.
            cache: where all maps are.
        """
        maps, facts, kinds = {}, {}, {}
        for place, key in lacking.items():
            after, before = cache.get(key), cache.get(self.trained[place])
            if after is not None and before is not None:
                maps[key] = (before.arrays["map"], after.arrays["map"])
                facts[key] = after.facts
                kinds[key] = self._signed[place[0]]
        further = self._further(facts.values())
        if not maps:
            return None
        arguments = {
            "maps": maps,
            "facts": facts,
            "size": self.size,
            "signed": kinds,
            "measures": further,
        }
        task_key = content_key("scored again", sorted(maps), further)
        return Task(task_key, run_scored_again, arguments, float(len(maps)), "Comparing the maps")

    def _further(self, facts: Iterable[Mapping[str, Any]]) -> list[str]:
        """Measures by which one of some maps has not been scored."""
        return sorted({name for one in facts for name in self.measures if name not in one[SCORES]})

    @cached_property
    def _signed(self) -> dict[str, bool]:
        return {choice.id: signed(choice) for choice in self.choices}

    def _network(self, step: Step) -> State | str:
        labels = self.test.mode == LABELS and step.depth > 0
        return self.other_fingerprint if labels else step.state

    def _groups(
        self, missing: set[Place], costly: bool
    ) -> list[tuple[list[Choice], tuple[int, ...]]]:
        """Choices that miss the same pictures go together; a costly one goes alone."""
        groups: dict[Any, list[Choice]] = {}
        for choice in self.choices:
            if (self._cost(choice) > CHEAP) != costly:
                continue
            numbers = tuple(n for n in range(len(self.subjects)) if (choice.id, n) in missing)
            if numbers:
                groups.setdefault((numbers, choice.id if costly else ""), []).append(choice)
        return [(choices, numbers) for (numbers, _), choices in groups.items()]

    def _cost(self, choice: Choice) -> float:
        cost = method(choice.method).cost(self.settings(choice))
        return OVERHEAD + cost * (1 if self.smoothing is None else self.smoothing.copies)

    def _task(self, step: Step, choices: Sequence[Choice], numbers: Sequence[int]) -> Task:
        """Maps of some pictures by one network, each a part under its own key."""
        pixels = {word: one.pixels for word, one in self.pictures.items()}
        subjects = [self.subjects[number] for number in numbers]
        keys = {c.id: [self.keys[step][c.id, number] for number in numbers] for c in choices}
        labels = self.test.mode == LABELS and step.depth > 0
        arguments = {
            "model": dict(self.model),
            "images": [subject.pixels for subject in subjects],
            "targets": [subject.target for subject in subjects],
            "requests": {
                choice.id: {
                    "method": choice.method,
                    "settings": replaced(self.settings(choice), pixels),
                    "target": target_of(choice, self.target),
                }
                for choice in choices
            },
            "network": asdict(step.state),
            "measures": list(self.measures),
            "keys": keys,
            "smoothing": None if self.smoothing is None else asdict(self.smoothing),
            "other": dict(self.other) if labels and self.other is not None else None,
        }
        cost = len(numbers) * sum(self._cost(choice) for choice in choices)
        title = f"{step.layer}, seed {step.seed}" if step.depth else "Trained network"
        return Task(content_key("sanity task", keys), run_randomised, arguments, cost, title)
