"""The loop of the training, on networks that learn in no time."""

import numpy as np
import pytest
import torch
from torch import nn

from xai_core.datasets import LabelledImages
from xai_core.training import Recipe, fit


@pytest.mark.parametrize("count", [3, 4, 5, 9])
def test_a_picture_that_is_left_over_is_no_batch_of_its_own(count):
    """BatchNorm has no statistics of one picture, and every recipe's network ends in one."""
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 2, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 4)]
    sizes = []
    layers[0].register_forward_pre_hook(lambda _, given: sizes.append(len(given[0])))
    pixels = np.random.default_rng(0).integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)
    data = LabelledImages(pixels, np.arange(count) % 2, class_names=["a", "b"], files=[])
    recipe = Recipe("small", "Small", epochs=1, batch_size=4, augmentation=False)
    net = nn.Sequential(*layers, nn.BatchNorm1d(4), nn.Linear(4, 2))
    fit(net, data, recipe, report=lambda line: None)
    assert sizes == {3: [3], 4: [4], 5: [5], 9: [4, 5]}[count]
