"""Which layers give maps, how these are laid out, and which one is explained by default."""

from collections import OrderedDict

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torchvision import models
from torchvision.ops import Permute

from tests.networks import Net, Of, convnext, rows_of_a_map, swin, vit
from tests.reference import nets
from xai_core.errors import ModelError
from xai_core.models import Classifier
from xai_core.models.architectures import build_network
from xai_core.models.map_layers import find_map_layers, token_grid


def maxvit():
    return models.MaxVit(
        input_size=(32, 32),
        stem_channels=8,
        partition_size=2,
        block_channels=[8, 8],
        block_layers=[1, 1],
        head_dim=4,
        stochastic_depth_prob=0.0,
        num_classes=3,
    )


def joined():
    """A concatenation that no module gives by itself; behind it a ReLU takes it on."""
    return Net(
        lambda net, x: net.fc(net.act(torch.cat([net.one(x), net.two(x)], 1)).mean((2, 3))),
        one=nn.Conv2d(3, 2, 1),
        two=nn.Conv2d(3, 2, 3, padding=1),
        act=nn.ReLU(),
        fc=nn.Linear(4, 3),
    )


def twice():
    """Its last convolution runs twice, so that it has no single map."""
    layers = {"first": nn.Conv2d(3, 4, 3), "again": nn.Conv2d(4, 4, 1), "fc": nn.Linear(4, 3)}
    return Net(lambda net, x: net.fc(net.again(net.again(net.first(x))).mean((2, 3))), **layers)


def squeezed():
    """Its last convolution sees one place only."""
    return Net(
        lambda net, x: net.head(net.conv(x).mean((2, 3), keepdim=True)).flatten(1),
        conv=nn.Conv2d(3, 4, 3),
        head=nn.Conv2d(4, 3, 1),
    )


def unused():
    """Its last convolution does not reach the scores."""

    def run(net, x):
        x = net.conv(x)
        net.side(x)
        return net.fc(x.mean((2, 3)))

    return Net(run, conv=nn.Conv2d(3, 4, 3), side=nn.Conv2d(4, 4, 3), fc=nn.Linear(4, 3))


def overwriting():
    """Overwrites a value, so that it cannot be recorded."""

    def run(net, x):
        x = net.two(net.one(x))
        x[:, 0] = 0
        return net.fc(x.mean((2, 3)))

    return Net(run, one=nn.Conv2d(3, 4, 3), two=nn.Conv2d(4, 4, 3), fc=nn.Linear(4, 3))


class VGG(nn.Module):
    """torchvision's, without its 124 million weights behind the average."""

    def __init__(self, features):
        super().__init__()
        self.features, self.avgpool = features, nn.AdaptiveAvgPool2d(7)
        self.classifier = nn.Linear(512 * 7 * 7, 3)

    forward = models.VGG.forward


def vgg11_bn():
    return VGG(models.vgg.make_layers(models.vgg.cfgs["A"], batch_norm=True))


def bottlenecks():
    return models.ResNet(models.resnet.Bottleneck, [1, 1, 0, 0], num_classes=3)


def regnet():
    parameters = models.regnet.BlockParams.from_init_params(
        depth=4, w_0=8, w_a=8.0, w_m=2.0, group_width=8, se_ratio=0.25
    )
    return models.RegNet(parameters, num_classes=3)


def ending(*end):
    """A convolution, what follows it, and an end in which every value counts."""
    return Net(
        lambda net, x: net.fc(net.end(net.conv(x)).mean((2, 3))),
        conv=nn.Conv2d(3, 4, 3, padding=1),
        end=end[0] if len(end) == 1 else nn.Sequential(*end),
        fc=nn.Linear(4, 3),
    )


def swish(x):
    """An activation of two steps."""
    return x * torch.sigmoid(x)


class Residual(nn.Module):
    """norm, a gate from the mean of every channel, + a second branch, ReLU."""

    def __init__(self, gated=False, read_twice=False):
        super().__init__()
        self.norm, self.fc = nn.BatchNorm2d(4), nn.Conv2d(4, 4, 1)
        self.act, self.gated, self.read_twice = nn.ReLU(), gated, read_twice

    def forward(self, x):
        a = self.norm(x)
        if self.gated:
            a = a * torch.sigmoid(self.fc(a.mean((2, 3), keepdim=True)))
        b = self.act(a + 1)
        # What goes past the ReLU would be missing from its map.
        return b + F.avg_pool2d(x, 3, 1, 1) if self.read_twice else b


