"""Image classifiers in a folder as Hugging Face saves them: config.json beside safetensors.

The folder of a model of timm or of transformers (Wolf et al. 2020,
doi:10.18653/v1/2020.emnlp-demos.6). Code in the folder is not run, and nothing is unpickled.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from xai_core.errors import ModelError
from xai_core.images import model_input
from xai_core.models.architectures import timm_architecture
from xai_core.models.checkpoint_layout import first_names
from xai_core.models.classifier import Classifier
from xai_core.models.model_facts import file_stamp
from xai_core.models.own_checkpoints import load_checkpoint
from xai_core.models.scores import first_line
from xai_core.models.timm_models import has_architecture, subset_names

CONFIG = "config.json"
PICTURES = "preprocessor_config.json"
WEIGHTS = "model.safetensors"

# Pictures on which preparing them as transformers does is compared with what a Classifier does.
_PROBES = ((300, 220), (210, 330))  # (width, height)
# Resizing in another order of rounding moves a pixel's value by a level or two, and smooth
# pictures by a part of a pixel; a channel, a crop or a scale that is another moves it by far more.
_APART = 4 / 255


def is_model_folder(path: Path) -> bool:
    """Whether it is a folder that says by a config.json what model it holds."""
    return (path / CONFIG).is_file()


def model_folders(path: Path) -> dict[str, Path]:
    """Name -> folder of the model that a folder is, or of those in it."""
    folders = [path] if is_model_folder(path) else sorted(path.iterdir())
    return {folder.name: folder for folder in folders if is_model_folder(folder)}


def stamp(folder: Path) -> str:
    """A text that changes when a file that decides what the model computes changes."""
    named = sorted(file for file in folder.iterdir() if file.suffix in (".json", ".safetensors"))
    return ", ".join(f"{file.name} {file_stamp(file)}" for file in named)


def load_folder(folder: Path) -> Classifier:
    """The classifier in a folder.

    Raises:
        ModelError: it is no image classifier, lacks a file, brings code of its own, or prepares
            pictures in a way that a ``Classifier`` cannot.
    """
    config = _read(folder / CONFIG)
    clf = _of_timm(folder, config) if "architecture" in config else _of_transformers(folder, config)
    # Weights and names of modules do not tell the number of heads, for example.
    clf.program = hashlib.sha256((folder / CONFIG).read_bytes()).hexdigest()
    return clf


def _read(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{file.parent.name}: {file.name} cannot be read as JSON.") from error
    if not isinstance(found, dict):
        raise ModelError(f"{file.parent.name}: {file.name} does not describe a model.")
    return found


def _of_timm(folder: Path, config: Mapping[str, Any]) -> Classifier:
    name = str(config["architecture"])
    if not has_architecture(name):
        raise ModelError(
            f"{folder.name} is a model of timm, but there is no architecture '{name}'."
        )
    other = [
        key for key in config.get("model_args") or {} if key not in ("img_size", "num_classes")
    ]
    if other:
        raise ModelError(
            f"{folder.name} changes the architecture {name} by {first_names(other)}; build it in "
            "Python and give it as a module."
        )
    facts = config.get("pretrained_cfg") or config
    try:
        height, width = facts["input_size"][1:]
        prepared: dict[str, Any] = {
            "input_size": (int(height), int(width)),
            "mean": [float(value) for value in facts["mean"]],
            "std": [float(value) for value in facts["std"]],
            "crop": float(facts.get("crop_pct") or 1.0),
            "resample": str(facts.get("interpolation") or "bicubic"),
            "squash": facts.get("crop_mode") == "squash",
        }
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise ModelError(
            f"{folder.name}: {CONFIG} does not say how pictures are prepared (input_size, mean, "
            "std)."
        ) from error
    return load_checkpoint(
        _weights(folder),
        timm_architecture(name),
        _timm_class_names(config, facts),
        title=folder.name,
        **prepared,
    )


def _timm_class_names(config: Mapping[str, Any], facts: Mapping[str, Any]) -> list[str] | None:
    names, described = config.get("label_names"), config.get("label_descriptions") or {}
    if names:
        return [str(described.get(name, name)) for name in names]
    from timm.data.imagenet_info import infer_imagenet_subset

    subset = infer_imagenet_subset(dict(facts))
    return subset_names(subset, int(facts["num_classes"])) if subset else None


def _weights(folder: Path) -> Path:
    file = folder / WEIGHTS
    if not file.is_file():
        raise ModelError(
            f"{folder.name} has no {WEIGHTS}; weights in other files are not read from a folder."
        )
    return file


def _of_transformers(folder: Path, config: Mapping[str, Any]) -> Classifier:
    if config.get("auto_map"):
        raise ModelError(
            f"{folder.name} brings program code of its own, which is not run; build the network in "
            "Python and give it as a module."
        )
    kinds = config.get("architectures") or []
    if not any("ForImageClassification" in str(kind) for kind in kinds):
        raise ModelError(
            f"{folder.name} is no image classifier: {CONFIG} names "
            f"{first_names(map(str, kinds)) or 'no architecture'}."
        )
    if not any(folder.glob("*.safetensors")):
        _weights(folder)
    model, left = _model(folder)
    size, prepared = _pictures(folder)
    names = model.config.id2label
    clf = Classifier(
        _Logits(model),
        [str(names.get(index, f"class {index}")) for index in range(model.config.num_labels)],
        size,
        title=folder.name,
        outputs="sigmoid" if config.get("problem_type") == "multi_label_classification" else None,
        **prepared,
    )
    if left:
        clf.notes.append(f"Left out of the file: {first_names(left)}.")
    return clf


class _Logits(nn.Module):
    """A model of transformers as a network from pictures to logits."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: Tensor) -> Tensor:
        logits: Tensor = self.model(pixel_values=pixels).logits
        return logits


