"""Small networks [N, 3, 16, 16] -> logits [N, 3] of many kinds, and the layers they have.

Of every network ``LAYERS`` says, written by hand from output to input, which layers it has and
what belongs to each of them.
"""

import copy
import functools
from collections import OrderedDict
from functools import partial

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrizations
from torchvision.models.convnext import CNBlockConfig, ConvNeXt
from torchvision.models.densenet import DenseNet
from torchvision.models.vision_transformer import VisionTransformer

from tests.reference.nets import ResBlock
from xai_core.models.classifier import Classifier

CLASSES = ["ant", "bee", "cat"]
SIZE = (16, 16)
WEIGHTS = ("weight", "bias")
STATISTICS = ("running_mean", "running_var")
VECTORS = ("_u", "_v")  # of spectral norm
COUNTED = "num_batches_tracked"


def plain():
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(3, 6, 3, bias=False),
            bn1=nn.BatchNorm2d(6),
            relu1=nn.ReLU(),
            conv2=nn.Conv2d(6, 6, 3),
            bn2=nn.BatchNorm2d(6, affine=False),
            relu2=nn.ReLU(),
            conv3=nn.Conv2d(6, 6, 3),
            relu3=nn.ReLU(),
            pool=nn.AdaptiveAvgPool2d(2),
            flatten=nn.Flatten(),
            fc1=nn.Linear(24, 24),
            bn4=nn.BatchNorm1d(24, track_running_stats=True),
            relu4=nn.ReLU(),
            fc2=nn.Linear(24, 3),
        )
    )


def branches():
    return nn.Sequential(
        OrderedDict(
            stem=nn.Conv2d(3, 4, 3),
            block=ResBlock(4, 6, stride=2),
            pool=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),
            fc=nn.Linear(6, 3),
        )
    )


class Functional(nn.Module):
    """Owns its weights itself; a convolution's and its head's are multiplied by functions."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.scale = nn.Parameter(torch.rand(4, 1, 1))
        self.head = nn.Parameter(torch.randn(3, 4))
        self.shift = nn.Parameter(torch.randn(3))

    def forward(self, x):
        x = F.relu(self.norm(self.conv(x))) * self.scale
        return F.linear(x.mean((2, 3)), self.head, self.shift)


class Unused(nn.Module):
    """Has a second head, and a convolution that nobody calls, with a BatchNorm."""

    def __init__(self):
        super().__init__()
        self.spare = nn.Linear(4, 3)
        self.left = nn.Sequential(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4))
        self.conv = nn.Conv2d(3, 4, 3)
        self.fc = nn.Linear(4, 3)

    def forward(self, x):
        return self.fc(self.conv(x).mean((2, 3)))


class Tied(nn.Module):
    """The second convolution has the first one's weight, and a bias; the third nothing own."""

    def __init__(self):
        super().__init__()
        self.one = nn.Conv2d(3, 3, 3, bias=False)
        self.two = nn.Conv2d(3, 3, 3)
        self.three = nn.Conv2d(3, 3, 3, bias=False)
        self.two.weight = self.three.weight = self.one.weight
        self.fc = nn.Linear(3, 3)

    def forward(self, x):
        x = self.two(self.one(x).relu()).relu()
        return self.fc(self.three(x).mean((2, 3)))


