"""Class activation maps: what they add up to, transformers, layouts, and what is refused."""

from functools import partial

import pytest
import torch
from torch import nn
from torchvision import models

from tests.networks import Net, Of, convnext, normal, pictures, rows_of_a_map, swin, vit
from tests.reference import cams, nets
from xai_core.errors import MethodError
from xai_core.explainers import Panel, explain
from xai_core.explainers.passes import activation_and_gradient
from xai_core.models.classifier import Classifier
from xai_core.tasks.models import cam_layers

X = nets.oracle("x")
SIDE = (32, 32)
FAMILY = ("gradcam", "gradcam_elementwise", "gradcam_pp")


def classifier(net, size=SIDE):
    net = normal(net, 0.3, torch.Generator().manual_seed(3))
    return Classifier(net, ["a", "b", "c"], size)


def logit(clf, x, target):
    return clf.logits(x)[:, target]


# CAM


def test_cam_is_the_signed_gradcam_times_the_number_of_places():
    # f_y = 1/(hw) sum_kij w_k A_kij + b, so the gradient is w_k / (hw) at every place and so is
    # its mean: CAM = sum_k w_k A_k = hw * Grad-CAM.
    clf = nets.classifier("ResSmall")
    found = explain(clf, X, [3, 1], "cam")
    gradcam = explain(clf, X, [3, 1], "gradcam", layer="block2.relu2", relu=False)
    assert found.shape == (2, 1, 16, 16)
    torch.testing.assert_close(found, 16 * 16 * gradcam, rtol=1e-12, atol=1e-14)


def test_cam_in_a_panel_is_what_it_is_alone():
    clf = nets.classifier("ResSmall")
    panel = Panel(clf, X, [3, 1], {"lrp_epsilon": {}, "gradcam": {}, "cam": {}})
    for name in panel.methods:
        expected = explain(clf, X, [3, 1], name)
        torch.testing.assert_close(panel.explain(name), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("net", "head"),
    [
        (lambda: models.resnet18(num_classes=3), "fc"),
        (lambda: models.DenseNet(4, (2, 2), 8, num_classes=3), "classifier"),
        (lambda: models.MobileNetV2(3, 0.1), "classifier.1"),  # dropout in front
        (lambda: models.shufflenet_v2_x0_5(num_classes=3), "fc"),  # averages by Tensor.mean
        (swin, "head"),  # channels last, permuted before the average
    ],
)
def test_cam_and_the_bias_make_up_the_logit(net, head):
    clf, x = classifier(net(), (64, 64)), pictures(64, 64, seed=0)
    found = explain(clf, x, 1, "cam")
    bias = clf.module.get_submodule(head).bias[1]
    torch.testing.assert_close(found.mean((1, 2, 3)) + bias, logit(clf, x, 1), rtol=1e-9, atol=1e-9)


def ending(end, *layers):
    """A convolution [N, 3, 8, 8] -> [N, 8, 8, 8], and some end."""
    return Net(
        lambda net, x: end(net.conv(x), *net.layers),
        conv=nn.Conv2d(3, 8, 1),
        layers=nn.ModuleList(layers),
    )


@pytest.mark.parametrize(
    "net",
    [
        lambda: nets.load("VGGSmall"),
        # Averaged to 2 x 2 places; over rows alone; over channels (as many as rows here).
        lambda: ending(lambda a, fc: fc(nn.AvgPool2d(4)(a).flatten(1)), nn.Linear(32, 3)),
        lambda: ending(lambda a, fc: fc(a.mean(2).flatten(1)), nn.Linear(64, 3)),
        lambda: ending(lambda a, fc: fc(a.mean((1, 2))), nn.Linear(8, 3)),
        # Two linear layers; something in between; a convolution behind the average.
        lambda: ending(
            lambda a, one, two: two(one(a.mean((2, 3)))), nn.Linear(8, 8), nn.Linear(8, 3)
        ),
        lambda: ending(
            lambda a, norm, fc: fc(norm(a.mean((2, 3)))), nn.LayerNorm(8), nn.Linear(8, 3)
        ),
        lambda: ending(
            lambda a, conv: conv(a.mean((2, 3), keepdim=True)).flatten(1), nn.Conv2d(8, 3, 1)
        ),
        lambda: ending(lambda a, conv: conv(a).mean((2, 3)), nn.Conv2d(8, 3, 1)),
        vit,
    ],
)
def test_cam_is_refused_where_it_is_not_defined(net):
    made = net()
    vgg, wide = isinstance(made, nn.Sequential), isinstance(made, models.VisionTransformer)
    side = 32 if vgg or wide else 8
    clf = nets.classifier("VGGSmall") if vgg else classifier(made, (side, side))
    message = r"global average pooling .* gradcam works on this model"
    with pytest.raises(MethodError, match=message):
        explain(clf, pictures(side, side, seed=0), 1, "cam")


