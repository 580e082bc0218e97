"""Maps of randomised networks, with their scores against the trained network's."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from cachetools import LRUCache
from numpy.typing import NDArray

from xai_core.cache import Result, content_key
from xai_core.explainers import method as find_method
from xai_core.explainers.choices import Choice
from xai_core.explainers.choices import signed as is_signed
from xai_core.heatmaps import SHOWS
from xai_core.jobs import Task
from xai_core.models.registry import weights_stamp
from xai_core.progress import listening
from xai_core.randomization import randomizable_layers
from xai_core.randomization.check import compared
from xai_core.randomization.scores import floors, plain
from xai_core.randomization.stored_maps import FLOORS, SCORES, SECONDS, stored_map
from xai_core.randomization.sweep import (
    TRAINED,
    Map,
    Request,
    Smoothing,
    State,
    Sweep,
    requests_for,
)
from xai_core.randomization.targets import FIXED
from xai_core.tasks.models import Model, classifier, model_pixels, with_tensors

# Two, so that two users who take turns do not drop each other's.
SWEEPS_KEPT = 2

Requests = Mapping[str, Mapping[str, Any]]


@dataclass
class _Kept:
    """A sweep, and what its trained network gave so far, by content key of the request."""

    sweep: Sweep
    trained: dict[str, list[Map | str]] = field(default_factory=dict)


_sweeps: LRUCache[str, _Kept] = LRUCache(SWEEPS_KEPT)


def describe_layers(model: Model) -> Task:
    """What can be randomised in a model.

    Args:
        model: keywords of ``load_classifier``.
    """
    key = content_key("describe layers", dict(model), weights_stamp(model["source"]))
    return Task(key, run_describe_layers, {"model": dict(model)}, title="Reading the layers")


def run_describe_layers(model: dict[str, Any]) -> Result:
    """Fact "layers": [name, [parameters]] of what can be randomised, from output to input."""
    layers = randomizable_layers(classifier(model))
    return Result(facts={"layers": [[layer.name, list(layer.parameters)] for layer in layers]})


def run_randomised(
    model: dict[str, Any],
    images: list[NDArray[np.generic]],
    targets: list[int],
    requests: Requests,
    network: dict[str, Any],
    measures: list[str],
    keys: Mapping[str, Sequence[str]],
    smoothing: dict[str, Any] | None = None,
    other: dict[str, Any] | None = None,
) -> Result:
    """Explain pictures by one network and compare the maps with the trained network's.

    Args:
        model: keywords of ``load_classifier``.
        images: pictures in one of the forms of ``run_explain``.
        targets: explained class of each.
        requests: "method", "settings" and "target" (see ``Request``; "fixed" if not given) of
            every column, by its name.
        network: fields of the ``State``; the defaults are the trained network.
        measures: measures of ``randomization.scores``.
        keys: content key of every picture's map, by column.
        smoothing: fields of ``Smoothing``, or None.
        other: keywords of the model to compare with instead, or None.

    Returns:
        Parts by content key: array "map", float32 [C, h, w] (missing where the method failed);
        facts problem, seconds, scores by measure and show, None where undefined, and batch, the
        keys of the maps that were computed together. Those of the trained network have the fact
        floors too: what random maps reach there.
    """
    clf = classifier(model)
    noise = None if smoothing is None else Smoothing(**smoothing)
    key = content_key(id(clf), images, targets, smoothing)
    if key not in _sweeps:
        x = torch.cat([model_pixels(clf, image) for image in images])
        _sweeps[key] = _Kept(Sweep(clf, x, targets, noise))
    kept = _sweeps[key]
    state = State(**{**network, "layers": tuple(network.get("layers", ()))})
    asked = {name: _request(clf, given) for name, given in requests.items()}
    with listening(lambda share: None):  # to the methods: the networks count, not their passes
        began = time.perf_counter()
        trained = _trained(kept, clf, asked)
        if other is not None or state != TRAINED:
            began = time.perf_counter()
        if other is not None:
            second = classifier(other)
            maps = kept.sweep.maps(second, requests_for(asked, second.fingerprint))
        elif state == TRAINED:
            maps = trained
        else:
            maps = kept.sweep.maps(kept.sweep.network(state), requests_for(asked, state))
    parts: dict[str, Result] = {}
    for name, found in maps.items():
        signed = is_signed(Choice(asked[name].method, asked[name].settings))
        for before, after, number in zip(trained[name], found, keys[name], strict=True):
            scored, _ = compared(before, after, clf.input_size, signed, measures, SHOWS)
            # The last digits of a map depend on how many pictures are computed at once.
            parts[number] = stored_map(after, scored, keys[name])
            if after is before and not isinstance(before, str):
                parts[number].facts[FLOORS] = floors(before, clf.input_size, signed, measures)
    for one in parts.values():
        one.facts[SECONDS] = (time.perf_counter() - began) / len(parts)
    return Result(parts=parts)


def run_scored_again(
    maps: Mapping[str, tuple[Map, Map]],
    facts: Mapping[str, Mapping[str, Any]],
    size: Sequence[int],
    signed: Mapping[str, bool],
    measures: list[str],
) -> Result:
    """Score maps that are there by further measures.

    Args:
        maps: the trained network's and the other map [C, h, w], by content key of the other.
        facts: what is known about each so far.
        size: (height, width) of the model's input.
        signed: whether the method is.
        measures: the further measures.

    Returns:
        Parts as from ``run_randomised``, with the former scores and the new ones.
    """
    height, width = size
    parts: dict[str, Result] = {}
    for key, (before, after) in maps.items():
        scored, _ = compared(before, after, (height, width), signed[key], measures, SHOWS)
        known = dict(facts[key])
        known[SCORES] = {**known[SCORES], **plain(scored)}
        if FLOORS in known:
            more = floors(before, (height, width), signed[key], measures)
            known[FLOORS] = {**known[FLOORS], "noise": {**known[FLOORS]["noise"], **more["noise"]}}
        parts[key] = Result({"map": after}, known)
    return Result(parts=parts)


def _request(clf: Any, given: Mapping[str, Any]) -> Request:
    settings = with_tensors(clf, given["settings"])
    checked = find_method(given["method"]).settings(settings)
    return Request(given["method"], checked, given.get("target", FIXED))


def _trained(kept: _Kept, clf: Any, asked: Mapping[str, Request]) -> dict[str, list[Map | str]]:
    """The trained network's maps, computed for those columns that have not been asked before."""
    names = {name: content_key(r.method, dict(r.settings)) for name, r in asked.items()}
    missing = {name: r for name, r in asked.items() if names[name] not in kept.trained}
    if missing:
        for name, maps in kept.sweep.maps(clf, requests_for(missing, TRAINED)).items():
            kept.trained[names[name]] = maps
    return {name: kept.trained[key] for name, key in names.items()}
