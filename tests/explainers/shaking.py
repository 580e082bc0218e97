"""Numbers shaken in their last digits: what rounding does to a map, measured in float64."""

from __future__ import annotations

import torch
from torch import Tensor

ROUNDING = 2**-24  # of float32


def size(values: Tensor) -> float:
    return values.abs().max().item()


def share(terms: int) -> float:
    """By how much products of a float32 sum are off, as a share of each.

    A computed sum of n products is the exact sum of products each of which is off by at most
    about 4 sqrt(n) u, u = 2 ** -24 (Higham & Mary 2019, doi:10.1137/18M1226312, theorem 2.4 with
    lambda = 4; it fails with a probability below 2 n exp(-8)).
    """
    return float(4 * terms**0.5 * ROUNDING)


def shaken(values: Tensor, most: float, generator: torch.Generator) -> Tensor:
    """Each value changed by a share of itself, up to ``most``."""
    shares = torch.rand(values.shape, generator=generator, dtype=torch.float64)
    return values * (1 + most * (2 * shares - 1)) if values.is_floating_point() else values


def shaken_alike(values: Tensor, most: float, generator: torch.Generator) -> Tensor:
    """The same, but values that are equal stay so, because a method has to see that they are."""
    found, places = values.unique(return_inverse=True)
    return shaken(found, most, generator)[places]
