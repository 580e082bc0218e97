"""A network of our own: a copy that the caller's network knows nothing of."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from xai_core.errors import ModelError

_CANNOT_RUN = (RuntimeError, ValueError, TypeError, AssertionError, LookupError, AttributeError)


def private_copy(module: nn.Module, probe: Tensor) -> nn.Module:
    """A copy in evaluation mode, otherwise as it is; its weights require no gradient.

    Args:
        module: [N, 3, H, W] -> logits [N, K]; it is not changed.
        probe: an input that fits; only its shape, type and device matter.

    Raises:
        ModelError: the network does not run on the probe, is TorchScript, or gives something
            else than one tensor.
    """
    if any(isinstance(child, torch.jit.ScriptModule) for child in module.modules()):
        raise ModelError("The model is TorchScript, whose layers are hidden; give the nn.Module.")
    twin = copy.deepcopy(module).eval().requires_grad_(False)
    try:
        with torch.no_grad():
            logits = twin(probe.clone())
    except _CANNOT_RUN as error:
        raise ModelError(
            f"The model cannot take an input of shape {list(probe.shape)}: {_first_line(error)}"
        ) from error
    if not isinstance(logits, Tensor):
        raise ModelError("The model must return one tensor of logits in evaluation mode.")
    return twin


def overwrites_input(module: nn.Module, probe: Tensor) -> bool:
    """Whether a network changes what it is given, as one that begins with ``x -= mean`` does."""
    given = probe.clone()
    version = given._version
    with torch.no_grad():
        module(given)
    return given._version != version


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