# Element-wise Grad-CAM


def test_elementwise_sets_negative_values_to_zero_after_the_sum():
    # One place, maps (1, 1), gradients (2, -1): 2 - 1 = 1. By channel it would be 2.
    net = nn.Sequential(nn.Conv2d(3, 2, 1), nn.Flatten(), nn.Linear(2, 3)).double()
    with torch.no_grad():
        net[0].weight.zero_()
        net[0].bias.fill_(1)
        net[2].weight.copy_(torch.tensor([[2.0, -1], [1, -2], [0, 0]]))
    clf = Classifier(net, ["a", "b", "c"], (1, 1))
    x = torch.zeros(1, 3, 1, 1, dtype=torch.float64)
    assert explain(clf, x, 0, "gradcam_elementwise").item() == 1
    assert explain(clf, x, 1, "gradcam_elementwise").item() == 0
    assert explain(clf, x, 1, "gradcam_elementwise", relu=False).item() == -1
    assert not explain(clf, x, 2, "gradcam_elementwise").any()


def test_elementwise_adds_up_to_the_logit_where_the_rest_is_linear():
    clf = nets.classifier("ResSmall")
    found = explain(clf, X, 2, "gradcam_elementwise", layer="block2.relu2", relu=False)
    torch.testing.assert_close(
        found.sum((1, 2, 3)) + clf.module.fc.bias[2], logit(clf, X, 2), rtol=1e-12, atol=1e-12
    )


# Grad-CAM++


def test_gradcam_pp_is_the_papers_up_to_one_factor_an_image():
    """Its eqs 5, 19 and 20 for the score exp(f_y), with derivatives from autograd."""
    net = nn.Sequential(nn.Conv2d(3, 2, 1), nn.ReLU(), nn.Flatten(), nn.Linear(8, 3))
    clf, x = classifier(net, (2, 2)), pictures(2, 2, seed=0)[:1]
    maps = clf.module[1](clf.module[0](x)).detach()
    flat = maps.flatten().requires_grad_()
    score = clf.module[3](flat[None])[0, 1].exp()
    (first,) = torch.autograd.grad(score, flat, create_graph=True)
    second = torch.stack([torch.autograd.grad(d, flat, create_graph=True)[0] for d in first])
    second = second.diagonal()
    third = torch.stack([torch.autograd.grad(d, flat, retain_graph=True)[0] for d in second])
    third = third.diagonal()
    total = maps.sum((2, 3), keepdim=True).expand_as(maps).flatten()
    weights = (second / (2 * second + total * third) * first.relu()).view(1, 2, 4).sum(2)
    papers = (weights[..., None, None] * maps).sum(1, keepdim=True)
    found = explain(clf, x, 1, "gradcam_pp", layer="1", relu=False)
    assert found.abs().max() > 0.01
    torch.testing.assert_close(found * score.item(), papers, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("key", "layer"),
    [
        ("VGGSmall/pgc_gradcamplusplus_relu4", "relu4"),
        ("VGGSmall/pgc_gradcamplusplus_conv4", "conv4"),
        ("VGGSmallBN/pgc_gradcamplusplus_relu4", "relu4"),
        ("VGGSmallBN/pgc_gradcamplusplus_conv4", "conv4"),
        ("ResSmall/pgc_gradcamplusplus_block2_relu2", "block2.relu2"),
        ("ResSmall/pgc_gradcamplusplus_block2_conv2", "block2.conv2"),
    ],
)
def test_gradcam_pp_is_pytorch_grad_cams_without_what_that_adds(key, layer):
    """The same formula in loops, with 1e-6 in the denominator and without."""
    name = key.partition("/")[0]
    clf, targets = nets.classifier(name), nets.oracle(f"{name}/targets")
    theirs, found = (
        nets.oracle(key),
        explain(clf, X, targets, "gradcam_pp", layer=layer, relu=False),
    )
    maps, slopes = activation_and_gradient(clf, X, targets, layer)
    for index, at in enumerate(zip(maps.numpy(), slopes.numpy(), strict=True)):
        for expected, added in ((theirs, 1e-6), (found, 0.0)):
            literal = torch.from_numpy(cams.gradcam_pp_at(*at, added=added, relu=False))
            difference = (literal - expected[index]).abs().max()
            assert difference <= 1e-9 * expected[index].abs().max()


