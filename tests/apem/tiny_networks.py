"""Small networks whose answers follow by hand, or that are quick enough for the literal loops."""

import pandas as pd
import torch
from torch import nn

from xai_core.models import Classifier

WEIGHTS = (4.0, 1.0, 1.0, 2.0)  # of the four pixels, in every channel


class Linear(nn.Module):
    """Two classes: ``w x`` against 0, on pictures of two by two pixels."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.tensor(WEIGHTS).view(1, 1, 2, 2))

    def forward(self, x):
        score = (self.w * x).sum((1, 2, 3))
        return torch.stack([score, torch.zeros_like(score)], 1)


class Peak(nn.Module):
    """The second class wins while the picture's sum is within half of 3."""

    def forward(self, x):
        score = 0.5 - (x.sum((1, 2, 3)) - 3).abs()
        return torch.stack([torch.zeros_like(score), score], 1)


class Trap(nn.Module):
    """The second class wins from 9.5 on in the picture's sum, and where its first pixel is ``at``.

    On the first pixel it waits for no more than ``width`` to each side.
    """

    def __init__(self, at, width):
        super().__init__()
        self.at = nn.Parameter(torch.tensor(at, dtype=torch.float64))
        self.width = width

    def forward(self, x):
        near = 1 - (x[..., 0, 0].sum(1) - self.at).abs() / self.width
        score = x.sum((1, 2, 3)) - 9.5 + 20 * near.relu()
        return torch.stack([torch.zeros_like(score), score], 1)


class Constant(nn.Module):
    def forward(self, x):
        return torch.zeros((len(x), 2), dtype=x.dtype) * x.sum() + torch.tensor([1.0, 0.0]).to(x)


def classifier(module, size=(2, 2), classes=2, **facts):
    return Classifier(module, [f"class {k}" for k in range(classes)], size, **facts)


def linear_case(**facts):
    """``Linear``, and a picture whose score is 10.5."""
    return classifier(Linear(), **facts), torch.full((1, 3, 2, 2), 10.5 / (3 * sum(WEIGHTS)))


def map_of(*values):
    """A map [1, 1, 2, 2] of these values."""
    return torch.tensor(values).view(1, 1, 2, 2)


def small_net(seed, classes=3):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(4 * 3 * 3, classes),
    )  # fmt: skip


def small_case(seed, channels, zeros=0.0, scale=1.0, count=3):
    """A network on six by six pixels, pictures and maps."""
    clf = classifier(small_net(seed), (6, 6), 3, mean=(0.4,) * 3, std=(0.2, 0.25, 0.3))
    generator = torch.Generator().manual_seed(seed)
    x = scale * torch.randn((count, 3, 6, 6), generator=generator)
    r = torch.rand((count, channels, 6, 6), generator=generator)
    r = torch.where(torch.rand(r.shape, generator=generator) < zeros, 0.0, r)
    r[:, :, 0, 0] = 1.0
    return clf, x, r


def plain(values):
    return [None if pd.isna(value) else int(value) for value in values]
