"""A network's private copy, without what other libraries hung on its modules."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pickle import PicklingError
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.prune import BasePruningMethod

from xai_core.errors import ModelError
from xai_core.models.scores import scores_of
from xai_core.models.trees import tensors

# What copy.deepcopy raises for what it cannot copy; objects without a way of their own to be
# copied are asked for that of pickle.
_UNCOPIED = (
    *(copy.Error, PicklingError),
    *(TypeError, RuntimeError, ValueError, AttributeError, RecursionError),
)
_BACKWARD = ("_backward_hooks", "_backward_pre_hooks")
_FORWARD = ("_forward_hooks", "_forward_pre_hooks")
# What PyTorch keeps for every hook beside the hook itself.
_ABOUT = (
    *("_forward_hooks_with_kwargs", "_forward_hooks_always_called"),
    "_forward_pre_hooks_with_kwargs",
)


def private_copy(module: nn.Module, x: Tensor) -> nn.Module:
    """A copy of a network in evaluation mode, with hooks only where they decide its answer.

    Its weights require no gradient.

    Backward hooks change gradients and never the scores, so none is kept. A forward hook that
    PyTorch itself uses to compute a weight (weight norm, spectral norm, pruning) is kept; others
    only if the network's answer to ``x`` is another one without them.

    Args:
        module: [N, 3, H, W] -> logits [N, K]; it is not changed.
        x: pictures that fit.

    Raises:
        ModelError: it cannot be copied, or does not run.
    """
    if any(isinstance(child, torch.jit.ScriptModule) for child in module.modules()):
        raise ModelError("The model is TorchScript, whose layers are hidden; give the nn.Module.")
    known = {id(tensor): tensor.detach().clone() for tensor in _calculated(module)}
    try:
        twin = copy.deepcopy(module, known).eval().requires_grad_(False)
    except _UNCOPIED as error:
        raise ModelError(_uncopied(module, known)) from error
    for child in twin.modules():
        for name in _BACKWARD:
            getattr(child, name).clear()
    return _without_listeners(twin, x)


def overwrites_input(module: nn.Module, x: Tensor) -> bool:
    """Whether a network changes what it is given, as one that begins with ``x -= mean`` does."""
    given = x.clone()
    version = given._version
    with torch.no_grad():
        module(given)
    return given._version != version


def _calculated(module: nn.Module) -> Iterator[Tensor]:
    """Tensors that modules keep and that were calculated, which torch refuses to copy."""
    for child in module.modules():
        for value in (*vars(child).values(), *child._buffers.values()):
            for tensor in tensors(value):
                if not tensor.is_leaf:
                    yield tensor


def _uncopied(module: nn.Module, known: dict[int, Any]) -> str:
    """The sentence that names what cannot be copied: the first attribute that fails alone."""
    for name, child in module.named_modules():
        for attribute, value in vars(child).items():
            if attribute == "_modules":
                continue
            try:
                copy.deepcopy(value, dict(known))
            except _UNCOPIED:
                place = f"layer '{name}'" if name else "the model itself"
                return (
                    f"The model cannot be copied, because {place} keeps a "
                    f"{type(value).__name__} in its attribute '{attribute}'; take it out "
                    "before the model is loaded."
                )
    return (
        f"The model cannot be copied ({type(module).__name__}); give one that copy.deepcopy takes."
    )


def _without_listeners(twin: nn.Module, x: Tensor) -> nn.Module:
    """The network without forward hooks that only listen, as far as that can be seen."""
    foreign = [
        (child, name, key)
        for child in twin.modules()
        for name in _FORWARD
        for key, hook in getattr(child, name).items()
        if not _of_torch(hook)
    ]
    if not foreign:
        return twin
    with torch.no_grad():
        before = scores_of(twin, x)
        kept = [(child, name, dict(getattr(child, name))) for child, name, _ in foreign]
        for child, name, key in foreign:
            getattr(child, name).pop(key)
        try:
            after = scores_of(twin, x)
            alike = before.shape == after.shape
            same = alike and torch.allclose(before, after, rtol=1e-5, equal_nan=True)
        except ModelError:  # without them it does not even run
            same = False
    if same:
        for child, _, key in foreign:
            for about in _ABOUT:
                getattr(child, about).pop(key, None)
    else:
        for child, name, hooks in kept:
            getattr(child, name).clear()
            getattr(child, name).update(hooks)
    return twin


def _of_torch(hook: object) -> bool:
    return isinstance(hook, BasePruningMethod) or type(hook).__module__.startswith("torch.nn.")
