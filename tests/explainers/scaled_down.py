"""torchvision's architectures, scaled down to networks that take milliseconds."""

import copy
import functools

import torch
from torch import nn
from torch.nn import functional as F
from torchvision.models.densenet import DenseNet
from torchvision.models.inception import InceptionA, InceptionB
from torchvision.models.mobilenetv2 import MobileNetV2
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet
from torchvision.models.shufflenetv2 import ShuffleNetV2
from torchvision.models.vgg import VGG, make_layers
from torchvision.ops import SqueezeExcitation

from xai_core.models.classifier import Classifier

CLASSES = ["a", "b", "c", "d"]


class SmallVGG(nn.Module):
    """torchvision's VGG with a narrow end; its own constructor would draw 120 million weights."""

    def __init__(self, batch_norm):
        super().__init__()
        self.features = make_layers([4, "M", 6, 6, "M"], batch_norm)
        self.avgpool = nn.AdaptiveAvgPool2d((2, 2))
        layers = [nn.Linear(24, 9), nn.ReLU(True), nn.Dropout()]
        layers += [nn.Linear(9, 7), nn.ReLU(True), nn.Dropout(), nn.Linear(7, 4)]
        self.classifier = nn.Sequential(*layers)

    forward = VGG.forward


class SmallInception(nn.Module):
    """Inception v3's way to take a picture, and blocks that branch, pool and concatenate."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 6, 3, stride=2, bias=False), nn.BatchNorm2d(6))
        self.a = InceptionA(6, pool_features=4)
        self.b = InceptionB(228)
        self.fc = nn.Linear(708, 4)

    def forward(self, x):
        parts = [
            torch.unsqueeze(x[:, c], 1) * scale + shift
            for c, (scale, shift) in enumerate(((0.458, -0.03), (-0.448, -0.088), (0.45, -0.188)))
        ]
        x = self.b(self.a(F.relu(self.stem(torch.cat(parts, 1)))))
        return self.fc(torch.flatten(F.adaptive_avg_pool2d(x, 1), 1))


class Product(nn.Module):
    """A squeeze-and-excitation block, LayerNorm, and a difference of branches."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding="same", dilation=2)
        self.se = SqueezeExcitation(8, 4)
        self.norm = nn.LayerNorm(8)
        self.fc = nn.Linear(8, 4)

    def forward(self, x):
        x = self.se(self.conv(x))
        x = self.norm(x.mean((2, 3)) - x.amax((2, 3)))
        return self.fc(F.gelu(x))


NETS = {
    "vgg": lambda: SmallVGG(False),
    "vgg_bn": lambda: SmallVGG(True),
    "resnet": lambda: ResNet(BasicBlock, [1, 1, 1, 1], num_classes=4),
    "resnext": lambda: ResNet(Bottleneck, [1, 1, 1, 1], num_classes=4, groups=4, width_per_group=2),
    "densenet": lambda: DenseNet(4, (2, 2), 8, num_classes=4),
    "inception": SmallInception,
    "mobilenet": lambda: MobileNetV2(
        num_classes=4,
        inverted_residual_setting=[[1, 8, 1, 1], [3, 12, 2, 2]],
        width_mult=0.5,
    ),
    "shufflenet": lambda: ShuffleNetV2([2, 1, 1], [8, 12, 16, 24, 32], num_classes=4),
    "product": Product,
}


def drawn(net, seed=0):
    """Weights of both signs, and BatchNorms that do something."""
    generator = torch.Generator().manual_seed(seed)
    net = net.double().eval()
    with torch.no_grad():
        for name, tensor in [*net.named_parameters(), *net.named_buffers()]:
            if tensor.is_floating_point():
                spread = 1.0 if tensor.dim() < 2 else (2 / tensor[0].numel()) ** 0.5
                tensor.normal_(0, spread, generator=generator)
            if name.endswith("running_var"):
                tensor.abs_().add_(0.2)
    return net


def small(name):
    """A classifier of that network, which the caller may change, and two pictures for it."""
    return copy.deepcopy(_loaded(name))


@functools.cache
def _loaded(name):
    side = 40 if name == "inception" else 32
    generator = torch.Generator().manual_seed(1)
    x = torch.randn((2, 3, side, side), generator=generator, dtype=torch.float64)
    return Classifier(drawn(NETS[name]()), CLASSES, (side, side)), x
