"""Networks, layers and pictures that several tests need."""

from collections import OrderedDict

import torch
from torch import nn
from torchvision import models

from xai_core.models.classifier import Classifier


class Net(nn.Module):
    """Layers by name, and a function that runs them: ``run(net, x)``."""

    def __init__(self, run, **layers):
        super().__init__()
        self.run = run
        for name, layer in layers.items():
            setattr(self, name, layer)

    def forward(self, x):
        return self.run(self, x)


class Of(nn.Module):
    """A layer, or a network, of one function."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


class Counting(nn.Module):
    """Passes its input on and writes down how many pictures came, all copies in one list."""

    def __init__(self, sizes=None):
        super().__init__()
        self.sizes = [] if sizes is None else sizes

    def __deepcopy__(self, memo):
        return Counting(self.sizes)

    def forward(self, x):
        self.sizes.append(len(x))
        return x * 1


class Limited(nn.Module):
    """Passes its input on, as long as it is not of more pictures than memory has room for."""

    most = 1000

    def forward(self, x):
        if len(x) > Limited.most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return x * 1


class GuidedReLU(torch.autograd.Function):
    """A ReLU up to ``top`` with the way back of guided backpropagation, as it was first done."""

    @staticmethod
    def forward(ctx, a, top=torch.inf):
        ctx.save_for_backward(a)
        ctx.top = top
        return a.clamp(0, top)

    @staticmethod
    def backward(ctx, signal):
        (a,) = ctx.saved_tensors
        return signal.clamp(min=0) * ((a > 0) & (a < ctx.top)), None


def rows_of_a_map():
    """A linear layer along the rows of a map [N, 4, 8, 8]: are channels first, or last?"""
    layers = {"conv": nn.Conv2d(3, 4, 1), "rows": nn.Linear(8, 8), "fc": nn.Linear(4, 3)}
    return Net(lambda net, x: net.fc(net.rows(net.conv(x)).mean((2, 3))), **layers)


def vit():
    return models.VisionTransformer(32, 8, 2, 2, 16, 32, num_classes=3)


def swin():
    return models.SwinTransformer([4, 4], 8, [1, 1], [2, 2], [4, 4], num_classes=3)


def convnext(last=1):
    blocks = [models.convnext.CNBlockConfig(8, 16, 1)]
    blocks.append(models.convnext.CNBlockConfig(16, None, last))
    return models.ConvNeXt(blocks, num_classes=3)


def normal(net, spread, generator):
    """The network in float64 with normal weights; running variances from 0.5 to 2."""
    with torch.no_grad():
        for name, tensor in [*net.named_parameters(), *net.named_buffers()]:
            if name.endswith("running_var"):
                tensor.uniform_(0.5, 2, generator=generator)
            elif tensor.is_floating_point():
                tensor.normal_(0, spread, generator=generator)
    return net.double()


def pictures(*size, count=2, seed=1):
    """Normal values, float64 [count, 3, *size]."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn((count, 3, *size), generator=generator, dtype=torch.float64)


def between(*layers, seed=0):
    """A classifier with layers between two convolutions: [N, 3, 12, 12] -> [N, 3].

    They are ``body.1`` and so on, given four channels; their weights are drawn anew, and a
    BatchNorm of them does something.
    """
    torch.manual_seed(seed)
    body = nn.Sequential(
        nn.Conv2d(3, 4, 3), *layers, nn.Conv2d(4, 4, 3, padding=1), nn.AdaptiveAvgPool2d(2)
    )
    end = {
        "flatten": nn.Flatten(),
        "fc1": nn.Linear(16, 8),
        "act": nn.ReLU(),
        "fc2": nn.Linear(8, 3),
    }
    net = nn.Sequential(OrderedDict(body=body, **end))
    for layer in nn.ModuleList(layers).modules():
        if hasattr(layer, "reset_parameters"):
            layer.reset_parameters()
    with torch.no_grad():
        for layer in net.modules():
            if isinstance(layer, nn.BatchNorm2d) and layer.affine:
                layer.weight.normal_()
                layer.running_mean.normal_()
    return Classifier(net.double(), ["a", "b", "c"], (12, 12))