@pytest.mark.parametrize(
    ("pool", "layer"),
    [
        (nn.MaxPool2d(2), "pool"),
        (nn.MaxPool2d(8), "norm"),  # a single place
        (nn.AdaptiveAvgPool2d(1), "norm"),
        (nn.Sigmoid(), "norm"),  # another activation, not that behind the convolution
        (nn.Identity(), "pool"),  # it gives the ReLU's value
    ],
)
def test_where_no_module_gives_the_activation(pool, layer):
    """The ReLU is a function."""
    net = Net(
        lambda net, x: net.fc(net.pool(F.relu(net.norm(net.conv(x)))).mean((2, 3))),
        conv=nn.Conv2d(3, 4, 3, padding=1),
        norm=nn.BatchNorm2d(4),
        pool=pool,
        fc=nn.Linear(4, 3),
    )
    maps = find_map_layers(net.eval(), torch.zeros(1, 3, 8, 8), ["conv", "fc"])
    assert maps.default == layer


def test_the_end_of_a_densenet():
    """norm5 is followed by a ReLU that is a function, which no layer gives."""
    clf = classifier(models.DenseNet(4, (2, 2), 8, num_classes=3), 64)
    assert clf.cam_layer == "features.norm5"


def classifier(net, side=32):
    return Classifier(net, ["a", "b", "c"], (side, side))


@pytest.mark.parametrize(
    ("net", "side", "layer"),
    [
        # Its ReLU runs twice: the block gives what the second time gave.
        (lambda: models.resnet18(num_classes=3), 64, "layer4.1"),
        # At 32 pixels the fourth stage has a single place.
        (lambda: models.resnet18(num_classes=3), 32, "layer3.1"),
        (bottlenecks, 64, "layer4.0"),
        (lambda: build_network("vgg-tiny", 3), 64, "relu10"),
        (lambda: models.alexnet(num_classes=3), 64, "features.11"),
        (vgg11_bn, 32, "features.27"),
        (lambda: models.squeezenet1_1(num_classes=3), 64, "classifier.2"),
        (lambda: models.googlenet(num_classes=3, init_weights=False), 64, "inception5b"),
        (lambda: models.MobileNetV2(3, 0.1), 64, "features.18.2"),
        (lambda: models.mobilenet_v3_small(num_classes=3), 64, "features.12.2"),
        (lambda: models.efficientnet_b0(num_classes=3), 64, "features.8.2"),
        (lambda: models.MNASNet(0.1, 3), 64, "layers.16"),
        (lambda: models.shufflenet_v2_x0_5(num_classes=3), 64, "conv5.2"),
        (regnet, 64, "trunk_output.block3.block3-1.activation"),
        (lambda: convnext(2), 32, "features.3.1.block.0"),
        (vit, 32, "encoder.layers.encoder_layer_1.ln_1"),
        (swin, 32, "features.3.0.norm1"),
        # Its windows are no maps: [N, windows, places, channels].
        (maxvit, 32, "blocks.1.layers.0.layers.MBconv.layers.conv_c"),
        (joined, 8, "act"),
        (lambda: ending(nn.ReLU()), 8, "end"),
        (lambda: ending(nn.BatchNorm2d(4), nn.ReLU()), 8, "end.1"),
        (lambda: ending(nn.BatchNorm2d(4)), 8, "end"),
        (lambda: ending(nn.GroupNorm(2, 4), nn.GELU()), 8, "end.1"),
        (lambda: ending(nn.ReLU(), nn.BatchNorm2d(4)), 8, "end.0"),
        (lambda: ending(Of(swish)), 8, "end"),
        (lambda: ending(Residual()), 8, "end.act"),
        (lambda: ending(Residual(gated=True)), 8, "end.act"),
        (lambda: ending(Residual(read_twice=True)), 8, "conv"),
        (lambda: ending(nn.MaxPool2d(2), nn.ReLU()), 8, "conv"),
        (twice, 8, "first"),
        (squeezed, 8, "conv"),
        (unused, 8, "conv"),
        (overwriting, 8, "two"),
    ],
)
def test_the_layer_that_is_explained_by_default(net, side, layer):
    clf = classifier(net(), side)
    assert clf.cam_layer == layer
    assert layer in clf.map_layers.layouts


