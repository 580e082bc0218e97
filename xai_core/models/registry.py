"""Every model that can be had by name, and the one way to load a model."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from xai_core.errors import ModelError
from xai_core.models import brought_models, hugging_face
from xai_core.models.architectures import (
    parameter_count,
    timm_architecture,
    torchvision_names,
)
from xai_core.models.classifier import Classifier
from xai_core.models.model_facts import embedded, embedded_file, file_stamp, read_facts
from xai_core.models.own_checkpoints import load_checkpoint
from xai_core.models.pretrained import any_here, load_pretrained, load_timm, pretrained_facts
from xai_core.models.signatures import signatures
from xai_core.models.timm_models import (
    architecture_names,
    has_architecture,
    plain_name,
    timm_facts,
    timm_names,
    timm_names_here,
)

PATTERNS = ".patterns.safetensors"  # ending of the file with patterns beside the weights

_NEEDED = ("architecture", "class_names", "input_size")  # of the embedded models
_FACTS = (
    *("architecture", "class_names", "mean", "std", "crop", "resample", "squash", "outputs"),
    *("transform_input", "weights", "head_activation"),
)


@dataclass(frozen=True)
class ModelInfo:
    """What people choose a model by.

    Attributes:
        id: what ``load_classifier`` takes.
        title: the name that people read.
        source: "embedded", "brought", "torchvision" or "timm".
        classes: number of classes; None where only loading it would tell, and so the next two.
        input_size: (height, width) in pixels.
        parameters: number of weights.
        accuracy: top-1 on its own validation pictures in percent, or None.
        size_mb: size of the weights file in megabytes (10^6 bytes), or None.
        local: whether the weights are on this machine.
        note: one sentence about what to know, or "".
    """

    id: str
    title: str
    source: str
    classes: int | None
    input_size: tuple[int, int] | None
    parameters: int | None
    accuracy: float | None
    size_mb: float | None
    local: bool
    note: str


def available_models() -> list[ModelInfo]:
    """The embedded models, those that were brought, torchvision's and timm's classifiers.

    No weights are read, and nothing of ``brought_models`` is built.
    """
    torchvision = [_torchvision_info(name) for name in torchvision_names()]
    return _own_infos() + torchvision + [_timm_info(name) for name in timm_names()]


def models_here() -> list[ModelInfo]:
    """Those of ``available_models`` whose weights are on this machine; sooner than all."""
    names = torchvision_names() if any_here() else []
    here = [info for info in map(_torchvision_info, names) if info.local]
    return _own_infos() + here + [_timm_info(name) for name in timm_names_here()]


def model_info(name: str) -> ModelInfo | None:
    """The one of ``available_models`` with that id, or None."""
    own = next((info for info in _own_infos() if info.id == name), None)
    if own is not None:
        return own
    if name in torchvision_names():
        return _torchvision_info(name)
    return _timm_info(name) if _is_timm(name) else None


def _own_infos() -> list[ModelInfo]:
    return [_embedded_info(file) for file in embedded().values()] + _brought_infos()


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
    class_names: Sequence[str] | str | None = None,
    input_size: tuple[int, int] | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    crop: float | None = None,
    resample: str | None = None,
    outputs: str | None = None,
    transform_input: bool | None = None,
    squash: bool | None = None,
    weights: str | None = None,
    head_activation: str | None = None,
) -> Classifier:
    """A model by its registry id, or from a checkpoint file.

    Args:
        source: id from ``available_models``, or path of a checkpoint, or of a folder of Hugging
            Face's (``hugging_face``). A file ``<name>.json`` beside ``<name>.safetensors`` tells
            the facts that are not given here, a file ``<name>.patterns.safetensors`` holds
            patterns for PatternAttribution.
        architecture: of a checkpoint, as in ``load_checkpoint``, and so all that follow.
        class_names: one readable name per logit, or the word "imagenet-1k".
        input_size: (height, width) in pixels.
        mean: per-channel mean of pictures in [0, 1].
        std: per-channel standard deviation.
        crop: share of the shorter side that the centre crop keeps.
        resample: how pictures are resized.
        outputs: what makes probabilities of the scores.
        transform_input: whether a GoogLeNet or Inception v3 converts its input.
        squash: whether pictures lose their proportions.
        weights: which of several sets of weights.
        head_activation: the activation between the layers of a replaced head.

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
        "squash": squash,
        "weights": weights,
        "head_activation": head_activation,
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
    if path.is_dir() and name:
        return _from_folder(path, given)
    if len(path.parts) == 1 and has_architecture(name):
        raise ModelError(_which_weights(name))
    if path.suffix or len(path.parts) > 1:
        raise ModelError(f"There is no file {path}.")
    names = [
        *(*embedded(), *brought_models.ids()),
        *(*torchvision_names(), *architecture_names()),
    ]
    similar = difflib.get_close_matches(name, names, n=3, cutoff=0.4)
    hint = f" Similar names: {', '.join(similar)}." if similar else ""
    problems = "".join(f" {sentence}" for sentence in brought_models.problems())
    raise ModelError(f"There is no model '{name}'.{hint}{problems}")


