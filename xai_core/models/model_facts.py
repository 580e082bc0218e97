"""What a JSON file says about the weights beside it; the embedded models have one too."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from xai_core.errors import ModelError
from xai_core.imagenet import IMAGENET
from xai_core.images import RESAMPLING
from xai_core.models.outputs import OUTPUTS
from xai_core.models.replaced_heads import ACTIVATIONS
from xai_core.places import ASSETS


def embedded() -> dict[str, Path]:
    """Id -> weights file of the models in ``ASSETS``."""
    files = sorted(ASSETS.glob("*.safetensors"), key=lambda file: file.stem)
    return {file.stem: file for file in files if file.with_suffix(".json").is_file()}


def embedded_file(name: str) -> Path | None:
    """The weights file of one embedded model, or None; ``ASSETS`` is not listed for it."""
    file = ASSETS / f"{name}.safetensors"
    there = file.stem == name and file.is_file() and file.with_suffix(".json").is_file()
    return file if there else None


def file_stamp(file: Path) -> str:
    """A text that changes when the file is written anew; "none" where there is none."""
    facts = file.stat() if file.is_file() else None
    return "none" if facts is None else f"{facts.st_size} {facts.st_mtime_ns}"


def read_facts(file: Path) -> dict[str, Any]:
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


def _is_list(value: object, kind: type, *lengths: int) -> bool:
    return (
        isinstance(value, list)
        and (not lengths or len(value) in lengths)
        and all(_is_number(v) if kind is float else type(v) is kind for v in value)
    )


_KINDS: dict[str, Callable[[Any], bool]] = {
    "architecture": lambda v: isinstance(v, str),
    "class_names": lambda v: v == IMAGENET or _is_list(v, str),
    "input_size": lambda v: _is_list(v, int, 2),
    "mean": lambda v: _is_list(v, float, 1, 3),
    "std": lambda v: _is_list(v, float, 1, 3),
    "crop": _is_number,
    "resample": lambda v: v in tuple(RESAMPLING),
    "squash": lambda v: isinstance(v, bool),
    "outputs": lambda v: v in OUTPUTS,
    "transform_input": lambda v: isinstance(v, bool),
    "weights": lambda v: isinstance(v, str),
    "head_activation": lambda v: v in tuple(ACTIVATIONS),
    "title": lambda v: isinstance(v, str),
    "metrics": lambda v: isinstance(v, dict) and _is_number(v.get("top1", 0)),
}
