"""Small maps and masks."""

import numpy as np


def random_case(seed, count=4, size=(9, 12), ties=False):
    """Signed maps [N, H, W], and masks of which none is empty."""
    generator = np.random.default_rng(seed)
    maps = generator.normal(size=(count, *size))
    if ties:
        maps = np.round(2 * maps) / 2
    masks = generator.uniform(size=maps.shape) < 0.2
    masks[:, 4, 4] = maps[:, 0, 0] = True
    return maps, masks


def one(rows):
    """A batch of one map or mask."""
    return np.array(rows)[None]