@pytest.mark.parametrize("name", nets.NAMES)
def test_a_projection_beside_the_last_convolution_is_passed_over(name):
    # In ResSmall block2.proj_conv runs after block2.conv2; both are added in front of the ReLU.
    clf = nets.classifier(name)
    assert clf.cam_layer == nets.LAST_RELU[name]


def test_a_network_without_convolution_says_so():
    with pytest.raises(ModelError, match="no convolution"):
        classifier(nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 3))).cam_layer  # noqa: B018


def test_a_chosen_layer_overrules():
    assert Classifier(joined(), ["a", "b", "c"], (8, 8), cam_layer="one").cam_layer == "one"


def test_layouts_are_read_from_what_is_done_with_a_value():
    layouts = classifier(convnext()).map_layers.layouts
    # conv, permute, norm, linear, GELU, linear, permute
    ends = [layouts[f"features.1.0.block.{index}"] for index in range(7)]
    assert ends == ["channels first"] + ["channels last"] * 5 + ["channels first"]
    # Its LayerNorm2d turns the axes there and back.
    assert layouts["features.0.1"] == "channels first"
    layouts = classifier(swin()).map_layers.layouts
    assert layouts["features.0.0"] == "channels first"
    # Whole blocks and stages, and the activation inside.
    for name in ("features.1", "features.1.0", "features.1.0.mlp.1", "norm"):
        assert layouts[name] == "channels last"
    layouts = classifier(vit()).map_layers.layouts
    assert layouts["conv_proj"] == "channels first"
    assert layouts["encoder.layers.encoder_layer_0"] == "tokens"
    assert "heads.head" not in layouts


def test_windows_of_a_map_are_no_map():
    net = maxvit()
    layouts = classifier(net).map_layers.layouts
    inside = [name for name, _ in net.named_modules() if name.endswith("attn_layer.0")]
    assert len(inside) == 4
    assert not set(inside) & set(layouts)


def test_what_cannot_be_told_is_left_out():
    assert classifier(rows_of_a_map(), 8).map_layers.layouts == {"conv": "channels first"}


def test_values_with_three_axes_that_are_no_tokens():
    # Takes the rows of a map one by one: 5 * 8 values do not make a grid on a square.
    layers = {"conv": nn.Conv2d(3, 5, 1), "rows": nn.Linear(8, 8), "fc": nn.Linear(8, 3)}
    net = Net(lambda net, x: net.fc(net.rows(net.conv(x).flatten(1, 2)).mean(1)), **layers)
    assert classifier(net, 8).map_layers.layouts == {"conv": "channels first"}


def test_permutations_are_read_however_they_are_written():
    def run(net, x):
        x = net.act(net.turn(net.conv(x)))
        x = net.back(x.permute(0, -1, 1, 2))
        return net.fc(F.avg_pool2d(x.permute((0, 1, 2, 3)), 8).flatten(1))

    layers = {"conv": nn.Conv2d(3, 4, 1), "turn": Permute([0, 2, 3, 1]), "act": nn.Tanh()}
    net = Net(run, **layers, back=nn.Sigmoid(), fc=nn.Linear(4, 3))
    assert classifier(net, 8).map_layers.layouts == OrderedDict(
        conv="channels first",
        turn="channels last",
        act="channels last",
        back="channels first",
    )


@pytest.mark.parametrize(
    ("count", "size", "grid"),
    [
        (16, (32, 32), (4, 4)),
        (17, (32, 32), (4, 4)),  # one of them is a class token
        (197, (224, 224), (14, 14)),
        (18, (32, 32), None),  # a distillation token more
        (8, (64, 32), (4, 2)),
        (9, (32, 64), (2, 4)),
        (8, (32, 32), None),
        (2, (32, 32), (1, 1)),
        (1, (32, 64), None),
    ],
)
def test_tokens_lie_on_a_grid_in_the_pictures_aspect(count, size, grid):
    assert token_grid(count, size) == grid