# Scales


def scaled(name, layer, factor):
    """The stored network with the weights and bias of a layer times a factor."""
    net = nets.load(name)
    with torch.no_grad():
        for parameter in net.get_submodule(layer).parameters():
            parameter.mul_(factor)
    return Classifier(net, nets.CLASSES, nets.SIZE)


LAST = {"VGGSmall": "fc2", "VGGSmallBN": "fc2", "ResSmall": "fc"}


def close_once_scaled(found, expected):
    """Equal, each divided by its largest absolute value; none is empty."""
    sizes = [maps.abs().amax((1, 2, 3), keepdim=True) for maps in (found, expected)]
    assert min(size.min() for size in sizes) > 0
    difference = (found / sizes[0] - expected / sizes[1]).abs().max()
    assert difference <= 1e-9


@pytest.mark.parametrize("name", LAST)
@pytest.mark.parametrize("factor", [10.0, 1e-6])
@pytest.mark.parametrize("method", ["gradcam", "gradcam_elementwise", "guided_gradcam"])
def test_the_scale_of_the_logits_does_not_matter(method, factor, name):
    found = explain(scaled(name, LAST[name], factor), X, [3, 1], method)
    close_once_scaled(found, explain(nets.classifier(name), X, [3, 1], method))


@pytest.mark.parametrize("factor", [10.0, 1e-6])
def test_the_scale_of_the_logits_does_not_matter_for_cam(factor):
    found = explain(scaled("ResSmall", "fc", factor), X, [3, 1], "cam")
    close_once_scaled(found, explain(nets.classifier("ResSmall"), X, [3, 1], "cam"))


def test_the_units_of_the_layer_do_not_matter_for_gradcam_pp():
    # ReLU and max-pooling pass a factor on, and fc1 takes it back.
    net = nets.load("VGGSmall")
    with torch.no_grad():
        net.conv4.weight.mul_(1024)
        net.conv4.bias.mul_(1024)
        net.fc1.weight.div_(1024)
    found = explain(Classifier(net, nets.CLASSES, nets.SIZE), X, [3, 1], "gradcam_pp")
    close_once_scaled(found, explain(nets.classifier("VGGSmall"), X, [3, 1], "gradcam_pp"))


@pytest.mark.parametrize("name", LAST)
def test_gradcam_pp_of_small_and_of_large_logits(name):
    """Its weight sum g / (2 + g S) tends to sum g / 2, and to (number of positive g) / S."""
    clf = nets.classifier(name)
    maps, slopes = activation_and_gradient(clf, X, torch.tensor([3, 1]), clf.cam_layer)
    total, rising = maps.sum((2, 3), keepdim=True), slopes.relu()
    # Of a channel that is zero everywhere the map is zero, whatever its weight.
    number = (slopes > 0).sum((2, 3), keepdim=True) / total.where(total > 0, 1)
    for factor, weights in ((1e-12, rising.sum((2, 3), keepdim=True)), (1e15, number)):
        found = explain(scaled(name, LAST[name], factor), X, [3, 1], "gradcam_pp")
        close_once_scaled(found, (weights * maps).sum(1, keepdim=True))


# Layers


def test_the_maps_of_a_concatenation_are_the_sum_of_its_branches():
    clf = classifier(models.googlenet(num_classes=3, init_weights=False), (64, 64))
    x = pictures(64, 64, seed=0)
    found = partial(explain, clf, x, 1, "gradcam", relu=False)
    branches = ("branch1", "branch2.1", "branch3.1", "branch4.1")
    parts = [found(layer=f"inception5b.{branch}") for branch in branches]
    assert all(part.any() for part in parts)
    torch.testing.assert_close(found(), sum(parts), rtol=1e-10, atol=1e-12)


def test_an_empty_map_is_no_error():
    clf = nets.classifier("ResSmall")
    with torch.no_grad():
        clf.module.fc.weight[1] = 0
    for method in (*FAMILY, "cam"):
        assert not explain(clf, X, 1, method).any()


def turned(tokens):
    """conv, then its map with channels last or as tokens, then a linear layer and an end."""
    turn = (lambda a: a.flatten(2).transpose(1, 2)) if tokens else (lambda a: a.permute(0, 2, 3, 1))
    layers = {"conv": nn.Conv2d(3, 4, 4, stride=4), "turn": Of(turn), "mix": nn.Linear(4, 5)}
    return Net(
        lambda net, x: net.fc(
            net.act(net.mix(net.turn(net.conv(x)))).flatten(1, -2).pow(2).mean(1)
        ),
        **layers,
        act=nn.Tanh(),
        fc=nn.Linear(5, 3),
    )


