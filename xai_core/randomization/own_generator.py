"""Random numbers from a generator of one's own, also where code asks for the global one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from xai_core.models.torch_calls import Function, Intercepting

# They take a generator, and the global one if they are given none.
_DRAWING = frozenset(
    {
        *(Tensor.bernoulli_, Tensor.cauchy_, Tensor.exponential_, Tensor.geometric_),
        *(Tensor.log_normal_, Tensor.normal_, Tensor.random_, Tensor.uniform_),
        *(torch.bernoulli, torch.multinomial, torch.normal, torch.rand, torch.rand_like),
        *(torch.randint, torch.randint_like, torch.randn, torch.randn_like, torch.randperm),
    }
)


class OwnGenerator(Intercepting):
    """Within the block this thread's random numbers come from a generator.

    The global one is all threads': to seed it for a while would disturb the others.
    """

    def __init__(self, generator: torch.Generator) -> None:
        super().__init__()
        self._generator = generator

    def call(self, func: Function, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """The function with this generator, if it takes one."""
        given = dict(kwargs)
        # The functions of torch.nn.init hand their own generator on, which is None.
        if func in _DRAWING or "generator" in given:
            given["generator"] = self._generator
        return func(*args, **given)
