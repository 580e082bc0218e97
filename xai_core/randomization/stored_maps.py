"""Maps of randomised networks as they are kept, one by one, by everything that decides them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from xai_core.cache import Result, content_key
from xai_core.export import safe_name
from xai_core.randomization.collapse import collapse
from xai_core.randomization.scores import Scores, plain
from xai_core.randomization.steps import TRAINED_LABEL, Step
from xai_core.randomization.sweep import TRAINED, Map, Smoothing, State
from xai_core.randomization.targets import FIXED

PROBLEM, SCORES, FLOORS, COLLAPSE = "problem", "scores", "floors", "collapse"
BATCH, SECONDS = "batch", "seconds"


def map_key(
    fingerprint: str,
    network: State | str,
    image: str,
    target: int,
    method: str,
    settings: Mapping[str, Any],
    smoothing: Smoothing | None,
    explained: str = FIXED,
) -> str:
    """Content key of one map.

    Args:
        fingerprint: of the trained model.
        network: which layers are new, or the fingerprint of another model.
        image: content hash of the picture.
        target: index of the class that the trained network explains.
        method: id of the method.
        settings: all its settings, with hashes for pictures.
        smoothing: noisy copies that the map is averaged over.
        explained: "fixed" if this network explains the same class, "predicted" if its own; the
            trained network's maps are the same for both.
    """
    own = FIXED if network == TRAINED else explained
    named = network if isinstance(network, str) else asdict(network)
    noise = None if smoothing is None else asdict(smoothing)
    return content_key(
        *("sanity", fingerprint, named, image, target, own, method, dict(settings), noise)
    )


def stored_map(found: Map | str, scored: Scores, batch: Sequence[str]) -> Result:
    """One map with its scores; without either where the method failed.

    Args:
        found: the map, or why there is none.
        scored: how much it resembles the trained network's.
        batch: content keys of all maps that were computed together.
    """
    problem = found if isinstance(found, str) else ""
    arrays = {} if isinstance(found, str) else {"map": found.astype(np.float32)}
    state = "" if isinstance(found, str) else collapse(found)
    facts = {PROBLEM: problem, COLLAPSE: state, SCORES: plain(scored), BATCH: list(batch)}
    return Result(arrays, facts)


def map_name(test: str, step: Step, picture: str, column: str) -> str:
    """What a map is called in an archive: ``cascading/seed0/01_fc/cat__saliency``.

    Args:
        test: id of the test; the trained network's maps are the same in all.
        step: the network.
        picture: one of ``picture_stems``.
        column: id of the method's column.
    """
    layer = f"{step.depth:02}_{safe_name(step.layer)}"
    place = f"{test}/seed{step.seed}/{layer}" if step.depth else TRAINED_LABEL
    return f"{place}/{picture}__{column}"
