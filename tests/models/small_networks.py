"""Small networks under names of their own, known to the table of signatures."""

import csv
from collections import OrderedDict
from collections.abc import Callable

import pytest
from torch import nn

from xai_core.models import architectures, recognition, signatures


def small(classes):
    """A network whose last layer is 'fc', for 8 by 8 pixels."""
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(3, 4, 3),
            bn1=nn.BatchNorm2d(4),
            relu=nn.ReLU(),
            conv2=nn.Conv2d(4, 5, 3),
            pool=nn.AdaptiveAvgPool2d(2),
            flatten=nn.Flatten(),
            fc=nn.Linear(20, classes),
        )
    )


def staged(classes):
    """A network whose last layer is 'classifier.1'."""
    layers = small(classes)
    return nn.Sequential(
        OrderedDict(
            features=layers[:4],
            pool=layers[4],
            flatten=layers[5],
            classifier=nn.Sequential(nn.Dropout(), layers[6]),
        )
    )


def leaky(classes):
    """The names and shapes of ``small``, but another activation."""
    network = small(classes)
    network.relu = nn.LeakyReLU()
    return network


Known = Callable[..., None]
NETWORKS = {"small": small, "staged": staged}


@pytest.fixture
def known(tmp_path, monkeypatch):
    """Makes networks known under their names, and the table of signatures hold no others."""

    def make(**networks):
        for name, builder in networks.items():
            monkeypatch.setitem(architectures.ARCHITECTURES, name, builder)
        file = tmp_path / "architectures.csv"
        with file.open("w", newline="") as lines:
            csv.writer(lines).writerows(signatures.signature(name) for name in networks)
        monkeypatch.setattr(signatures, "FILE", file)
        forget()

    yield make
    monkeypatch.undo()
    forget()


def forget():
    for cached in (signatures.signatures, recognition._by_signature):
        cached.cache_clear()