def _model(folder: Path) -> tuple[Any, list[str]]:
    """The network with its weights, and the names in the file that it does not have."""
    from transformers import AutoModelForImageClassification
    from transformers.utils import logging as transformers_logging

    logging: Any = transformers_logging
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        model, facts = AutoModelForImageClassification.from_pretrained(
            folder,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            dtype=torch.float32,
            attn_implementation="eager",  # others hide from the methods what attends to what
            output_loading_info=True,
        )
    # Files of others: transformers raises whatever it meets.
    except Exception as error:
        raise ModelError(
            f"{folder.name} cannot be loaded by transformers: {first_line(error)}"
        ) from error
    finally:
        if shown:
            logging.enable_progress_bar()
    lacking = [*facts["missing_keys"], *(key for key, *_ in facts["mismatched_keys"])]
    if lacking:
        raise ModelError(
            f"{folder.name}: the weights do not fit {CONFIG}; missing or of another shape: "
            f"{first_names(sorted(lacking))}."
        )
    return model, sorted(facts["unexpected_keys"])


def _pictures(folder: Path) -> tuple[tuple[int, int], dict[str, Any]]:
    """Input size, and how pictures are prepared, as ``Classifier`` takes them."""
    from transformers import AutoImageProcessor

    reader: Any = AutoImageProcessor
    if not (folder / PICTURES).is_file():
        raise ModelError(
            f"{folder.name} has no {PICTURES}, which says how pictures are prepared for it."
        )
    try:
        processor = reader.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        size, prepared = _facts(processor)
        apart = max(_apart(processor, probe, size, prepared) for probe in _PROBES)
    except Exception as error:  # as above
        raise ModelError(
            f"{folder.name}: {PICTURES} cannot be followed: {first_line(error)}"
        ) from error
    if not apart <= _APART:
        raise ModelError(
            f"{folder.name}: pictures cannot be prepared as {PICTURES} says, only by resizing, "
            "cropping and normalising; build the network in Python and give it as a module."
        )
    return size, prepared


def _facts(processor: Any) -> tuple[tuple[int, int], dict[str, Any]]:
    """What a ``Classifier`` would have to be told; whether that is all, ``_apart`` finds out."""
    side, kept = processor.size, getattr(processor, "crop_size", None)
    if not getattr(processor, "do_center_crop", False):
        kept = None
    # It has no get().
    edge = side["shortest_edge"] if "shortest_edge" in side else None  # noqa: SIM401
    share = getattr(processor, "crop_pct", None)
    crop, squash = 1.0, False
    if kept is not None:
        size = (kept["height"], kept["width"])
        crop, squash = kept["height"] / (edge or side["height"]), edge is None
    elif edge is None:
        size, squash = (side["height"], side["width"]), True
    elif share is not None and edge < 384:  # as in ConvNeXt's code
        size, crop = (edge, edge), edge / int(edge / share)
    else:
        size, squash = (edge, edge), True
    mean, std = processor.image_mean, processor.image_std
    if getattr(processor, "include_top", False):  # EfficientNet's divides twice
        std = [value**2 for value in std]
    return size, {
        "mean": tuple(mean) if processor.do_normalize else None,
        "std": tuple(std) if processor.do_normalize else None,
        "crop": crop,
        "resample": Image.Resampling(int(processor.resample)).name.lower(),
        "squash": squash,
    }


def _apart(
    processor: Any,
    probe: tuple[int, int],
    size: tuple[int, int],
    prepared: Mapping[str, Any],
) -> float:
    """The most by which a pixel, in [0, 1], differs from what transformers makes of a picture."""
    picture = _smooth(*probe)
    theirs = processor(picture, return_tensors="np")["pixel_values"][0].astype(np.float64)
    ours = model_input(picture, size, prepared["crop"], prepared["resample"], prepared["squash"])
    if theirs.shape != ours.shape:
        return float("inf")
    if prepared["mean"] is not None:
        mean, std = (np.reshape(prepared[key], (3, 1, 1)) for key in ("mean", "std"))
        theirs = theirs * std + mean
    return float(np.abs(theirs - ours).max())


def _smooth(width: int, height: int) -> Image.Image:
    """A picture in which every colour rises in a direction of its own."""
    across = np.linspace(0, 1, width)[None, :]
    down = np.linspace(0, 1, height)[:, None]
    planes: list[NDArray[np.float64]] = [
        np.broadcast_to(across, (height, width)),
        np.broadcast_to(down, (height, width)),
        (across + (1 - down)) / 2,
    ]
    return Image.fromarray(np.rint(255 * np.stack(planes, axis=2)).astype(np.uint8))
