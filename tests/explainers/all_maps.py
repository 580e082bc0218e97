"""Maps of the whole method table, in every layout and process: for test_same_everywhere.

Run as a program, it computes them in a process of its own: the file of what it is given, the
file for its maps.
"""

import sys
from collections import OrderedDict
from pathlib import Path

import torch
from torch import nn

from tests.reference import nets
from xai_core.explainers import METHODS, Panel
from xai_core.models.classifier import Classifier

MEAN, STD = (0.5, 0.45, 0.4), (0.25, 0.2, 0.3)
BLACK = torch.tensor([-m / s for m, s in zip(MEAN, STD, strict=True)], dtype=torch.float64)
TARGETS = [3, 1]
NETWORKS = ("vgg", "residual")
# The first has no end that CAM is defined for.
METHODS_OF = {"vgg": [name for name in METHODS if name != "cam"], "residual": list(METHODS)}


def modules():
    """A VGG with BatchNorm and two max-poolings, and a ResNet that pools behind its first layer."""
    layers = OrderedDict()
    for name, child in nets.load("ResSmall").named_children():
        layers[name] = child
        if name == "relu0":
            layers["pool0"] = nn.MaxPool2d(3, 2, 1)
    return {"vgg": nets.load("VGGSmallBN"), "residual": nn.Sequential(layers)}


def pictures():
    """Two pictures [2, 3, 32, 32], one between black bars and one with even areas."""
    x = nets.oracle("x").clone()
    x[0, :, :10] = x[0, :, 27:] = BLACK.view(3, 1, 1)
    x[1, :, :, 20:] = torch.tensor([0.3, -0.7, 1.1]).view(3, 1, 1)
    x[1, :, 5:12, 3:9] = 0
    return x


def given():
    """All that maps are computed from."""
    return {
        "x": pictures(),
        # What pictures are compared to: even ones, and two others.
        "baseline": BLACK.view(1, 3, 1, 1).expand(1, 3, 32, 32).clone(),
        "baselines": torch.cat(
            [
                BLACK.view(1, 3, 1, 1).expand(1, 3, 32, 32),
                torch.full((1, 3, 32, 32), 0.4, dtype=torch.float64),
                nets.oracle("baselines8")[:2],
            ]
        ),
        "weights": {name: net.state_dict() for name, net in modules().items()},
    }


def maps(network, data, dtype=torch.float64, *, x=None, targets=TARGETS, module_layout=None):
    """Maps of every method with its quick settings, by its id."""
    net = modules()[network]
    net.load_state_dict(data["weights"][network])
    net = net.to(dtype)
    if module_layout is not None:
        net = net.to(memory_format=module_layout)
    clf = Classifier(net, nets.CLASSES, nets.SIZE, MEAN, STD)
    x = (data["x"] if x is None else x).to(dtype)
    requests = {name: dict(METHODS[name].quick) for name in METHODS_OF[network]}
    for name in requests:
        for param in METHODS[name].params:
            if param.name in ("baseline", "baselines"):
                requests[name][param.name] = data[param.name].to(dtype)
    panel = Panel(clf, x, targets, requests)
    return {name: panel.explain(name) for name in requests}


def every_map(data):
    """Of both networks, in both types."""
    return {
        f"{network} {kind}": maps(network, data, getattr(torch, kind))
        for network in NETWORKS
        for kind in ("float64", "float32")
    }


if __name__ == "__main__":
    source, target = map(Path, sys.argv[1:])
    torch.save(every_map(torch.load(source, weights_only=True)), target)
