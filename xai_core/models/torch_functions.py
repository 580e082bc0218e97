"""Torch functions by what they do, where several modules need to know."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

Functions = frozenset[Callable[..., Any]]

# They take a tensor's shape and type only.
SHAPE_ONLY: Functions = frozenset(
    {
        *(Tensor.new_zeros, Tensor.new_ones, Tensor.new_full, Tensor.new_empty, Tensor.new_tensor),
        *(torch.zeros_like, torch.ones_like, torch.full_like, torch.empty_like),
    }
)
ADDING: Functions = frozenset({torch.add, Tensor.add, Tensor.__add__, Tensor.__radd__})
MULTIPLYING: Functions = frozenset({torch.mul, Tensor.mul, Tensor.__mul__, Tensor.__rmul__})
CONVOLVING: Functions = frozenset({F.conv2d, F.conv_transpose2d})
RELUS: Functions = frozenset({F.relu, F.relu6, torch.relu, Tensor.relu})
# Activations that are no ReLU, whatever their settings.
SMOOTH: Functions = frozenset(
    {
        *(F.gelu, F.hardsigmoid, F.hardswish, F.logsigmoid, F.mish, F.selu, F.sigmoid, F.silu),
        *(F.softplus, F.softsign, F.tanh, F.tanhshrink, torch.sigmoid, Tensor.sigmoid),
        *(torch.tanh, Tensor.tanh),
    }
)