@pytest.mark.parametrize("tokens", [False, True])
@pytest.mark.parametrize("method", FAMILY)
@pytest.mark.parametrize("size", [(16, 16), (16, 32), (24, 8)])
def test_turned_maps_are_explained_as_the_maps_they_were(tokens, method, size):
    clf, x = classifier(turned(tokens), size), pictures(*size, seed=0)
    expected = explain(clf, x, 1, method, layer="conv")
    assert expected.shape == (2, 1, size[0] // 4, size[1] // 4)
    torch.testing.assert_close(
        explain(clf, x, 1, method, layer="turn"), expected, rtol=1e-12, atol=1e-14
    )


def test_blocks_of_convnext_are_channels_last_inside():
    clf, x = classifier(convnext()), pictures(*SIDE, seed=0)
    found = [
        explain(clf, x, 1, "gradcam", layer=f"features.1.0.block.{index}", relu=False)
        for index in (0, 1)  # the convolution and the permutation behind it
    ]
    assert found[0].shape == (2, 1, 8, 8)
    torch.testing.assert_close(found[1], found[0], rtol=1e-12, atol=1e-14)


def test_tokens_of_a_transformer_by_the_formula():
    clf, x = classifier(vit()), pictures(*SIDE, seed=0)
    layer = clf.module.encoder.layers.encoder_layer_1.ln_1
    kept = []
    handle = layer.register_forward_hook(lambda _, __, out: kept.append(out.requires_grad_()))
    with torch.enable_grad():
        logit(clf, x, 2).sum().backward(inputs=kept)
    handle.remove()
    # Token 0 is the class token; token 1 + 4 i + j stands for the patch in row i, column j.
    tokens, slopes = kept[0].detach(), kept[0].grad
    maps = torch.stack([tokens[:, 1 + 4 * i : 5 + 4 * i] for i in range(4)], 1)
    slope = torch.stack([slopes[:, 1 + 4 * i : 5 + 4 * i] for i in range(4)], 1)
    expected = (slope.mean((1, 2), keepdim=True) * maps).sum(-1)[:, None]
    found = explain(clf, x, 2, "gradcam", relu=False)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-14)
    expected = (slope * maps).sum(-1)[:, None]
    found = explain(clf, x, 2, "gradcam_elementwise", relu=False)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-14)
    assert explain(clf, x, 2, "gradcam_pp", relu=False).shape == (2, 1, 4, 4)


@pytest.mark.parametrize(
    "layer", ["encoder.ln", "encoder.layers.encoder_layer_1", "encoder.layers.encoder_layer_1.mlp"]
)
@pytest.mark.parametrize("method", FAMILY)
def test_behind_the_last_attention_no_place_counts(layer, method):
    clf = classifier(vit())
    with pytest.raises(MethodError, match=r"class token alone .* 'encoder\.layers\.\w+_1\.ln_1'"):
        explain(clf, pictures(*SIDE, seed=0), 1, method, layer=layer)


def test_a_layer_whose_axes_cannot_be_told_is_refused():
    clf = classifier(rows_of_a_map(), (8, 8))
    message = r"'rows' gives .* \[2, 4, 8, 8\], .* cannot be told .* such as 'conv'"
    with pytest.raises(MethodError, match=message):
        explain(clf, pictures(8, 8, seed=0), 1, "gradcam", layer="rows")


def test_tokens_that_are_no_grid_on_another_picture():
    clf = classifier(turned(tokens=True), (16, 16))
    # 3 x 5 = 15 tokens, but a picture of 12 x 22 pixels.
    with pytest.raises(MethodError, match="15 tokens, which are no grid on a picture of 12 × 22"):
        explain(clf, pictures(12, 22, seed=0), 1, "gradcam", layer="turn")


@pytest.mark.parametrize(
    "net", [vit, swin, convnext, lambda: models.DenseNet(4, (2, 2), 8, num_classes=3)]
)
def test_every_layer_that_is_offered_can_be_explained(net):
    clf, x = classifier(net()), pictures(*SIDE, seed=0)
    offered = cam_layers(clf)
    assert clf.cam_layer in offered
    for layer in offered:
        found = explain(clf, x, 1, "gradcam", layer=layer, relu=False)
        assert found.shape[:2] == (2, 1)


def test_offered_layers_of_a_transformer():
    assert cam_layers(classifier(vit())) == [
        "conv_proj",
        "encoder.layers.encoder_layer_0.ln_1",
        "encoder.layers.encoder_layer_0.ln_2",
        "encoder.layers.encoder_layer_1.ln_1",
    ]
