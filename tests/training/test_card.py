"""Measures and packaging of a trained network."""

import numpy as np
import pytest
import torch
from torch import nn

from xai_core.datasets import LabelledImages
from xai_core.training.card import half_weights, metrics, wilson


@pytest.mark.parametrize(
    ("successes", "total", "low", "high"),
    [
        # z = 1.959964: (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n), by hand.
        # 0 of 10: high = (z²/10) / (1 + z²/10) = 0.384146 / 1.384146.
        (0, 10, 0.0, 0.384146 / 1.384146),
        # 10 of 10 mirrors it.
        (10, 10, 1 / 1.384146, 1.0),
        # 5 of 10 is centred at a half: 1.959964 √(0.025 + 0.00960365) / 1.384146 = 0.263407.
        (5, 10, 0.5 - 0.263407, 0.5 + 0.263407),
    ],
)
def test_wilson_by_hand(successes, total, low, high):
    assert wilson(successes, total) == pytest.approx((low, high), abs=2e-6)


def test_metrics_by_hand():
    data = LabelledImages(
        images=np.zeros((4, 1, 1, 3), np.uint8),
        labels=np.array([0, 1, 1, 6]),
        class_names=list("abcdefg"),
        files=[],
    )
    # Ranked by logit, the last picture's class 6 comes sixth; the third picture's is second.
    logits = torch.zeros(4, 7)
    logits[0, 0] = logits[1, 1] = logits[2, 0] = 2
    logits[2, 1] = 1
    logits[3] = torch.tensor([6.0, 5, 4, 3, 2, 0, 1])
    found = metrics(logits, data)
    assert (found["pictures"], found["top1"], found["top5"]) == (4, 0.5, 0.75)
    assert found["per_class"] == [1.0, 0.5, None, None, None, None, 0.0]
    assert found["top1_interval"] == list(wilson(2, 4))


def test_only_weights_outside_batchnorm_are_halved():
    network = nn.Sequential(nn.Conv2d(3, 2, 1), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(2, 2))
    with torch.no_grad():
        network[0].bias[0] = network[1].bias[0] = 1 / 3
    stored = half_weights(network)
    assert stored.keys() == network.state_dict().keys()
    # 1/3 in binary16 has eleven significant bits: 1365/4096.
    assert stored["0.bias"][0].item() == 1365 / 4096
    assert stored["1.bias"][0].item() == network[1].bias[0].item()
    assert stored["1.num_batches_tracked"].dtype == torch.int64
