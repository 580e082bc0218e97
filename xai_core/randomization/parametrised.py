"""Layers that compute their weight in every run: weight norm, spectral norm and the like.

New weights go in as a user would assign them, so that the layer computes what a new layer with
the same parametrisation would: weight norm's length becomes that of the new weight, and spectral
norm's vectors are found anew by the power iteration.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.nn.utils.prune import BasePruningMethod
from torch.nn.utils.spectral_norm import SpectralNorm, remove_spectral_norm
from torch.nn.utils.weight_norm import WeightNorm, remove_weight_norm

from xai_core.errors import MethodError
from xai_core.randomization.own_generator import OwnGenerator

ROUNDS = 15  # of the power iteration, as many as PyTorch takes for a new layer
WITHIN = "parametrizations"
_ORIGINAL = "original"


def owner(module: str) -> str:
    """The dotted name of the module whose parametrisation, or part of one, has this name."""
    return f".{module}".partition(f".{WITHIN}.")[0][1:]


def computes_weights(module: nn.Module) -> bool:
    """Whether the module computes weights from other tensors."""
    return parametrize.is_parametrized(module) or any(_hooks(module))


def plain_copy(module: nn.Module, name: str) -> nn.Module:
    """A copy on the CPU whose weights are the values that the module computes.

    Args:
        module: the module; it is not changed.
        name: its dotted name, for errors.

    Raises:
        MethodError: the module is pruned.
    """
    plain = copy.deepcopy(module).cpu()
    if parametrize.is_parametrized(plain):
        # Not PyTorch's own removal: it changes the class, which the module itself has too.
        with torch.no_grad():
            values = {key: getattr(plain, key) for key in plain.parametrizations}  # type: ignore[union-attr]
        plain.__class__ = parametrize.type_before_parametrizations(plain)
        del plain.parametrizations
        for key, value in values.items():
            plain.register_parameter(key, nn.Parameter(value, requires_grad=False))
    for hook in _hooks(plain):
        if isinstance(hook, WeightNorm):
            remove_weight_norm(plain, hook.name)
        elif isinstance(hook, SpectralNorm):
            remove_spectral_norm(plain, hook.name)
        else:
            raise MethodError(
                f"The layer '{name}' is pruned: which of its weights are left was learnt too. "
                "Make that permanent with torch.nn.utils.prune.remove first."
            )
    return plain


def with_weights(
    module: nn.Module, name: str, fresh: Mapping[str, Tensor], generator: torch.Generator
) -> nn.Module:
    """A copy on the CPU that computes these weights, as far as its parametrisation allows.

    Args:
        module: the module; it is not changed.
        name: its dotted name, for errors.
        fresh: new weights by their names in ``plain_copy``.
        generator: for what a parametrisation begins with.

    Raises:
        MethodError: a parametrisation that cannot be given weights, or keeps what it learnt.
    """
    made = copy.deepcopy(module).cpu()
    with torch.no_grad(), OwnGenerator(generator):
        if parametrize.is_parametrized(made):
            for key, chain in made.parametrizations.items():  # type: ignore[operator, union-attr]
                _assign(made, name, key, chain, fresh[key])
        for hook in _hooks(made):
            if isinstance(hook, WeightNorm):
                length = torch.norm_except_dim(fresh[hook.name], 2, hook.dim)
                getattr(made, f"{hook.name}_g").copy_(length)
                getattr(made, f"{hook.name}_v").copy_(fresh[hook.name])
            elif isinstance(hook, SpectralNorm):
                getattr(made, f"{hook.name}_orig").copy_(fresh[hook.name])
                for vector in ("u", "v"):
                    getattr(made, f"{hook.name}_{vector}").normal_()
                for _ in range(ROUNDS):
                    hook.compute_weight(made, do_power_iteration=True)
    for key, tensor in fresh.items():
        if key in made._parameters:
            made._parameters[key] = nn.Parameter(tensor, requires_grad=False)
    return made


def refresh(module: nn.Module) -> None:
    """Compute the weights that hooks keep as attributes anew, because some read them there."""
    for child in module.modules():
        for hook in _hooks(child):
            if isinstance(hook, WeightNorm):
                setattr(child, hook.name, hook.compute_weight(child))
            elif isinstance(hook, SpectralNorm):
                setattr(child, hook.name, hook.compute_weight(child, do_power_iteration=False))


def computed_buffers(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """What parametrisations have learnt that is no parameter, by dotted name."""
    for path, child in module.named_modules():
        if f".{WITHIN}." in f".{path}":
            buffers = list(child.named_buffers(recurse=False))
        else:
            hooks = [hook for hook in _hooks(child) if isinstance(hook, SpectralNorm)]
            keys = [f"{hook.name}_{vector}" for hook in hooks for vector in ("u", "v")]
            buffers = [(key, getattr(child, key)) for key in keys]
        for key, tensor in buffers:
            if tensor.is_floating_point():
                yield f"{path}.{key}" if path else key, tensor


def _hooks(module: nn.Module) -> list[WeightNorm | SpectralNorm | BasePruningMethod]:
    kinds = (WeightNorm, SpectralNorm, BasePruningMethod)
    return [hook for hook in module._forward_pre_hooks.values() if isinstance(hook, kinds)]


def _assign(made: nn.Module, name: str, key: str, chain: nn.Module, weight: Tensor) -> None:
    learnt = {path: one for path, one in _inner(chain).items() if one.is_floating_point()}
    noise = {path: torch.randn(one.shape).to(one) for path, one in learnt.items()}
    for path, one in learnt.items():
        one.copy_(noise[path])
    try:
        setattr(made, key, weight)
        chain.train()
        for _ in range(ROUNDS if learnt else 0):
            chain()
        chain.eval()
        # What nobody has set meanwhile would stay as the training left it.
        now = _inner(chain)
        left = [path for path in learnt if torch.equal(now[path], noise[path])]
    except (RuntimeError, ValueError, TypeError, AttributeError) as error:
        raise MethodError(_refusal(name, key, chain)) from error
    if left:
        raise MethodError(_refusal(name, key, chain))


def _inner(chain: nn.Module) -> dict[str, Tensor]:
    """Tensors of the parametrisations themselves, without those they start from."""
    return {
        path: one
        for path, one in (*chain.named_parameters(), *chain.named_buffers())
        if not path.startswith(_ORIGINAL)
    }


def _refusal(name: str, key: str, chain: nn.Module) -> str:
    kinds = ", ".join(type(one).__name__ for one in chain.children())
    return (
        f"The layer '{name}' computes its {key} by {kinds}, which cannot be given a new one. Make "
        "the trained one permanent with torch.nn.utils.parametrize.remove_parametrizations first."
    )
