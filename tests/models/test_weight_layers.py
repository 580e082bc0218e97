"""Layers come in the order in which the network runs them."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrizations
from torchvision import models

from tests.networks import vit
from xai_core.errors import ModelError
from xai_core.models.architectures import build_network
from xai_core.models.weight_layers import module_at, weight_layers


class Backwards(nn.Module):
    """Registered in another order than it runs; with a reused, an unused and a bare weight."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(4, 2)
        self.unused = nn.Linear(4, 2)
        self.norm = nn.LayerNorm([4, 8, 8])
        self.position = nn.Parameter(torch.zeros(1, 4, 8, 8))
        self.shared = nn.Conv2d(4, 4, 3, padding=1)
        self.first = nn.Conv2d(3, 4, 1)
        self.own = Own()

    def forward(self, x):
        x = self.shared(self.first(x)) + self.position
        x = self.shared(self.own(self.norm(x)))
        return self.head(x.mean((2, 3)))


class Own(nn.Module):
    """A convolution that is no nn.Conv2d."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(4, 4, 1, 1))

    def forward(self, x):
        return F.conv2d(x, self.weight)


PROBE = torch.zeros(1, 3, 8, 8)


def test_execution_order_not_registration_order():
    assert weight_layers(Backwards(), PROBE) == ["first", "shared", "own", "head"]


def test_no_hook_is_left_also_when_the_network_raises():
    net = Backwards()
    weight_layers(net, PROBE)
    with pytest.raises(RuntimeError):
        weight_layers(net, torch.zeros(1, 2, 8, 8))
    assert not any(module._forward_pre_hooks for module in net.modules())


def test_reparametrised_convolutions_count():
    net = nn.Sequential(parametrizations.weight_norm(nn.Conv2d(3, 2, 1)), nn.Flatten())
    assert weight_layers(net, PROBE) == ["0"]


def test_modified_vgg16_has_the_13_layers_of_s_table_7_1():
    net = build_network("vgg-tiny", 100).eval()
    expected = [f"conv{i}" for i in range(1, 11)] + ["fc1", "fc2", "fc3"]
    assert weight_layers(net, torch.zeros(1, 3, 64, 64)) == expected


def test_attention_projections_count_although_their_modules_are_not_called():
    net = vit().eval()
    layers = weight_layers(net, torch.zeros(1, 3, 32, 32))
    block = "encoder.layers.encoder_layer_0"
    assert layers[:5] == [
        "conv_proj",
        f"{block}.self_attention",
        f"{block}.self_attention.out_proj",
        f"{block}.mlp.0",
        f"{block}.mlp.3",
    ]
    assert layers[-1] == "heads.head"
    assert len(layers) == 1 + 2 * 4 + 1


def test_resnet18_has_21_layers():
    # 1 stem, 16 in blocks, 3 shortcuts, 1 head (He et al. 2016, table 1).
    net = models.resnet18(num_classes=3).eval()
    layers = weight_layers(net, torch.zeros(1, 3, 32, 32))
    assert len(layers) == 21
    assert layers[0] == "conv1"
    assert layers[-1] == "fc"


def test_unknown_layers_are_answered_with_similar_names():
    net = Backwards()
    assert module_at(net, "shared") is net.shared
    with pytest.raises(ModelError, match=r"no layer 'shred'\. Similar names: shared"):
        module_at(net, "shred")
    with pytest.raises(ModelError, match=r"no layer ''"):
        module_at(net, "")
