"""Patterns of PatternAttribution in a file beside a model's weights.

They serve the very weights that they were estimated for: the file holds a hash of these, and a
network with others, such as a randomised one, gets none from it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from xai_core.errors import ModelError
from xai_core.models.classifier import Classifier


def save_patterns(path: Path, patterns: Mapping[str, Tensor], module: nn.Module, note: str) -> None:
    """Write the patterns of every layer, in float16.

    Args:
        path: file to write; it appears under its name only when complete.
        patterns: by the layer's dotted name.
        module: the network that they were estimated for.
        note: one sentence on the pictures that they were estimated from.

    Raises:
        ModelError: a pattern does not fit into float16.
    """
    stored = {name: pattern.half().contiguous() for name, pattern in patterns.items()}
    for name, pattern in stored.items():
        if not bool(torch.isfinite(pattern).all()):
            raise ModelError(f"The pattern of layer '{name}' is too large for float16.")
    part = path.with_name(f"{path.name}.part")
    save_file(stored, part, {"weights": weights_hash(module), "pictures": note})
    os.replace(part, path)


def stored_patterns(clf: Classifier) -> dict[str, Tensor] | None:
    """What the model's file holds, by the layer's dotted name, on its device and in its type.

    Returns:
        None if the model brings no file, or one for other weights.

    Raises:
        ModelError: the file is damaged.
    """
    path = clf.patterns_file
    if path is None:
        return None
    try:
        with safe_open(path, framework="pt") as file:
            if (file.metadata() or {}).get("weights") != weights_hash(clf.module):
                return None
            return {name: file.get_tensor(name).to(clf.device, clf.dtype) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise ModelError(
            f"{path.name} is damaged or not a safetensors file; write it again with the command "
            "'patterns', or take it away."
        ) from error


def weights_hash(module: nn.Module) -> str:
    """Hash of a network's weights and statistics, the same in every type that holds their values.

    Its structure and its code take no part, so that another version of PyTorch does not matter.
    """
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        if tensor.is_floating_point():
            digest.update(f"{name} {tuple(tensor.shape)}".encode())
            digest.update(tensor.detach().cpu().double().contiguous().numpy().tobytes())
    return digest.hexdigest()