class Before(nn.Module):
    """Normalises and scales the pictures, by what it has learnt, in front of the first layer."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(3)
        self.gain = nn.Parameter(torch.ones(3, 1, 1) + 0.5 * torch.rand(3, 1, 1))
        self.conv = nn.Conv2d(3, 4, 3)
        self.fc = nn.Linear(4, 3)

    def forward(self, x):
        return self.fc(self.conv(self.norm(x) * self.gain).mean((2, 3)))


class Length(nn.Module):
    """Its logits depend on the length of what the convolution gives, which has no slope at 0."""

    def __init__(self, bias=True):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, bias=bias)
        self.fc = nn.Linear(4, 3)

    def forward(self, x):
        return self.fc(self.conv(x).square().mean((2, 3)).sqrt())


def wrapped(wrap):
    """What ``wrap`` makes of a convolution stands between another one and the Linear."""
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(3, 6, 3),
            relu1=nn.ReLU(),
            conv2=wrap(nn.Conv2d(6, 6, 3)),
            relu2=nn.ReLU(),
            pool=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),
            fc=nn.Linear(6, 3),
        )
    )


def own(name, *more):
    """A layer with a weight and a bias, and more that belongs to it."""
    return (name, {f"{name}.weight", f"{name}.bias", *more})


def norm(name, *keys):
    return {f"{name}.{key}" for key in (keys or (*WEIGHTS, *STATISTICS))}


_DENSE = "features.denseblock1.denselayer"
_VIT = "encoder.layers.encoder_layer_0"
_NEXT = "features.1"
_WEIGHT = "conv2.parametrizations.weight"
LAYERS = {
    "plain": [
        own("fc2"),
        own("fc1", *norm("bn4")),
        own("conv3"),
        own("conv2", *norm("bn2", *STATISTICS)),
        ("conv1", {"conv1.weight", *norm("bn1")}),
    ],
    "branches": [
        own("fc"),
        ("block.proj_conv", {"block.proj_conv.weight", *norm("block.proj_bn")}),
        ("block.conv2", {"block.conv2.weight", *norm("block.bn2")}),
        ("block.conv1", {"block.conv1.weight", *norm("block.bn1")}),
        own("stem"),
    ],
    "dense": [
        own("classifier"),
        (f"{_DENSE}2.conv2", {f"{_DENSE}2.conv2.weight", *norm("features.norm5")}),
        (f"{_DENSE}2.conv1", {f"{_DENSE}2.conv1.weight", *norm(f"{_DENSE}2.norm2")}),
        (f"{_DENSE}1.conv2", {f"{_DENSE}1.conv2.weight", *norm(f"{_DENSE}2.norm1")}),
        (f"{_DENSE}1.conv1", {f"{_DENSE}1.conv1.weight", *norm(f"{_DENSE}1.norm2")}),
        (
            "features.conv0",
            {"features.conv0.weight", *norm("features.norm0"), *norm(f"{_DENSE}1.norm1")},
        ),
    ],
    "transformer": [
        own("heads.head"),
        own(f"{_VIT}.mlp.3", *norm("encoder.ln", *WEIGHTS)),
        own(f"{_VIT}.mlp.0"),
        own(f"{_VIT}.self_attention.out_proj", *norm(f"{_VIT}.ln_2", *WEIGHTS)),
        (f"{_VIT}.self_attention", {f"{_VIT}.self_attention.in_proj_{key}" for key in WEIGHTS}),
        own(
            "conv_proj",
            "class_token",
            "encoder.pos_embedding",
            *norm(f"{_VIT}.ln_1", *WEIGHTS),
        ),
    ],
    "convnext": [
        own("classifier.2"),
        own(
            f"{_NEXT}.1.block.5",
            f"{_NEXT}.1.layer_scale",
            *norm("classifier.0", *WEIGHTS),
        ),
        own(f"{_NEXT}.1.block.3"),
        own(f"{_NEXT}.1.block.0", *norm(f"{_NEXT}.1.block.2", *WEIGHTS)),
        own(f"{_NEXT}.0.block.5", f"{_NEXT}.0.layer_scale"),
        own(f"{_NEXT}.0.block.3"),
        own(f"{_NEXT}.0.block.0", *norm(f"{_NEXT}.0.block.2", *WEIGHTS)),
        own("features.0.0", *norm("features.0.1", *WEIGHTS)),
    ],
    # What is the network's own is one layer, wherever it is used.
    "functional": [("", {"scale", "head", "shift"}), own("conv", *norm("norm"))],
    "unused": [
        own("fc"),
        own(
            "conv",
            *norm("spare", *WEIGHTS),
            *norm("left.0", *WEIGHTS),
            *norm("left.1"),
        ),
    ],
    "tied": [own("fc"), ("two", {"two.bias"}), ("one", {"one.weight"})],
    "before": [own("fc"), own("conv", "gain", *norm("norm"))],
    "computed": [
        own("fc"),
        ("conv2", {"conv2.bias", f"{_WEIGHT}.original0", f"{_WEIGHT}.original1"}),
        own("conv1"),
    ],
    "spectral": [
        own("fc"),
        ("conv2", {"conv2.bias", *(f"{_WEIGHT}.{key}" for key in ("original", "0._u", "0._v"))}),
        own("conv1"),
    ],
}
_BUILDERS = {
    "plain": plain,
    "branches": branches,
    # Pre-activation: BatchNorm and ReLU come before the convolution.
    "dense": partial(DenseNet, 4, (2,), 8, bn_size=2, num_classes=3),
    "transformer": partial(VisionTransformer, 16, 8, 1, 2, 8, 16, num_classes=3),
    # With a scale of its own for every channel of a block (layer scale).
    "convnext": partial(ConvNeXt, [CNBlockConfig(6, None, 2)], layer_scale=0.5, num_classes=3),
    "functional": Functional,
    "unused": Unused,
    "tied": Tied,
    "before": Before,
    # The convolution's weight is computed from two parameters in every run, or divided by its
    # largest singular value, which two vectors know.
    "computed": partial(wrapped, parametrizations.weight_norm),
    "spectral": partial(wrapped, parametrizations.spectral_norm),
}
KINDS = tuple(_BUILDERS)


def trained(kind, dtype=torch.float64, drawn=True):
    """A classifier whose weights and statistics are all different, as after a training.

    Unless they are ``drawn`` they are as the network begins its training.
    """
    return copy.deepcopy(_trained(kind, dtype, drawn))


@functools.cache
def _trained(kind, dtype, drawn):
    """To copy one is much quicker than to make it, which tries the network out."""
    torch.manual_seed(0)
    net = _BUILDERS[kind]()
    with torch.no_grad():
        for name, tensor in [*net.named_parameters(), *net.named_buffers()] if drawn else []:
            if tensor.is_floating_point():
                spread = 1.0 if tensor.dim() < 2 else (2 / tensor[0].numel()) ** 0.5
                tensor.normal_(0, spread)
            if name.endswith("running_var"):
                tensor.abs_().add_(0.2)
    return Classifier(net.to(dtype), CLASSES, SIZE, title="Small")


def tensors(clf):
    """What the network has learnt, by name; what is tied is there by every name."""
    state = clf.module.state_dict()
    return {name: tensor for name, tensor in state.items() if not name.endswith(COUNTED)}


def order_counts(tensor):
    """Whether shuffled values cannot well be in their old order: 4! is 24, and chance is enough."""
    return tensor.numel() > 4
