"""New weights for a module, by an explicit seed.

A seed and the module's name decide its numbers and nothing else does, so a deeper randomisation
holds the weights of a shallower one, and two layers of one shape differ.
"""

from __future__ import annotations

import copy
import hashlib
import math

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from xai_core.errors import MethodError
from xai_core.randomization import parametrised
from xai_core.randomization.own_generator import OwnGenerator

INITS = {
    "default": "As the layer itself begins its training",
    "he_normal": "He normal weights, biases 0",
    "permute": "The trained values, shuffled",
}
Tensors = dict[str, Tensor]


def check_init(init: str) -> None:
    """Refuse what is no key of ``INITS``.

    Raises:
        MethodError: there is no such way to initialise.
    """
    if init not in INITS:
        raise MethodError(f"There is no initialisation '{init}'; there are: {', '.join(INITS)}.")


def new_tensors(module: nn.Module, name: str, wanted: list[str], init: str, seed: int) -> Tensors:
    """Re-initialised parameters of one module.

    "default" asks the module's own ``reset_parameters``. "he_normal" (S section 7.1.3) draws
    the weights of convolutions and linear layers with variance 2 / inputs and makes their
    biases 0; other modules begin as by default. "permute" shuffles every tensor. What no rule
    reaches, such as a class token or an attention's projection, becomes normal noise of the
    trained values' root mean square. A layer that computes its weight, by weight norm or another
    parametrisation, is given that of a plain layer to compute.

    Args:
        module: the trained module; it is not changed.
        name: its dotted name.
        wanted: names of its parameters and statistics, and of those of its parametrisations,
            without the module's.
        init: key of ``INITS``.
        seed: any integer.

    Returns:
        New tensors by their name in the module, of the same shapes, types and devices.

    Raises:
        MethodError: there is no such way to initialise, or the layer computes its weight in a way
            that cannot be given a new one.
    """
    check_init(init)
    if parametrised.computes_weights(module):
        return _computed(module, name, wanted, init, seed)
    trained = {key: getattr(module, key).detach() for key in wanted}
    reset = _reset(module, name, trained, seed) if init != "permute" else {}

    def new(key: str, tensor: Tensor) -> Tensor:
        generator = torch.Generator().manual_seed(_seed(seed, name, key))
        if init == "permute":
            return _shuffled(tensor, generator)
        if init == "he_normal" and isinstance(module, _ConvNd | nn.Linear):
            return _he_normal(tensor, generator)
        return reset[key] if key in reset else _noise_like(tensor, generator)

    return {key: new(key, tensor) for key, tensor in trained.items()}


def _computed(module: nn.Module, name: str, wanted: list[str], init: str, seed: int) -> Tensors:
    """The same for a module that computes its weight from other tensors."""
    plain = parametrised.plain_copy(module, name)
    own = [key for key, _ in plain.named_parameters(recurse=False)]
    fresh = new_tensors(plain, name, own, init, seed)
    generator = torch.Generator().manual_seed(_seed(seed, name, parametrised.WITHIN))
    made = parametrised.with_weights(module, name, fresh, generator)
    tensors = dict((*made.named_parameters(), *made.named_buffers()))
    trained = dict((*module.named_parameters(), *module.named_buffers()))
    return {key: tensors[key].detach().to(trained[key]) for key in wanted}


def _seed(seed: int, *names: str) -> int:
    digest = hashlib.sha256("/".join((str(seed), *names)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def _reset(module: nn.Module, name: str, trained: Tensors, seed: int) -> Tensors:
    """What the module's own initialisation sets, of its trained tensors."""
    if not hasattr(module, "reset_parameters"):
        return {}
    # Numbers are drawn in the order in which a tensor lies in memory.
    fresh = copy.deepcopy(module).cpu().to(memory_format=torch.contiguous_format)
    tensors = {key: getattr(fresh, key) for key in trained}
    with torch.no_grad(), OwnGenerator(torch.Generator().manual_seed(_seed(seed, name))):
        for tensor in tensors.values():
            # To see afterwards what was set, whatever it was set to.
            tensor.fill_(torch.nan)
        fresh.reset_parameters()  # type: ignore[operator]
    return {
        key: tensor.detach().to(trained[key])
        for key, tensor in tensors.items()
        if not bool(tensor.isnan().any())
    }


def _he_normal(trained: Tensor, generator: torch.Generator) -> Tensor:
    """S section 7.1.3: variance 2 / number of inputs; zero for biases."""
    if trained.dim() < 2:
        return torch.zeros_like(trained)
    inputs = trained[0].numel()
    return _normal(trained, generator) * math.sqrt(2 / inputs)


def _noise_like(trained: Tensor, generator: torch.Generator) -> Tensor:
    here = trained.cpu()  # a card would sum in another order
    return (_normal(here, generator) * here.square().mean().sqrt()).to(trained.device)


def _normal(like: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randn(like.shape, generator=generator, dtype=torch.float64).to(like)


def _shuffled(trained: Tensor, generator: torch.Generator) -> Tensor:
    order = torch.randperm(trained.numel(), generator=generator).to(trained.device)
    return trained.flatten()[order].view(trained.shape)
