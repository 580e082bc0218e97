"""A network that ends otherwise: in front of its last softmax or sigmoid, or in other columns."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from xai_core.errors import ModelError
from xai_core.models.torch_calls import Function, Intercepting

SOFTMAX = frozenset(
    {
        *(F.softmax, torch.softmax, Tensor.softmax, torch.special.softmax),
        *(F.log_softmax, torch.log_softmax, Tensor.log_softmax, torch.special.log_softmax),
    }
)
SIGMOID = frozenset(
    {
        *(F.sigmoid, torch.sigmoid, Tensor.sigmoid, torch.special.expit, F.logsigmoid),
        *(torch.sigmoid_, Tensor.sigmoid_),
    }
)
FINAL = SOFTMAX | SIGMOID


class Ending(nn.Module):
    """A network that ends in another way; its modules keep their names.

    Args:
        inner: the network.
        skipped: number of the last softmax or sigmoid, which is left out; 0 for none.
        columns: 1 for scores [N] as [N, 1], 2 for one score z as [-z, z]; 0 for as they are.
    """

    def __init__(self, inner: nn.Module, skipped: int = 0, columns: int = 0) -> None:
        super().__init__()
        # The same modules and weights, and so the same names: the inner network is no child.
        self.__dict__["inner"] = inner
        for kind in ("_modules", "_parameters", "_buffers"):
            self.__dict__[kind] = getattr(inner, kind)
        self.skipped, self.columns = skipped, columns
        self.training = inner.training

    def forward(self, x: Tensor) -> Tensor:
        """[N, 3, H, W] -> [N, K].

        Raises:
            ModelError: it does not end in the same way on this input.
        """
        inner: Callable[[Tensor], Tensor] = self.__dict__["inner"]
        if self.skipped:
            with Skipping(self.skipped) as skipping:
                scores = inner(x)
            if skipping.count != self.skipped:
                raise ModelError(
                    "The model does not end in the same softmax or sigmoid on every input; "
                    "let it return the scores before that."
                )
        else:
            scores = inner(x)
        if self.columns:
            scores = scores.reshape(len(x), 1)
        return torch.cat([-scores, scores], 1) if self.columns == 2 else scores

    def train(self, mode: bool = True) -> Self:
        """Set the mode of the inner network too, which is no child."""
        self.__dict__["inner"].train(mode)
        return super().train(mode)

    def __deepcopy__(self, memo: dict[int, Any]) -> Ending:
        inner = copy.deepcopy(self.__dict__["inner"], memo)
        return Ending(inner, self.skipped, self.columns)

    def __repr__(self) -> str:
        return f"Ending({self.__dict__['inner']!r}, {self.skipped}, {self.columns})"


class Skipping(Intercepting):
    """Within the block the call of that number of a softmax or sigmoid gives its input.

    Args:
        number: counted from 1.
        factor: what the input is multiplied by, to see what becomes of it; None: it is as it is.

    Attributes:
        count: calls of a softmax or sigmoid so far.
        given: a copy of the multiplied input; None before the call.
    """

    def __init__(self, number: int, factor: int | None = None) -> None:
        super().__init__()
        self.count = 0
        self.given: Tensor | None = None
        self._number, self._factor = number, factor

    def call(self, func: Function, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """The function, or the input of the one that is skipped."""
        if func in FINAL:
            self.count += 1
            if self.count == self._number:
                score = args[0] if args else kwargs["input"]
                if self._factor is None:
                    return score
                self.given = self._factor * score
                return self.given.clone()
        return func(*args, **kwargs)
