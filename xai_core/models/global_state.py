"""Modes and random states that are global: left as they were, and never inherited unasked."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import numpy as np
import torch


def without_autocast(device: torch.device) -> AbstractContextManager[object]:
    """Within the block torch computes in the type of the weights, whatever the caller set."""
    if torch.is_autocast_enabled(device.type):
        return torch.autocast(device.type, enabled=False)
    return nullcontext()


@contextmanager
def without_global_modes(device: torch.device) -> Iterator[None]:
    """Within the block neither autocast nor the inference mode of the caller is in force."""
    with torch.inference_mode(False), without_autocast(device):
        yield


@contextmanager
def random_states_restored(device: torch.device) -> Iterator[None]:
    """After the block torch, NumPy and Python draw as if it had not been there."""
    numpy_state, python_state = np.random.get_state(), random.getstate()
    # The processor's state is kept in any case.
    devices = [device] if device.type == "cuda" else []
    try:
        with torch.random.fork_rng(devices):
            yield
    finally:
        np.random.set_state(numpy_state)
        random.setstate(python_state)


def seed_all(seed: int) -> None:
    """Set all three."""
    torch.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)
