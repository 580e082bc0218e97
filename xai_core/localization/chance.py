"""Chance that belongs to one picture alone."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray


def own_generator(seed: int, content: NDArray[Any]) -> np.random.Generator:
    """Random numbers that the seed and a picture's content decide.

    Pictures that differ get different numbers, so that the chance of one is not that of all;
    which pictures stand beside it does not matter.
    """
    return np.random.default_rng([seed, zlib.crc32(content.tobytes())])
