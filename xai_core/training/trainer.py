"""Supervised training: one loop, resumable after any interruption."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from xai_core.datasets import LabelledImages
from xai_core.device import chosen
from xai_core.models.classifier import normalised
from xai_core.training.augment import augment
from xai_core.training.recipes import Recipe

Report = Callable[[str], None]


def fit(
    network: nn.Module,
    data: LabelledImages,
    recipe: Recipe,
    *,
    validation: LabelledImages | None = None,
    folder: Path | None = None,
    report: Report = print,
) -> nn.Module:
    """Train ``network`` in place by ``recipe`` and return the average of its weights.

    On the device of ``XAI_DEVICE``, in channels-last layout, and in mixed precision (bfloat16)
    where the machine is quicker with it. With a ``folder``, every finished epoch is kept there; a
    run that was interrupted and is started again with the same folder goes on after its last
    finished epoch. The validation pictures are only reported on: nothing is selected by them.

    Args:
        network: untrained network, [N, 3, H, W] -> [N, K].
        data: the training pictures.
        recipe: see ``Recipe``.
        validation: pictures to report the accuracy on after every epoch.
        folder: where to keep ``checkpoint.pt`` and ``history.json``.
        report: called with one line of text after every epoch.

    Returns:
        The averaged network in evaluation mode, on the CPU.
    """
    device = chosen()
    network.to(device).to(memory_format=torch.channels_last)
    moving = get_ema_multi_avg_fn(recipe.average)  # type: ignore[no-untyped-call]
    averaged = AveragedModel(network, multi_avg_fn=moving, use_buffers=True)
    _set_dropout(network, recipe.dropout)
    optimiser = _optimiser(network, recipe)
    images = torch.from_numpy(data.images).permute(0, 3, 1, 2).contiguous()
    labels = torch.from_numpy(data.labels)
    generator = torch.Generator().manual_seed(recipe.seed)
    history = _resume(folder, network, averaged, optimiser, generator)
    steps = math.ceil(len(images) / recipe.batch_size)
    mixed = _bfloat16_is_quick(device)
    for epoch in range(len(history), recipe.epochs):
        started, total = time.monotonic(), 0.0
        network.train()
        order = torch.randperm(len(images), generator=generator)
        for step, batch in enumerate(_batches(order, recipe.batch_size)):
            rate = _learning_rate(recipe, epoch + step / steps)
            for group in optimiser.param_groups:
                group["lr"] = rate
            x = images[batch].to(device).float() / 255
            if recipe.augmentation:
                x = augment(x, generator)
            x = normalised(x, recipe.mean, recipe.std).contiguous(memory_format=torch.channels_last)
            with torch.autocast(device.type, dtype=torch.bfloat16, enabled=mixed):
                logits = network(x)
            loss = F.cross_entropy(
                logits.float(), labels[batch].to(device), label_smoothing=recipe.label_smoothing
            )
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            averaged.update_parameters(network)
            total += loss.item() * len(batch)
        row = {"epoch": epoch + 1, "loss": total / len(images)}
        if validation is not None:
            row["accuracy"] = accuracy(averaged.module, validation, recipe)
        row["seconds"] = time.monotonic() - started
        history.append(row)
        _keep(folder, network, averaged, optimiser, generator, history)
        left = row["seconds"] * (recipe.epochs - epoch - 1)
        report(_line(row, recipe.epochs, left))
    result: nn.Module = averaged.module
    return result.cpu().eval()


def _batches(order: Tensor, size: int) -> list[Tensor]:
    """Pictures in batches; one that is left over joins the last, as BatchNorm needs two."""
    found = list(torch.split(order, size))
    if len(found) > 1 and len(found[-1]) == 1:
        found[-2:] = [torch.cat(found[-2:])]
    return found


def predictions(network: nn.Module, data: LabelledImages, recipe: Recipe) -> Tensor:
    """Logits of every picture, float32 [N, K], in evaluation mode and full precision."""
    device = next(network.parameters()).device
    network.eval()
    images = torch.from_numpy(data.images).permute(0, 3, 1, 2)
    found = []
    with torch.no_grad():
        for batch in torch.split(images, 250):
            x = batch.to(device).float() / 255
            found.append(network(normalised(x, recipe.mean, recipe.std)).cpu())
    return torch.cat(found)


def accuracy(network: nn.Module, data: LabelledImages, recipe: Recipe) -> float:
    """Share of pictures whose highest logit is the label's."""
    guess = predictions(network, data, recipe).argmax(1)
    return float((guess == torch.from_numpy(data.labels)).double().mean())


