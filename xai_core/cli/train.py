"""``train``: a model by a recipe, as a checkpoint with its card."""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xai_core.cli.options import Commands, add_command
from xai_core.errors import DataError, ModelError

if TYPE_CHECKING:
    from torch import nn

    from xai_core.datasets import LabelledImages
    from xai_core.training import Recipe


def add_to(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = add_command(
        commands,
        "train",
        run,
        "train a model by a recipe",
        ". Writes NAME.safetensors, NAME.json and MODEL_CARD.md; an interrupted run goes on after "
        "its last finished epoch.",
    )
    parser.add_argument("name", metavar="NAME", help="the recipe, such as vgg-tiny")
    parser.add_argument(
        "--data", required=True, type=Path, metavar="DIR", help="data in Tiny-ImageNet's layout"
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="where to write (default: runs/NAME)"
    )
    parser.add_argument("--epochs", type=int, metavar="N", help="instead of the recipe's")
    parser.add_argument("--seed", type=int, metavar="N", help="instead of the recipe's")


def run(arguments: argparse.Namespace) -> int:
    """Train, measure, and write the checkpoint."""
    import torch

    from xai_core.datasets import tiny_imagenet
    from xai_core.models.architectures import ARCHITECTURES
    from xai_core.training import fit
    from xai_core.training.card import package

    recipe = _recipe(arguments)
    train = tiny_imagenet(arguments.data, "train")
    if recipe.per_class is not None:
        train = train.first_of_each(recipe.per_class)
    if recipe.permuted_labels:
        train = train.permuted(recipe.seed)
    validation = tiny_imagenet(arguments.data, "val")
    folder = arguments.out or Path("runs") / arguments.name
    _claim(folder, arguments, recipe, train, validation)
    torch.manual_seed(recipe.seed)
    network = ARCHITECTURES[recipe.architecture](len(train.class_names))
    _check_size(network, train)
    _report(f"{len(train.labels)} training and {len(validation.labels)} validation pictures.")
    trained = fit(network, train, recipe, validation=validation, folder=folder, report=_report)
    facts = package(trained, train, validation, recipe, arguments.name, folder)
    low, high = facts["metrics"]["top1_interval"]
    print(
        f"{folder / arguments.name}.safetensors: {facts['metrics']['top1']:.1%} right "
        f"(95 % interval {low:.1%} to {high:.1%})"
    )
    return 0


def _recipe(arguments: argparse.Namespace) -> Recipe:
    from xai_core.training import RECIPES

    if arguments.name not in RECIPES:
        raise ModelError(f"There is no recipe '{arguments.name}'; there are: {', '.join(RECIPES)}.")
    changes = {name: getattr(arguments, name) for name in ("epochs", "seed")}
    changes = {name: value for name, value in changes.items() if value is not None}
    if changes.get("epochs", 1) < 1:
        raise ModelError("The number of epochs must be at least 1.")
    return replace(RECIPES[arguments.name], **changes)


def _claim(
    out: Path,
    arguments: argparse.Namespace,
    recipe: Recipe,
    train: LabelledImages,
    validation: LabelledImages,
) -> None:
    """Write ``run.json``, or check that the folder's own is of this very run.

    Raises:
        DataError: the folder holds a run with other settings or other data.
    """
    from xai_core.files import write_file
    from xai_core.provenance import PRODUCT, Run

    facts = {
        "name": arguments.name,
        "recipe": json.loads(json.dumps(asdict(recipe))),
        "train": _data_facts(train),
        "validation": _data_facts(validation),
    }
    path = out / "run.json"
    if path.is_file():
        known, own = json.loads(path.read_text(encoding="utf-8")), {"product": PRODUCT, **facts}
        if {name: known.get(name) for name in own} != own:
            raise DataError(f"{out} holds a run with other settings or data; choose another DIR.")
        return
    options = [("--data", str(arguments.data)), ("--epochs", str(recipe.epochs))]
    options.append(("--seed", str(recipe.seed)))
    write_file(path, Run(("train", arguments.name), facts, options).run_json(str(out)))


def _data_facts(data: LabelledImages) -> dict[str, Any]:
    digest = hashlib.sha256(data.images.tobytes())
    digest.update(data.labels.tobytes())
    return {
        "pictures": len(data.labels),
        "class_names": data.class_names,
        "sha256": digest.hexdigest(),
    }


def _check_size(network: nn.Module, data: LabelledImages) -> None:
    import torch

    height, width = data.images.shape[1:3]
    try:
        with torch.no_grad():
            network.eval()(torch.zeros(1, 3, height, width))
    except RuntimeError as error:
        raise DataError(
            f"Pictures of {height}×{width} pixels do not fit the recipe's network."
        ) from error


def _report(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
