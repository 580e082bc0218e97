"""Every model that can be had by name, and the one way to load a model."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from xai_core.errors import ModelError
from xai_core.images import RESAMPLING
from xai_core.models.architectures import (
    parameter_count,
    timm_architecture,
    torchvision_names,
)
from xai_core.models.checkpoints import load_checkpoint
from xai_core.models.classifier import Classifier
from xai_core.models.outputs import OUTPUTS
from xai_core.models.pretrained import load_pretrained, load_timm, pretrained_facts
from xai_core.models.signatures import signatures
from xai_core.models.timm_models import (
    architecture_names,
    has_architecture,
    plain_name,
    timm_facts,
    timm_names,
)
from xai_core.places import ASSETS

PATTERNS = ".patterns.safetensors"  # ending of the file with patterns beside the weights

_NEEDED = ("architecture", "class_names", "input_size")


@dataclass(frozen=True)
class ModelInfo:
    """What people choose a model by.

    Attributes:
        id: what ``load_classifier`` takes.
        title: the name that people read.
        source: "embedded", "torchvision" or "timm".
        classes: number of classes.
        input_size: (height, width) in pixels.
        parameters: number of weights.
        accuracy: top-1 on its own validation pictures in percent, or None.
        size_mb: size of the weights file in megabytes (10^6 bytes).
        local: whether the weights are on this machine.
        note: one sentence about what to know, or "".
    """

    id: str
    title: str
    source: str
    classes: int
    input_size: tuple[int, int]
    parameters: int
    accuracy: float | None
    size_mb: float
    local: bool
    note: str


def available_models() -> list[ModelInfo]:
    """The embedded models, then torchvision's and timm's classifiers; reads no weights."""
    embedded = [_embedded_info(file) for file in _embedded().values()]
    libraries = [_torchvision_info(name) for name in torchvision_names()]
    return embedded + libraries + [_timm_info(name) for name in timm_names()]


def named_like(models: Iterable[ModelInfo], words: Iterable[str]) -> list[ModelInfo]:
    """Those in whose id or title all the words are found, in any case."""
    wanted = [word.lower() for word in words]
    return [
        one for one in models if all(word in f"{one.id} {one.title}".lower() for word in wanted)
    ]


def load_classifier(
    source: str | Path,
    *,
    architecture: str | None = None,
    class_names: Sequence[str] | None = None,
    input_size: tuple[int, int] | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    crop: float | None = None,
    resample: str | None = None,
    outputs: str | None = None,
    transform_input: bool | None = None,
) -> Classifier:
    """A model by its registry id, or from a checkpoint file.

    Args:
        source: id from ``available_models``, or path of a checkpoint. A file ``<name>.json``
            beside ``<name>.safetensors`` tells the facts that are not given here, a file
            ``<name>.patterns.safetensors`` holds patterns for PatternAttribution.
        architecture: key of ``ARCHITECTURES`` or name of a torchvision classifier.
        class_names: one readable name per logit.
        input_size: (height, width) in pixels.
        mean: per-channel mean of pictures in [0, 1].
        std: per-channel standard deviation.
        crop: share of the shorter side that the centre crop keeps; 1 if nothing tells it.
        resample: as in ``Classifier``, and so the next.
        outputs: what makes probabilities of the scores.
        transform_input: as in ``load_checkpoint``.

    Raises:
        ModelError: an unknown id, a fact that is missing, or given for a model that brings its
            own, or a file that cannot be used.
    """
    given = {
        "architecture": architecture,
        "class_names": class_names,
        "input_size": input_size,
        "mean": mean,
        "std": std,
        "crop": crop,
        "resample": resample,
        "outputs": outputs,
        "transform_input": transform_input,
    }
    given = {key: value for key, value in given.items() if value is not None}
    name, path = str(source), Path(source)
    brought = _by_id(name)
    if brought is not None:
        if given:
            raise ModelError(f"The model '{name}' brings its own {', '.join(given)}; leave it out.")
        return brought()
    if path.is_file():
        return _from_file(path, given)
    if len(path.parts) == 1 and has_architecture(name):
        raise ModelError(_which_weights(name))
    if path.suffix or len(path.parts) > 1:
        raise ModelError(f"There is no file {path}.")
    names = [*_embedded(), *torchvision_names(), *architecture_names()]
    similar = difflib.get_close_matches(name, names, n=3, cutoff=0.4)
    hint = f" Similar names: {', '.join(similar)}." if similar else ""
    raise ModelError(f"There is no model '{name}'.{hint}")


def _by_id(name: str) -> Callable[[], Classifier] | None:
    """What loads the model of that id; None if there is none."""
    embedded = _embedded()
    if name in embedded:
        return partial(_from_file, embedded[name], {})
    if name in torchvision_names():
        return partial(load_pretrained, name)
    if "." in name and name in timm_names():
        return partial(load_timm, name)
    return None


def _which_weights(name: str) -> str:
    """A sentence for an architecture of timm where weights were wanted."""
    tags = [one for one in timm_names() if plain_name(one) == plain_name(name)]
    if not tags:
        return f"timm has no ImageNet weights for {plain_name(name)}; give a checkpoint."
    return f"There are no weights '{name}'; for {plain_name(name)} timm has {', '.join(tags)}."


def weights_stamp(source: str | Path) -> str:
    """A text that changes when the file behind a model, or the facts beside it, change.

    Args:
        source: as in ``load_classifier``; it need not exist.
    """
    name = str(source)
    path = _embedded().get(name, Path(source))
    if name in torchvision_names():
        path = pretrained_facts(name).file
    elif "." in name and not path.is_file() and name in timm_names():
        path = timm_facts(name).file or path
    stamps = []
    # A folder without a name of its own, such as ".", has nothing beside it.
    endings = (path.suffix, ".json", PATTERNS) if path.name else ()
    for file in (path.with_suffix(ending) for ending in endings):
        facts = file.stat() if file.is_file() else None
        stamps.append("none" if facts is None else f"{facts.st_size} {facts.st_mtime_ns}")
    return ", ".join(stamps)


def _embedded() -> dict[str, Path]:
    """Id -> weights file of the models in ``ASSETS``."""
    files = sorted(ASSETS.glob("*.safetensors"), key=lambda file: file.stem)
    return {file.stem: file for file in files if file.with_suffix(".json").is_file()}


def _from_file(path: Path, given: Mapping[str, Any]) -> Classifier:
    beside = path.with_suffix(".json")
    facts = _read_facts(beside) if beside.is_file() else {}
    facts = {**facts, **given}
    missing = [key for key in _NEEDED if not facts.get(key)]
    if missing:
        raise ModelError(f"{path.name} does not say its {', '.join(missing)}; give it too.")
    clf = load_checkpoint(
        path,
        facts["architecture"],
        facts["class_names"],
        tuple(facts["input_size"]),
        facts.get("mean"),
        facts.get("std"),
        facts.get("title"),
        facts.get("crop", 1.0),
        resample=facts.get("resample", "bilinear"),
        outputs=facts.get("outputs"),
        transform_input=facts.get("transform_input"),
    )
    patterns = path.with_suffix(PATTERNS)
    clf.patterns_file = patterns if patterns.is_file() else None
    return clf


def _read_facts(file: Path) -> dict[str, Any]:
    """A model's JSON, whose types are checked because anyone may have written it.

    Raises:
        ModelError: not JSON, or a fact of the wrong kind; the sentence names it.
    """
    try:
        facts = json.loads(file.read_text(encoding="utf-8-sig"))
    except (ValueError, OSError, RecursionError) as error:
        raise ModelError(f"{file.name} is not a JSON file.") from error
    if not isinstance(facts, dict):
        raise ModelError(f"{file.name} must hold an object with the model's facts.")
    for key, good in _KINDS.items():
        if facts.get(key) is not None and not good(facts[key]):
            raise ModelError(f"{file.name}: '{key}' is not what it should be.")
    return facts


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_list(value: object, kind: type, length: int | None = None) -> bool:
    return (
        isinstance(value, list)
        and (length is None or len(value) == length)
        and all(_is_number(v) if kind is float else type(v) is kind for v in value)
    )


_KINDS: dict[str, Callable[[Any], bool]] = {
    "architecture": lambda v: isinstance(v, str),
    "class_names": lambda v: _is_list(v, str),
    "input_size": lambda v: _is_list(v, int, 2),
    "mean": lambda v: _is_list(v, float, 3),
    "std": lambda v: _is_list(v, float, 3),
    "crop": _is_number,
    "resample": lambda v: v in tuple(RESAMPLING),
    "outputs": lambda v: v in OUTPUTS,
    "transform_input": lambda v: isinstance(v, bool),
    "title": lambda v: isinstance(v, str),
    "metrics": lambda v: isinstance(v, dict) and _is_number(v.get("top1", 0)),
}


def _embedded_info(file: Path) -> ModelInfo:
    facts = _read_facts(file.with_suffix(".json"))
    missing = [key for key in _NEEDED if not facts.get(key)]
    if missing:
        raise ModelError(f"{file.with_suffix('.json').name} does not say {', '.join(missing)}.")
    top1 = (facts.get("metrics") or {}).get("top1")
    return ModelInfo(
        id=file.stem,
        title=facts.get("title") or file.stem,
        source="embedded",
        classes=len(facts["class_names"]),
        input_size=(facts["input_size"][0], facts["input_size"][1]),
        parameters=parameter_count(facts["architecture"], len(facts["class_names"])),
        accuracy=None if top1 is None else round(100 * top1, 2),
        size_mb=round(file.stat().st_size / 1e6, 1),
        local=True,
        note="",
    )


def _torchvision_info(name: str) -> ModelInfo:
    facts = pretrained_facts(name)
    local = facts.file.is_file()
    note = "" if local else f"{facts.size_mb:.0f} MB are downloaded at first use."
    return ModelInfo(
        id=name,
        title=name,
        source="torchvision",
        classes=len(facts.class_names),
        input_size=facts.input_size,
        parameters=facts.parameters,
        accuracy=facts.accuracy,
        size_mb=facts.size_mb,
        local=local,
        note=note,
    )


def _timm_info(name: str) -> ModelInfo:
    facts = timm_facts(name)
    architecture = timm_architecture(name)
    known = signatures().get(architecture)
    parameters = (
        known.parameters(facts.classes) if known else parameter_count(architecture, facts.classes)
    )
    size_mb = round(4 * parameters / 1e6, 1)
    local = facts.file is not None
    return ModelInfo(
        id=name,
        title=name,
        source="timm",
        classes=facts.classes,
        input_size=facts.input_size,
        parameters=parameters,
        accuracy=facts.accuracy,
        size_mb=size_mb,
        local=local,
        note="" if local else f"{size_mb:.0f} MB are downloaded at first use.",
    )
