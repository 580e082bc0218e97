"""The metric and the filter as their definitions read: one picture, one map, one question a time.

So a user would write them over a torch module. No library has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Way = list[tuple[int | None, int | None]]


@dataclass
class Literal:
    """One picture in front of a network.

    Args:
        network: takes normalised pictures [1, 3, H, W] and gives logits.
        x: the normalised picture, [1, 3, H, W].
        std: that it was divided by.
        most: the most steps.

    Attributes:
        asked: how often the network was asked.
        found: maps measured so far, and both of their numbers of steps.
    """

    network: nn.Module
    x: Tensor
    std: Sequence[float]
    most: int
    asked: int = 0
    found: Way = field(default_factory=list)

    def __post_init__(self) -> None:
        probe = self.x.clone().requires_grad_()
        logits = self.network(probe)
        before = logits.detach().argmax(1)
        self.before = int(before)
        self.signs = torch.autograd.grad(F.cross_entropy(logits, before), probe)[0].sign()

    def answer(self, step: Tensor, count: int) -> int:
        """The class after some steps."""
        self.asked += 1
        with torch.no_grad():
            return int(self.network(self.x + count * step).argmax(1))

    def step(self, weights: Tensor) -> Tensor:
        """One step along a map, in normalised pixels."""
        share = (weights / weights.sum()).to(self.x) * self.signs
        return share / torch.tensor(self.std).to(self.x).view(1, 3, 1, 1)

    def epsilon(self, weights: Tensor) -> int | None:
        """The first number of steps with another class."""
        step = self.step(weights)
        for count in range(1, self.most + 1):
            if self.answer(step, count) != self.before:
                return count
        return None

    def apem(self, relevance: Tensor) -> tuple[int | None, int | None]:
        """Steps along a map [1, C, H, W] and along its opposite."""
        weights = relevance.double().expand(1, 3, -1, -1)
        both = self.epsilon(weights), self.epsilon(1 - weights)
        self.found.append(both)
        return both

    def filtered(self, relevance: Tensor) -> Tensor:
        """The map without its smallest values, as long as the metric does not fall."""
        best, score = relevance.double(), gap(self.apem(relevance))
        while score is not None:
            smallest = best[best > 0].min()
            tried = torch.where(best == smallest, 0.0, best)
            if not tried.any():
                break
            now = gap(self.apem(tried))
            if now is None or now < score:
                break
            best, score = tried, now
        return best


def gap(both: tuple[int | None, int | None]) -> int | None:
    """The metric; None if one of its numbers is not known."""
    minus, plus = both
    return None if minus is None or plus is None else plus - minus
