"""Which layers give maps, how these are laid out, and which one is explained by default."""

from collections import OrderedDict

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torchvision import models
from torchvision.ops import Permute

from tests.reference import nets
from xai_core.errors import ModelError
from xai_core.models import Classifier
from xai_core.models.architectures import build_network
from xai_core.models.map_layers import find_map_layers, token_grid


def vit(**options):
    return models.VisionTransformer(
        image_size=32,
        patch_size=8,
        num_layers=2,
        num_heads=2,
        hidden_dim=16,
        mlp_dim=32,
        num_classes=3,
        **options,
    )


def swin(make=models.SwinTransformer, **options):
    return make(
        patch_size=[4, 4],
        embed_dim=8,
        depths=[1, 1],
        num_heads=[2, 2],
        window_size=[4, 4],
        num_classes=3,
        **options,
    )


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


def convnext():
    stages = [
        models.convnext.CNBlockConfig(8, 16, 1),
        models.convnext.CNBlockConfig(16, None, 2),
    ]
    return models.ConvNeXt(stages, num_classes=3)


class Joined(nn.Module):
    """A concatenation that no module gives by itself; behind it a ReLU takes it on."""

    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 2, 1), nn.Conv2d(3, 2, 3, padding=1)
        self.act, self.fc = nn.ReLU(), nn.Linear(4, 3)

    def forward(self, x):
        return self.fc(self.act(torch.cat([self.one(x), self.two(x)], 1)).mean((2, 3)))


class Twice(nn.Module):
    """Its last convolution runs twice, so that it has no single map."""

    def __init__(self):
        super().__init__()
        self.first, self.again, self.fc = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 1), nn.Linear(4, 3)

    def forward(self, x):
        return self.fc(self.again(self.again(self.first(x))).mean((2, 3)))


class Squeezed(nn.Module):
    """Its last convolution sees one place only."""

    def __init__(self):
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 3, 1)

    def forward(self, x):
        return self.head(self.conv(x).mean((2, 3), keepdim=True)).flatten(1)


class Unused(nn.Module):
    """Its last convolution does not reach the scores."""

    def __init__(self):
        super().__init__()
        self.conv, self.side, self.fc = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3), nn.Linear(4, 3)

    def forward(self, x):
        x = self.conv(x)
        self.side(x)
        return self.fc(x.mean((2, 3)))


class Overwriting(nn.Module):
    """Overwrites a value, so that it cannot be recorded."""

    def __init__(self):
        super().__init__()
        self.one, self.two, self.fc = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3), nn.Linear(4, 3)

    def forward(self, x):
        x = self.two(self.one(x))
        x[:, 0] = 0
        return self.fc(x.mean((2, 3)))


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


class Ending(nn.Module):
    """A convolution, what follows it, and an end in which every value counts."""

    def __init__(self, *end):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 4, 3, padding=1), nn.Linear(4, 3)
        self.end = end[0] if len(end) == 1 else nn.Sequential(*end)

    def forward(self, x):
        return self.fc(self.end(self.conv(x)).mean((2, 3)))


class Swish(nn.Module):
    """An activation of two steps."""

    def forward(self, x):
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


class Functional(nn.Module):
    """Its ReLUs are functions, so that no module gives what they give."""

    def __init__(self, pool):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.pool, self.fc = pool, nn.Linear(4, 3)

    def forward(self, x):
        return self.fc(self.pool(F.relu(self.norm(self.conv(x)))).mean((2, 3)))


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
    maps = find_map_layers(Functional(pool).eval(), torch.zeros(1, 3, 8, 8), ["conv", "fc"])
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
        (convnext, 32, "features.3.1.block.0"),
        (vit, 32, "encoder.layers.encoder_layer_1.ln_1"),
        (swin, 32, "features.3.0.norm1"),
        # Its windows are no maps: [N, windows, places, channels].
        (maxvit, 32, "blocks.1.layers.0.layers.MBconv.layers.conv_c"),
        (Joined, 8, "act"),
        (lambda: Ending(nn.ReLU()), 8, "end"),
        (lambda: Ending(nn.BatchNorm2d(4), nn.ReLU()), 8, "end.1"),
        (lambda: Ending(nn.BatchNorm2d(4)), 8, "end"),
        (lambda: Ending(nn.GroupNorm(2, 4), nn.GELU()), 8, "end.1"),
        (lambda: Ending(nn.ReLU(), nn.BatchNorm2d(4)), 8, "end.0"),
        (lambda: Ending(Swish()), 8, "end"),
        (lambda: Ending(Residual()), 8, "end.act"),
        (lambda: Ending(Residual(gated=True)), 8, "end.act"),
        (lambda: Ending(Residual(read_twice=True)), 8, "conv"),
        (lambda: Ending(nn.MaxPool2d(2), nn.ReLU()), 8, "conv"),
        (Twice, 8, "first"),
        (Squeezed, 8, "conv"),
        (Unused, 8, "conv"),
        (Overwriting, 8, "two"),
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
    assert Classifier(Joined(), ["a", "b", "c"], (8, 8), cam_layer="one").cam_layer == "one"


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
    class Odd(nn.Module):
        """A linear layer along the rows of a map: channels first, or last?"""

        def __init__(self):
            super().__init__()
            self.conv, self.rows, self.fc = nn.Conv2d(3, 4, 1), nn.Linear(8, 8), nn.Linear(4, 3)

        def forward(self, x):
            return self.fc(self.rows(self.conv(x)).mean((2, 3)))

    assert classifier(Odd(), 8).map_layers.layouts == {"conv": "channels first"}


def test_values_with_three_axes_that_are_no_tokens():
    class Signal(nn.Module):
        """Takes the rows of a map one by one: 5 * 8 values do not make a grid on a square."""

        def __init__(self):
            super().__init__()
            self.conv, self.rows, self.fc = nn.Conv2d(3, 5, 1), nn.Linear(8, 8), nn.Linear(8, 3)

        def forward(self, x):
            return self.fc(self.rows(self.conv(x).flatten(1, 2)).mean(1))

    assert classifier(Signal(), 8).map_layers.layouts == {"conv": "channels first"}


def test_permutations_are_read_however_they_are_written():
    class Turning(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.turn = nn.Conv2d(3, 4, 1), Permute([0, 2, 3, 1])
            self.act, self.back, self.fc = nn.Tanh(), nn.Sigmoid(), nn.Linear(4, 3)

        def forward(self, x):
            x = self.act(self.turn(self.conv(x)))
            x = self.back(x.permute(0, -1, 1, 2))
            return self.fc(F.avg_pool2d(x.permute((0, 1, 2, 3)), 8).flatten(1))

    assert classifier(Turning(), 8).map_layers.layouts == OrderedDict(
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
