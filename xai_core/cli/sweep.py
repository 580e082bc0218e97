"""Maps of the same photos by many networks: each is computed once, kept, and scored when asked."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from xai_core.cache import Result
from xai_core.cli.meter import Meter
from xai_core.cli.photos import Photo
from xai_core.errors import DataError
from xai_core.explainers import method
from xai_core.explainers.choices import Choice, replaced, signed
from xai_core.heatmaps import SHOWS
from xai_core.images import image_hash
from xai_core.progress import listening
from xai_core.randomization.check import compared
from xai_core.randomization.scores import floors
from xai_core.randomization.stored_maps import FLOORS, PROBLEM, SCORES, map_key, stored_map
from xai_core.randomization.sweep import (
    TRAINED,
    Map,
    Request,
    Smoothing,
    State,
    Sweep,
    requests_for,
)
from xai_core.randomization.targets import PUBLISHED, target_of
from xai_core.tasks.models import with_tensors

if TYPE_CHECKING:
    from PIL import Image

    from xai_core.cache import Cache
    from xai_core.models import Classifier

CHEAP = 12.0  # passes of a picture; a dearer method is computed and kept by itself
SCORING = 1.0  # passes that take about as long as the scores of a map
BATCH, SECONDS = "batch", "seconds"

Network = State | str
Place = tuple[Network, str, int]


@dataclass(frozen=True)
class _Unit:
    """A network with methods whose maps are computed together, and lost together."""

    network: Network
    title: str
    choices: tuple[Choice, ...]


class KeptSweep:
    """Photos by methods by networks; what is kept already is not computed again.

    Args:
        clf: the trained classifier.
        photos: the photos in front of it.
        choices: the methods, with all their settings.
        pictures: what the words among the settings mean that stand for pictures.
        networks: what people read of each network; the trained one first. Another model than
            ``clf`` and its randomised versions goes by its fingerprint.
        measures: which scores are wanted.
        cache: where maps and scores are kept.
        smoothing: noisy copies that every map is averaged over, or None.
        other: the other model, if there is one.
        target: the class that destroyed networks explain, key of ``targets.TARGETS``.
    """

    def __init__(
        self,
        clf: Classifier,
        photos: Sequence[Photo],
        choices: Sequence[Choice],
        pictures: Mapping[str, Image.Image],
        networks: Mapping[Network, str],
        measures: Sequence[str],
        cache: Cache,
        smoothing: Smoothing | None = None,
        other: Classifier | None = None,
        target: str = PUBLISHED,
    ) -> None:
        self._clf, self._other, self._cache = clf, other, cache
        self._photos, self._choices, self._networks = photos, choices, networks
        self._measures, self._smoothing = measures, smoothing
        hashes = {word: {"picture": image_hash(image)} for word, image in pictures.items()}
        arrays = {word: np.asarray(image) for word, image in pictures.items()}
        self._settings = {c.id: replaced(c.settings, hashes) for c in choices}
        self._explained = {choice.id: target_of(choice, target) for choice in choices}
        self._requests = {c.id: _request(clf, c, arrays, self._explained[c.id]) for c in choices}
        self._methods = {choice.id: choice.method for choice in choices}
        self._signed = {choice.id: signed(choice) for choice in choices}
        self._trained: dict[tuple[str, int], Map | str] = {}
        self._sweep: tuple[tuple[int, ...], Sweep] | None = None
        self._facts = dict(self._found())

    @property
    def seconds(self) -> float:
        """How long it took to compute and to score all that is kept of this run."""
        return sum(float(facts[SECONDS]) for facts in self._facts.values())

    def complete(self) -> None:
        """Compute and score what is missing; every network is kept as soon as it is finished."""
        units = list(self._units())
        meter = Meter([self._cost(unit) for unit in units])
        for unit in units:
            if not self._cost(unit):
                meter.skip(f"{unit.title}, already there")
                continue
            # The networks count here, not the passes of their methods.
            with meter.step(unit.title), listening(lambda share: None):
                self._compute(unit)
                self._score_again(unit)

    def facts(self, network: Network, column: str, photo: int) -> Mapping[str, Any]:
        """Facts of one map: problem, scores by measure and show; floors of a trained one's."""
        return self._facts[network, column, photo]

    def map(self, network: Network, column: str, photo: int) -> Map | str:
        """One map [C, h, w], or the sentence that says why there is none.

        Raises:
            DataError: it could not be kept, or is gone.
        """
        return _map_of(self._result((network, column, photo)))

    def _result(self, place: Place) -> Result:
        result = self._cache.get(self._key(place))
        if result is None:
            raise DataError(
                f"A result that was kept in {self._cache.folder} is gone, or could not be "
                "written; the same command computes it again."
            )
        return result

    def _found(self) -> Iterator[tuple[Place, dict[str, Any]]]:
        """What is there already; it is read, because a damaged file counts as missing."""
        for network in self._networks:
            for place in self._places(network, self._choices):
                result = self._cache.get(self._key(place))
                if result is not None:
                    yield place, _remembered(result.facts)

    def _places(self, network: Network, choices: Sequence[Choice]) -> list[Place]:
        numbers = range(len(self._photos))
        return [(network, choice.id, number) for choice in choices for number in numbers]

    def _key(self, place: Place) -> str:
        network, column, number = place
        photo = self._photos[number]
        return map_key(
            self._clf.fingerprint,
            network,
            photo.hash,
            photo.target,
            self._methods[column],
            self._settings[column],
            self._smoothing,
            self._explained[column],
        )

    def _units(self) -> Iterator[_Unit]:
        """Cheap methods first, together; then each of the others by itself."""
        dear = [c for c in self._choices if method(c.method).cost(c.settings) > CHEAP]
        cheap = tuple(choice for choice in self._choices if choice not in dear)
        for network, title in self._networks.items():
            if cheap:
                yield _Unit(network, title, cheap)
        for network, title in self._networks.items():
            for choice in dear:
                yield _Unit(network, f"{title}: {choice.id}", (choice,))

    def _cost(self, unit: _Unit) -> float:
        """Passes that are still to do, the scores included."""
        copies = 1 if self._smoothing is None else self._smoothing.copies
        cost = 0.0
        for choice in unit.choices:
            each = SCORING + copies * method(choice.method).cost(choice.settings)
            for place in self._places(unit.network, [choice]):
                known = place in self._facts
                cost += SCORING * bool(self._lacking(place)) if known else each
        return cost

    def _compute(self, unit: _Unit) -> None:
        while batches := self._batches(unit):
            for batch, choices in batches.items():
                began = time.perf_counter()
                maps = self._maps(unit.network, batch, choices)
                seconds = (time.perf_counter() - began) / (len(batch) * len(choices))
                for choice in choices:
                    places = [(unit.network, choice.id, number) for number in batch]
                    keys = [self._key(place) for place in places]
                    for place, found in zip(places, maps[choice.id], strict=True):
                        if place not in self._facts:
                            self._keep(place, found, seconds, keys)

    def _batches(self, unit: _Unit) -> dict[tuple[int, ...], list[Choice]]:
        """Methods that have maps to compute, by the photos that are computed together."""
        found: dict[tuple[int, ...], list[Choice]] = {}
        for choice in unit.choices:
            batch = self._batch(self._places(unit.network, [choice]))
            if batch:
                found.setdefault(batch, []).append(choice)
        return found

    def _batch(self, places: Sequence[Place]) -> tuple[int, ...]:
        """The photos to compute for one method: those that are missing.

        Where an interrupted run has kept some of a batch, it is the whole batch again: the last
        digits of a map depend on how many pictures are computed at once.
        """
        missing = [place for place in places if place not in self._facts]
        numbers = {self._key(place): place[2] for place in places}
        for place in places if missing else ():
            kept = self._cache.get(self._key(place)) if place in self._facts else None
            batch = [] if kept is None else kept.facts.get(BATCH, [])
            if set(batch) <= set(numbers) and self._key(missing[0]) in batch:
                return tuple(numbers[key] for key in batch)
        return tuple(place[2] for place in missing)

    def _maps(
        self, network: Network, batch: tuple[int, ...], choices: Sequence[Choice]
    ) -> dict[str, list[Map | str]]:
        if self._sweep is None or self._sweep[0] != batch:
            x = torch.cat([self._photos[number].x for number in batch])
            targets = [self._photos[number].target for number in batch]
            self._sweep = (batch, Sweep(self._clf, x, targets, self._smoothing))
        sweep = self._sweep[1]
        if isinstance(network, State):
            clf = self._clf if network == TRAINED else sweep.network(network)
        else:
            clf = self._other or self._clf
        requests = {choice.id: self._requests[choice.id] for choice in choices}
        return sweep.maps(clf, requests_for(requests, network))

    def _keep(self, place: Place, found: Map | str, seconds: float, batch: list[str]) -> None:
        began = time.perf_counter()
        network, column, number = place
        if network == TRAINED:
            self._trained[column, number] = found
        result = self._scored(place, found, self._measures)
        result.facts[BATCH] = batch
        result.facts[SECONDS] = seconds + time.perf_counter() - began
        self._cache.put(self._key(place), result)
        self._facts[place] = _remembered(result.facts)

    def _scored(self, place: Place, found: Map | str, measures: Sequence[str]) -> Result:
        network, column, number = place
        if (column, number) not in self._trained:
            self._trained[column, number] = self.map(TRAINED, column, number)
        before, size = self._trained[column, number], self._clf.input_size
        scored, _ = compared(before, found, size, self._signed[column], measures, SHOWS)
        result = stored_map(found, scored, 0.0)
        if network == TRAINED and not isinstance(found, str):
            result.facts[FLOORS] = floors(found, size, self._signed[column], measures)
        return result

    def _lacking(self, place: Place) -> list[str]:
        """Measures by which a kept map has not been scored."""
        return [name for name in self._measures if name not in self._facts[place][SCORES]]

    def _score_again(self, unit: _Unit) -> None:
        for place in self._places(unit.network, unit.choices):
            lacking = self._lacking(place)
            if not lacking:
                continue
            began = time.perf_counter()
            kept = self._result(place)
            more = self._scored(place, _map_of(kept), lacking).facts
            kept.facts[SCORES] |= more[SCORES]
            if FLOORS in more:
                kept.facts[FLOORS]["noise"] |= more[FLOORS]["noise"]
            kept.facts[SECONDS] += time.perf_counter() - began
            self._cache.put(self._key(place), kept)
            self._facts[place] = _remembered(kept.facts)


def _map_of(result: Result) -> Map | str:
    return str(result.facts[PROBLEM]) or result.arrays["map"]


def _remembered(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Facts without the batch's keys, which are many."""
    return {name: value for name, value in facts.items() if name != BATCH}


def _request(clf: Classifier, choice: Choice, arrays: Mapping[str, Any], explained: str) -> Request:
    settings = with_tensors(clf, replaced(choice.settings, arrays))
    return Request(choice.method, method(choice.method).settings(settings), explained)
