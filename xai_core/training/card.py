"""A trained network as files to share: weights, facts, and a model card."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save
from torch import Tensor, nn

from xai_core.datasets import LabelledImages
from xai_core.files import write_file
from xai_core.training.recipes import Recipe
from xai_core.training.trainer import accuracy, predictions

NORMAL_975 = 1.959963984540054  # 97.5th percentile of the standard normal distribution


def package(
    network: nn.Module,
    training: LabelledImages,
    validation: LabelledImages,
    recipe: Recipe,
    name: str,
    folder: Path,
) -> dict[str, Any]:
    """Write ``<name>.safetensors``, ``<name>.json`` and ``MODEL_CARD.md`` into ``folder``.

    Weights are stored as float16, except BatchNorm's, which stay as they are. The accuracy
    is measured with the weights as stored, and ``network`` keeps these.

    Args:
        network: the trained network, changed in place to the rounded weights.
        training: the pictures it was trained on, with the labels it was trained on.
        validation: other pictures to measure it on.
        recipe: how it was trained.
        name: the model's id.
        folder: where to write.

    Returns:
        The facts, as they are in ``<name>.json``.
    """
    stored = half_weights(network)
    network.load_state_dict(stored)
    facts = {
        "id": name,
        "title": recipe.title,
        "architecture": recipe.architecture,
        "class_names": validation.class_names,
        "input_size": list(validation.images.shape[1:3]),
        "mean": list(recipe.mean),
        "std": list(recipe.std),
        "parameters": sum(weights.numel() for weights in network.parameters()),
        "recipe": asdict(recipe),
        "training_pictures": len(training.labels),
        "training_top1": accuracy(network, training, recipe),
        "metrics": metrics(predictions(network, validation, recipe), validation),
    }
    write_file(folder / f"{name}.safetensors", save(stored))
    text = json.dumps(facts, indent=1, ensure_ascii=False) + "\n"
    write_file(folder / f"{name}.json", text.encode("utf-8"))
    write_file(folder / "MODEL_CARD.md", model_card(facts, recipe).encode("utf-8"))
    return facts


def half_weights(network: nn.Module) -> dict[str, Tensor]:
    """The network's state: BatchNorm's tensors and integers as they are, the rest float16."""
    kept = {
        f"{prefix}.{key}" if prefix else key
        for prefix, module in network.named_modules()
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d)
        for key in module.state_dict()
    }
    return {
        key: tensor.detach().contiguous()
        if key in kept or not tensor.is_floating_point()
        else tensor.detach().half().contiguous()
        for key, tensor in network.state_dict().items()
    }


def metrics(logits: Tensor, data: LabelledImages) -> dict[str, Any]:
    """Accuracy on labelled pictures.

    Args:
        logits: [N, K].
        data: N pictures of K classes.

    Returns:
        "pictures"; "top1" and "top5" as shares; "top1_interval", 95 % Wilson; "per_class",
        the share of each class's pictures that is classified rightly, None without pictures.
    """
    labels = torch.from_numpy(data.labels)
    ranked = logits.topk(min(5, logits.shape[1]), dim=1).indices
    hits = (ranked == labels[:, None]).numpy()
    right, total = int(hits[:, 0].sum()), len(labels)
    return {
        "pictures": total,
        "top1": right / total,
        "top1_interval": list(wilson(right, total)),
        "top5": float(hits.any(axis=1).mean()),
        "per_class": _per_class(hits[:, 0], data),
    }


def _per_class(right: NDArray[np.bool_], data: LabelledImages) -> list[float | None]:
    classes = range(len(data.class_names))
    groups = [right[data.labels == index] for index in classes]
    return [float(group.mean()) if len(group) else None for group in groups]


def wilson(successes: int, total: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927, doi:10.1080/01621459.1927.10502953)."""
    share, z2 = successes / total, NORMAL_975**2
    centre = (share + z2 / (2 * total)) / (1 + z2 / total)
    spread = math.sqrt(share * (1 - share) / total + z2 / (4 * total**2))
    half = NORMAL_975 * spread / (1 + z2 / total)
    return max(0.0, centre - half), min(1.0, centre + half)


def model_card(facts: dict[str, Any], recipe: Recipe) -> str:
    """The model card, as Markdown."""
    scores = facts["metrics"]
    low, high = scores["top1_interval"]
    settings = "\n".join(f"| {key} | {value} |" for key, value in asdict(recipe).items())
    classes = "\n".join(
        f"| {index} | {name.replace('|', '/')} | {'–' if share is None else f'{share:.0%}'} |"
        for index, (name, share) in enumerate(
            zip(facts["class_names"], scores["per_class"], strict=True)
        )
    )
    height, width = facts["input_size"]
    return CARD.format(
        title=facts["title"],
        id=facts["id"],
        height=height,
        width=width,
        classes=len(facts["class_names"]),
        training=facts["training_pictures"],
        labels=PERMUTED if recipe.permuted_labels else "",
        training_top1=facts["training_top1"],
        pictures=scores["pictures"],
        top1=scores["top1"],
        low=low,
        high=high,
        top5=scores["top5"],
        steps="; ".join(_steps(recipe)),
        settings=settings,
        per_class=classes,
    )


def _steps(recipe: Recipe) -> list[str]:
    """How it was trained, in words."""
    optimiser = {"sgd": "SGD with Nesterov momentum", "adam": "Adam"}[recipe.optimiser]
    found = ["Cross-entropy", optimiser]
    if recipe.augmentation:
        found.append("random crops, mirror images and colour changes")
    if recipe.per_class is not None:
        found.append(f"the first {recipe.per_class} pictures of every class")
    return found


PERMUTED = """
The labels were shuffled among the training pictures, so that there was nothing to learn but
each picture by heart. This model is for the label randomisation test of explanation methods
(Adebayo et al. 2018, arXiv:1810.03292) and knows nothing about other pictures.
"""

CARD = """# {title}

Model `{id}`: {height}×{width}-pixel pictures to logits of {classes} classes.

## Accuracy

{top1:.1%} of {pictures} validation pictures are classified rightly (95 % interval
{low:.1%} to {high:.1%}, Wilson); the right class is among the first five for {top5:.1%}.
Of the training pictures it is {training_top1:.1%}, by the labels it was trained with.
Measured with the stored weights: float16, BatchNorm in float32. Nothing was selected by the
validation pictures.

## Data

{training} training and {pictures} validation pictures in the layout of Tiny-ImageNet, whose
pictures come from ImageNet.
{labels}
## Training

{steps}.
The weights kept are the moving average over the steps.

| setting | value |
|---|---|
{settings}

## Limits

For studying explanation methods, not for decisions about the world. Small pictures and
one object each; other pictures, other cameras and other classes are outside what it has seen.
The probabilities are not calibrated: label smoothing lowers them. ImageNet is known to
represent people, places and cultures unevenly, and its labels hold errors; so does this model.

## Licence

The code is under Apache-2.0. ImageNet's and Tiny-ImageNet's pictures are for non-commercial
research and education; whether weights derived from them may be used otherwise is not
settled, so treat these weights with the same caution.

## Accuracy per class

| number | class | right |
|---|---|---|
{per_class}
"""
