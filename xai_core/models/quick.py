"""A network that computes the same in less time, for passes whose inside nobody looks at.

BatchNorm that directly follows a convolution is part of it, and convolutions keep their weights
channels last, in which processors compute them sooner. Scores and gradients are the same but for
rounding.
"""

from __future__ import annotations

import copy
from collections import Counter
from contextlib import ExitStack
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

# What scores may differ by, in shares of the largest: far more than rounding, and less than what
# computes otherwise differs by.
WRONG = 1e-3
EXACT_TYPES = (torch.float32, torch.float64)


class _Folded(NamedTuple):
    """A convolution, the BatchNorm behind it if there is one, and what computes both."""

    conv: nn.Conv2d
    norm: nn.BatchNorm2d | None
    made: nn.Conv2d


class QuickNetwork:
    """The quick form of a network in evaluation mode.

    Args:
        module: [N, 3, H, W] -> logits [N, K]. Its other weights are shared.
        picture: one that fits, [1, 3, H, W], on which both forms are compared; where they give
            other scores the network itself is used.
        weights: ids of the module's tensors.

    Attributes:
        weights: the same; a module that was given other tensors since needs another form.
    """

    def __init__(self, module: nn.Module, picture: Tensor, weights: list[int]) -> None:
        self.weights = weights
        self._module, self._made = module, module
        self._folded: list[_Folded] = []
        if not any(isinstance(child, nn.Conv2d) for child in module.modules()):
            return
        if picture.dtype not in EXACT_TYPES:
            return
        with torch.no_grad():
            norms, wanted = _norms(module, picture.clone())
            self._fold(norms)
            if not _close(self.network(), picture, wanted):
                self._made, self._folded = module, []

    def network(self) -> nn.Module:
        """The network to run, with the weights as they are now."""
        with torch.no_grad():
            for conv, norm, made in self._folded:
                weight, bias = conv.weight, conv.bias
                if norm is not None:
                    weight, bias = _fused(conv, norm)
                made.weight = _frozen(weight.contiguous(memory_format=torch.channels_last))
                made.bias = None if bias is None else _frozen(bias)
        return self._made

    def _fold(self, norms: dict[str, str]) -> None:
        module = self._module
        shared: dict[int, Any] = {id(t): t for t in (*module.parameters(), *module.buffers())}
        self._made = copy.deepcopy(module, shared)
        given, made = dict(module.named_modules()), dict(self._made.named_modules())
        for name, conv in given.items():
            if not isinstance(conv, nn.Conv2d) or not _plain(conv):
                continue
            norm = given[norms[name]] if name in norms else None
            self._folded.append(_Folded(conv, norm, made[name]))
            if norm is not None:
                # Subclasses put an activation behind it.
                inside = list(made[norms[name]].children())
                _replace(self._made, norms[name], nn.Sequential(*inside))


def _norms(module: nn.Module, picture: Tensor) -> tuple[dict[str, str], Tensor]:
    """The BatchNorm that is given a convolution's output, by the convolution's name; the scores."""
    outputs: dict[int, str] = {}
    kept: list[Tensor] = []  # so that no other tensor gets the id of one of them
    found: dict[str, str] = {}
    runs: Counter[str] = Counter()

    def ran(name: str, output: Any) -> None:
        runs[name] += 1
        if isinstance(output, Tensor):
            outputs[id(output)] = name
            kept.append(output)

    def given(name: str, inputs: Any) -> None:
        runs[name] += 1
        conv = outputs.get(id(inputs[0])) if inputs else None
        if conv is not None:
            found[conv] = name

    with ExitStack() as hooks:
        for name, child in module.named_modules():
            if isinstance(child, nn.Conv2d) and _plain(child):
                hooks.enter_context(
                    child.register_forward_hook(lambda _, __, output, name=name: ran(name, output))
                )
            elif (
                isinstance(child, nn.BatchNorm2d)
                and _plain(child)
                and child.running_var is not None
            ):
                hooks.enter_context(
                    child.register_forward_pre_hook(
                        lambda _, inputs, name=name: given(name, inputs)
                    )
                )
        scores: Tensor = module(picture)
    once = {conv: norm for conv, norm in found.items() if runs[conv] == runs[norm] == 1}
    return once, scores


def _plain(module: nn.Module) -> bool:
    """Whether nothing computes its weights or changes what it gives."""
    hooked = module._forward_hooks or module._forward_pre_hooks
    return not hooked and module._parameters.get("weight") is not None


def _fused(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Weight and bias of the convolution with the BatchNorm behind it."""
    mean, variance = norm.running_mean, norm.running_var
    return fuse_conv_bn_weights(
        conv.weight,
        conv.bias,
        mean,  # type: ignore[arg-type]  # a plain one has both
        variance,  # type: ignore[arg-type]
        norm.eps,
        norm.weight,
        norm.bias,
    )


def _frozen(values: Tensor) -> nn.Parameter:
    return nn.Parameter(values.detach(), requires_grad=False)


def _replace(module: nn.Module, name: str, by: nn.Module) -> None:
    parent, _, last = name.rpartition(".")
    module.get_submodule(parent)._modules[last] = by


def _close(network: nn.Module, picture: Tensor, wanted: Tensor) -> bool:
    try:
        found: Tensor = network(picture.clone())
    except (RuntimeError, AttributeError, TypeError):  # it reads what has become a part
        return False
    return bool((found - wanted).abs().max() <= WRONG * wanted.abs().max())
