"""Which layers a network has, in the order in which it runs them."""

from __future__ import annotations

import difflib

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from xai_core.errors import ModelError
from xai_core.models.torch_calls import Call, observed

_KINDS = (_ConvNd, nn.Linear)
# What makes a parameter a layer's weight: it is multiplied with the signal here. Attention
# hands its projections to these functions without calling the Linear modules that own them.
_WEIGHTED = frozenset(
    {
        F.linear,
        F.bilinear,
        F.conv1d,
        F.conv2d,
        F.conv3d,
        F.conv_transpose1d,
        F.conv_transpose2d,
        F.conv_transpose3d,
        F.multi_head_attention_forward,
        torch.matmul,
        torch.mm,
        torch.bmm,
        torch.addmm,
        torch.einsum,
        Tensor.matmul,
        Tensor.mm,
        Tensor.__matmul__,
    }
)


def weight_layers(module: nn.Module, probe: Tensor) -> list[str]:
    """Layers that own weights, convolution or linear, from input to output.

    A layer is a module that is a convolution or Linear, or whose own parameter of two or more
    dimensions is the weight of a convolution, linear or attention function. Biases,
    normalisation, position embeddings and parts that the network does not use are not layers.

    Args:
        module: network in evaluation mode.
        probe: an input, [N, 3, H, W]; its values do not matter.

    Returns:
        Dotted names in execution order; a layer used more than once stands at its first use.
    """
    owners = {
        id(parameter): name
        for name, child in module.named_modules()
        for parameter in child.parameters(recurse=False)
        if parameter.ndim >= 2
    }
    kinds = {name for name, child in module.named_modules() if isinstance(child, _KINDS)}
    order: dict[str, None] = {}

    def begins(name: str) -> None:
        if name in kinds:
            order.setdefault(name)

    def note(call: Call) -> None:
        for value in call.given if call.function in _WEIGHTED else ():
            if id(value) in owners:
                order.setdefault(owners[id(value)])

    # Both signs are needed: a reparametrised convolution hands over a computed weight.
    with torch.no_grad(), observed(module, note, begins):
        module(probe)
    return list(order)


def module_at(module: nn.Module, name: str) -> nn.Module:
    """The submodule of that dotted name.

    Raises:
        ModelError: there is none; the sentence lists similar names.
    """
    try:
        found = module.get_submodule(name)
    except AttributeError:
        found = module
    if found is not module:
        return found
    known = [key for key, _ in module.named_modules() if key]
    similar = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
    hint = f" Similar names: {', '.join(similar)}." if similar else ""
    raise ModelError(f"The model has no layer '{name}'.{hint}")