def _from_folder(path: Path, given: Mapping[str, Any]) -> Classifier:
    if given:
        raise ModelError(f"The folder {path} tells its {', '.join(given)}; leave it out.")
    if not hugging_face.is_model_folder(path):
        raise ModelError(f"There is no model in the folder {path}: no {hugging_face.CONFIG}.")
    return hugging_face.load_folder(path)


def _by_id(name: str) -> Callable[[], Classifier] | None:
    """What loads the model of that id; None if there is none."""
    if (file := embedded_file(name)) is not None:
        return partial(_from_file, file, {})
    if name in brought_models.ids():
        return partial(brought_models.load, name)
    if name in torchvision_names():
        return partial(load_pretrained, name)
    if _is_timm(name):
        return partial(load_timm, name)
    return None


def _is_timm(name: str) -> bool:
    """Whether it is one of ``timm_names``; timm is not loaded to tell that a file is none."""
    return "." in name and not Path(name).is_file() and name in timm_names()


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
    if name in brought_models.ids():
        return brought_models.stamp()
    path = _weights_path(name)
    if hugging_face.is_model_folder(path):
        return hugging_face.stamp(path)
    # A folder without a name of its own, such as ".", has nothing beside it.
    endings = (path.suffix, ".json", PATTERNS) if path.name else ()
    return ", ".join(file_stamp(path.with_suffix(ending)) for ending in endings)


def _weights_path(name: str) -> Path:
    """Where the weights lie; torchvision and timm, slow to load, are asked only if need be."""
    if (file := embedded_file(name)) is not None:
        return file
    path = Path(name)
    if len(path.parts) == 1:
        if name in torchvision_names():
            return pretrained_facts(name).file
        if _is_timm(name):
            return timm_facts(name).file or path
    return path


def _from_file(path: Path, given: Mapping[str, Any]) -> Classifier:
    beside = path.with_suffix(".json")
    facts = read_facts(beside) if beside.is_file() else {}
    # Null in the file means that pictures are not normalised, and not that nobody said it.
    normalised = facts.get("mean", True) is not None
    facts = {**facts, **given}
    size = facts.get("input_size")
    clf = load_checkpoint(
        path,
        title=facts.get("title"),
        input_size=(size[0], size[1]) if size else None,
        normalised=normalised,
        **{key: facts.get(key) for key in _FACTS},
    )
    patterns = path.with_suffix(PATTERNS)
    clf.patterns_file = patterns if patterns.is_file() else None
    return clf


def _embedded_info(file: Path) -> ModelInfo:
    facts = read_facts(file.with_suffix(".json"))
    missing = [key for key in _NEEDED if not facts.get(key)]
    if missing:
        raise ModelError(f"{file.with_suffix('.json').name} does not say {', '.join(missing)}.")
    classes = len(facts["class_names"])
    top1 = (facts.get("metrics") or {}).get("top1")
    return ModelInfo(
        id=file.stem,
        title=facts.get("title") or file.stem,
        source="embedded",
        classes=classes,
        input_size=(facts["input_size"][0], facts["input_size"][1]),
        # Told, because to build the network takes its library: two seconds and 170 MB.
        parameters=facts.get("parameters") or parameter_count(facts["architecture"], classes),
        accuracy=None if top1 is None else round(100 * top1, 2),
        size_mb=round(file.stat().st_size / 1e6, 1),
        local=True,
        note="",
    )


def _brought_infos() -> list[ModelInfo]:
    note = f"From {brought_models.file_name()}."
    return [
        ModelInfo(name, name, "brought", None, None, None, None, None, True, note)
        for name in brought_models.ids()
    ]


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