def _bfloat16_is_quick(device: torch.device) -> bool:
    """Whether the machine computes in bfloat16: GPUs, and processors with AMX.

    Others only imitate it, at a third of the speed of float32.
    """
    if device.type != "cpu":
        return True
    # Torch 2.11 cannot tell; it is then taken for one of the others.
    if not hasattr(torch.cpu, "get_capabilities"):
        return False
    return bool(torch.cpu.get_capabilities().get("amx_bf16"))


def _set_dropout(network: nn.Module, probability: float | None) -> None:
    for module in network.modules():
        if isinstance(module, nn.Dropout) and probability is not None:
            module.p = probability


def _optimiser(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    weights = [p for p in network.parameters() if p.dim() > 1]
    others = [p for p in network.parameters() if p.dim() <= 1]
    groups: list[dict[str, Any]] = [
        {"params": weights, "weight_decay": recipe.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    if recipe.optimiser == "adam":
        betas = (recipe.momentum, 0.999)
        return torch.optim.Adam(groups, lr=recipe.learning_rate, betas=betas)
    return torch.optim.SGD(groups, lr=recipe.learning_rate, momentum=recipe.momentum, nesterov=True)


def _learning_rate(recipe: Recipe, epoch: float) -> float:
    """Linear rise over ``warmup`` epochs, then half a cosine down to zero."""
    if epoch < recipe.warmup:
        return recipe.learning_rate * (epoch + 0.01) / recipe.warmup
    share = (epoch - recipe.warmup) / (recipe.epochs - recipe.warmup)
    return recipe.learning_rate * (1 + math.cos(math.pi * share)) / 2


def _keep(
    folder: Path | None,
    network: nn.Module,
    averaged: nn.Module,
    optimiser: torch.optim.Optimizer,
    generator: torch.Generator,
    history: list[dict[str, float]],
) -> None:
    if folder is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    state = {
        "network": network.state_dict(),
        "averaged": averaged.state_dict(),
        "optimiser": optimiser.state_dict(),
        "generator": generator.get_state(),
        "dropout": torch.get_rng_state(),
        "history": history,
    }
    part = folder / "checkpoint.part"
    torch.save(state, part)
    os.replace(part, folder / "checkpoint.pt")
    (folder / "history.json").write_text(json.dumps(history, indent=1))


def _resume(
    folder: Path | None,
    network: nn.Module,
    averaged: nn.Module,
    optimiser: torch.optim.Optimizer,
    generator: torch.Generator,
) -> list[dict[str, float]]:
    """Load the last finished epoch, if there is one; the history says how far it got."""
    if folder is None or not (folder / "checkpoint.pt").is_file():
        return []
    state = torch.load(folder / "checkpoint.pt", weights_only=True, map_location="cpu")
    network.load_state_dict(state["network"])
    averaged.load_state_dict(state["averaged"])
    optimiser.load_state_dict(state["optimiser"])
    generator.set_state(state["generator"])
    torch.set_rng_state(state["dropout"])
    history: list[dict[str, float]] = state["history"]
    return history


def _line(row: dict[str, float], epochs: int, left: float) -> str:
    text = f"epoch {row['epoch']:.0f}/{epochs}  loss {row['loss']:.3f}"
    if "accuracy" in row:
        text += f"  accuracy {row['accuracy']:.1%}"
    return f"{text}  {row['seconds']:.0f} s, about {left / 60:.0f} min left"
