"""Small fixed networks [N, 3, 32, 32] -> logits [N, 5], with the weights of tests/data/oracles.

Every ReLU, pooling and addition is a module of its own, used once.
"""

import copy
import functools
from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn

from xai_core.models.classifier import Classifier

ORACLES = Path(__file__).parents[1] / "data" / "oracles"
CLASSES = ["ant", "bee", "cat", "dog", "eel"]
SIZE = (32, 32)
LAST_CONV = {"VGGSmall": "conv4", "VGGSmallBN": "conv4", "ResSmall": "block2.conv2"}
LAST_RELU = {"VGGSmall": "relu4", "VGGSmallBN": "relu4", "ResSmall": "block2.relu2"}
NAMES = tuple(LAST_CONV)


class Add(nn.Module):
    def forward(self, a, b):
        return a + b


class ResBlock(nn.Module):
    """relu2(bn2(conv2(relu1(bn1(conv1(x))))) + shortcut(x)), the shortcut 1x1 if shapes differ."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.projects = (inputs, 1) != (outputs, stride)
        if self.projects:
            self.proj_conv = nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False)
            self.proj_bn = nn.BatchNorm2d(outputs)
        self.add = Add()
        self.relu2 = nn.ReLU()

    def forward(self, x):
        residual = self.bn2(self.conv2(self.relu1(self.bn1(self.conv1(x)))))
        shortcut = self.proj_bn(self.proj_conv(x)) if self.projects else x
        return self.relu2(self.add(residual, shortcut))


def vgg(batch_norm):
    layers, inputs = OrderedDict(), 3
    for index, outputs in enumerate((8, 8, 16, 16), start=1):
        layers[f"conv{index}"] = nn.Conv2d(inputs, outputs, 3, padding=1)
        if batch_norm:
            layers[f"bn{index}"] = nn.BatchNorm2d(outputs)
        layers[f"relu{index}"] = nn.ReLU()
        if index % 2 == 0:
            layers[f"pool{index // 2}"] = nn.MaxPool2d(2)
        inputs = outputs
    layers["flatten"] = nn.Flatten()
    layers["fc1"] = nn.Linear(16 * 8 * 8, 32)
    layers["relu5"] = nn.ReLU()
    layers["fc2"] = nn.Linear(32, len(CLASSES))
    return nn.Sequential(layers)


def resnet():
    layers = OrderedDict()
    layers["conv0"] = nn.Conv2d(3, 8, 3, padding=1, bias=False)
    layers["bn0"] = nn.BatchNorm2d(8)
    layers["relu0"] = nn.ReLU()
    layers["block1"] = ResBlock(8, 8, stride=1)
    layers["block2"] = ResBlock(8, 16, stride=2)
    layers["avgpool"] = nn.AdaptiveAvgPool2d(1)
    layers["flatten"] = nn.Flatten()
    layers["fc"] = nn.Linear(16, len(CLASSES))
    return nn.Sequential(layers)


def load(name):
    """The network of that name in float64 and evaluation mode."""
    net = resnet() if name == "ResSmall" else vgg(batch_norm=name == "VGGSmallBN")
    net = net.double()
    net.load_state_dict(load_file(ORACLES / name / "weights.safetensors"))
    return net.eval()


def classifier(name, mean=None, std=None, dtype=torch.float64, title="Model"):
    """A classifier of the network of that name, which the caller may change."""
    return copy.deepcopy(_loaded(name, mean, std, dtype, title))


@functools.cache
def _loaded(name, mean, std, dtype, title):
    """To copy one is much quicker than to load it, which tries the network out."""
    return Classifier(load(name).to(dtype), CLASSES, SIZE, mean, std, title=title)


def oracle(path):
    """Stored numbers, such as ``oracle("VGGSmall/targets")``, as a tensor."""
    return torch.from_numpy(np.load(ORACLES / f"{path}.npy"))
