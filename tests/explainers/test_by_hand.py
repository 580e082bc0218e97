"""Every method on a network small enough to work out with pencil and paper.

Picture (R, G, B), conv = R - 2 G + 3 B + 1/2, ReLU, then two linear scores of the four pixels
(in reading order):

    R = 1 0   G = 1 1   B = 1 0     conv = 2.5 -1.5     ReLU = 2.5 0
        2 1       0 0       1 -1           5.5 -1.5            5.5 0

    f_0 = 2 p1 + 4 p2 - p3 - 3 p4 + 1/4 = -0.25         f_1 = p1 + p2 + p3 + p4 = 8

Class 0 is explained: (2, 4, -1, -3) comes back to the ReLU's output, (2, 0, -1, 0) to its input.
"""

from collections import OrderedDict

import pytest
import torch
from torch import nn

from xai_core.explainers import METHODS, explain
from xai_core.explainers.fullgrad import fullgrad_terms
from xai_core.explainers.lrp import PRESETS
from xai_core.models.classifier import Classifier


def tensor(values):
    return torch.tensor(values, dtype=torch.float64)


X = tensor([[[[1, 0], [2, 1]], [[1, 1], [0, 0]], [[1, 0], [1, -1]]]])


@pytest.fixture
def clf():
    net = nn.Sequential(
        OrderedDict(
            conv=nn.Conv2d(3, 1, 1), relu=nn.ReLU(), flatten=nn.Flatten(), fc=nn.Linear(4, 2)
        )
    ).double()
    with torch.no_grad():
        net.conv.weight.copy_(tensor([[[[1]], [[-2]], [[3]]]]))
        net.conv.bias.fill_(0.5)
        net.fc.weight.copy_(tensor([[2, 4, -1, -3], [1, 1, 1, 1]]))
        net.fc.bias.copy_(tensor([0.25, 0]))
    return Classifier(net, ["zero", "one"], (2, 2))


def check(found, expected):
    torch.testing.assert_close(found, tensor([expected]), rtol=1e-14, atol=1e-14)


def test_every_method_is_worked_by_hand():
    rest = [name for name in METHODS if name not in PRESETS]
    assert [name for name in rest if f"test_{name}" not in globals()] == []


def test_the_scores_are_as_worked(clf):
    torch.testing.assert_close(clf.logits(X), tensor([[-0.25, 8.0]]))


def test_saliency(clf):
    # (2, 0, -1, 0) times the weights 1, -2, 3
    check(explain(clf, X, 0), [[[2, 0], [-1, 0]], [[-4, 0], [2, 0]], [[6, 0], [-3, 0]]])


def test_input_x_gradient(clf):
    check(
        explain(clf, X, 0, "input_x_gradient"),
        [[[2, 0], [-2, 0]], [[-4, 0], [0, 0]], [[6, 0], [-3, 0]]],
    )


def test_smoothgrad(clf):
    # Without noise, the gradient itself; with noise far too small to flip a ReLU, too.
    gradient = explain(clf, X, 0)
    assert torch.equal(explain(clf, X, 0, "smoothgrad", samples=1, sigma=0), gradient)
    small = explain(clf, X, 0, "smoothgrad", samples=8, sigma=1e-3)
    torch.testing.assert_close(small, gradient, rtol=1e-14, atol=1e-14)


def test_smoothgrad_averages_over_flips(clf):
    # Pixel 2 has conv = -1.5 + a normal deviate of standard deviation s * |(1, -2, 3)|. With
    # s = 1.5 / sqrt(14) it is active if a standard normal exceeds 1: P = 0.158655. Weight 4 for R.
    found = explain(
        clf, X, 0, "smoothgrad", samples=4000, sigma=1.5 / 14**0.5, sigma_units="input", chunk=500
    )
    spread = (0.158655 * 0.841345 / 4000) ** 0.5
    assert found[0, 0, 0, 1].item() / 4 == pytest.approx(0.158655, abs=4 * spread)


def test_smoothgrad_sq(clf):
    # Where pixel 2 is active in a share p of the copies its R gets 4 there: 16 p in the mean.
    gradient = explain(clf, X, 0)
    still = explain(clf, X, 0, "smoothgrad_sq", samples=3, sigma=0)
    torch.testing.assert_close(still, gradient**2, rtol=1e-14, atol=0)
    noise = {"samples": 50, "sigma": 1.5 / 14**0.5, "sigma_units": "input"}
    share = explain(clf, X, 0, "smoothgrad", **noise)[0, 0, 0, 1].item() / 4
    assert 0 < share < 1
    found = explain(clf, X, 0, "smoothgrad_sq", **noise)[0, 0, 0, 1].item()
    assert found == pytest.approx(16 * share, rel=1e-13)


def test_vargrad(clf):
    # A gradient that is 4 in a share p of the copies and 0 in the others: variance 16 p (1 - p).
    assert explain(clf, X, 0, "vargrad", samples=3, sigma=0).abs().max() == 0
    noise = {"samples": 50, "sigma": 1.5 / 14**0.5, "sigma_units": "input"}
    share = explain(clf, X, 0, "smoothgrad", **noise)[0, 0, 0, 1].item() / 4
    found = explain(clf, X, 0, "vargrad", **noise)[0, 0, 0, 1].item()
    assert found == pytest.approx(16 * share * (1 - share), rel=1e-13)


@pytest.mark.parametrize(
    ("given", "unit"),
    [
        ({}, 3),  # from -1 to 2
        ({"sigma_units": "range"}, 3),
        # Mean of the picture 6/12, of its squares 10/12: variance 10/12 - 1/4 = 7/12.
        ({"sigma_units": "std"}, (7 / 12) ** 0.5),
    ],
)
def test_smoothgrad_sigma_is_a_share_of(clf, given, unit):
    by_image = explain(clf, X, 0, "smoothgrad", samples=20, sigma=0.5, **given)
    noise = {"sigma": 0.5 * unit, "sigma_units": "input"}
    by_input = explain(clf, X, 0, "smoothgrad", samples=20, **noise)
    assert (by_image - explain(clf, X, 0)).abs().max() > 0.1
    torch.testing.assert_close(by_image, by_input)


def test_deconvnet(clf):
    # Negative signals end, inactive ReLUs do not matter: (2, 4, 0, 0)
    check(
        explain(clf, X, 0, "deconvnet"),
        [[[2, 4], [0, 0]], [[-4, -8], [0, 0]], [[6, 12], [0, 0]]],
    )


def test_guided_backprop(clf):
    # Both conditions: (2, 0, 0, 0)
    check(
        explain(clf, X, 0, "guided_backprop"),
        [[[2, 0], [0, 0]], [[-4, 0], [0, 0]], [[6, 0], [0, 0]]],
    )


def test_rectgrad(clf):
    # Importance (2.5, 0, 5.5, 0) * (2, 4, -1, -3) = (5, 0, -5.5, 0). Its 50th and 98th
    # percentiles are at rank 1.5 and 2.94 of -5.5, 0, 0, 5: above 0 and 4.7 is pixel 1 alone,
    # whose signal 2 becomes (2, -4, 6), times (1, 1, 1).
    for q in (50, 98):
        check(
            explain(clf, X, 0, "rectgrad", q=q),
            [[[2, 0], [0, 0]], [[0, 0], [0, 0]], [[6, 0], [0, 0]]],
        )
    # Above the smallest are pixels 1, 2 and 4, with signals 2, 4, -3, active or not; the blue
    # of pixel 4 is -1 and its weight 3.
    check(
        explain(clf, X, 0, "rectgrad", q=0),
        [[[2, 0], [0, 0]], [[0, 0], [0, 0]], [[6, 0], [0, 9]]],
    )
    # Nothing exceeds the largest.
    assert not explain(clf, X, 0, "rectgrad", q=100).any()


def test_fullgrad(clf):
    # Input times gradient is ((2, 0, -2, 0), (-4, 0, 0, 0), (6, 0, -3, 0)), at most 6. The
    # convolution's bias 1/2 times (2, 0, -1, 0) is at most 1. The linear bias has no place.
    pixels, inside = 1 / (6 + 1e-6), 1 / (1 + 1e-6)
    check(
        explain(clf, X, 0, "fullgrad"),
        [[[12 * pixels + inside, 0], [5 * pixels + 0.5 * inside, 0]]],
    )
    # Sums: -1 of the pixels, 1/2 of the convolution, 1/4 of the linear layer; f_0 = -1/4.
    terms = fullgrad_terms(clf, X, torch.tensor([0]))
    assert [(layer, term.sum().item()) for layer, term in terms] == [
        ("input", -1.0),
        ("conv", 0.5),
        ("fc", 0.25),
    ]


def test_gradcam(clf):
    # Behind the ReLU, the default, the mean gradient is (2 + 4 - 1 - 3) / 4 = 1/2
    check(explain(clf, X, 0, "gradcam"), [[[1.25, 0], [2.75, 0]]])
    # In front of it (2 + 0 - 1 + 0) / 4 = 1/4, times conv
    found = explain(clf, X, 0, "gradcam", layer="conv", relu=False)
    check(found, [[[0.625, -0.375], [1.375, -0.375]]])
    check(explain(clf, X, 0, "gradcam", layer="conv"), [[[0.625, 0], [1.375, 0]]])


def test_cam():
    # The same convolution and ReLU, whose values 2.5, 0, 5.5, 0 have the mean 2, then a linear
    # layer: f_0 = 3 * 2 + 1/4, and the map has the mean 3 * 2.
    net = nn.Sequential(
        nn.Conv2d(3, 1, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1, 2)
    ).double()
    with torch.no_grad():
        net[0].weight.copy_(tensor([[[[1]], [[-2]], [[3]]]]))
        net[0].bias.fill_(0.5)
        net[4].weight.copy_(tensor([[3], [-2]]))
        net[4].bias.copy_(tensor([0.25, 0]))
    pooled = Classifier(net, ["zero", "one"], (2, 2))
    check(pooled.logits(X)[:, :1], [6.25])
    check(explain(pooled, X, 0, "cam"), [[[7.5, 0], [16.5, 0]]])
    check(explain(pooled, X, 1, "cam"), [[[-5, 0], [-11, 0]]])


def test_gradcam_elementwise(clf):
    # (2, 0, -1, 0) times conv; at the ReLU (2, 4, -1, -3) times its output is the same.
    for layer in ("conv", "relu"):
        signed = explain(clf, X, 0, "gradcam_elementwise", layer=layer, relu=False)
        check(signed, [[[5, 0], [-5.5, 0]]])
    check(explain(clf, X, 0, "gradcam_elementwise"), [[[5, 0], [0, 0]]])


def test_gradcam_pp(clf):
    # Behind the ReLU g = (2, 4, -1, -3) and A sums to 8: shares 4 / (8 + 64), 16 / (32 + 512).
    weight = 2 * 4 / 72 + 4 * 16 / 544
    check(explain(clf, X, 0, "gradcam_pp"), [[[2.5 * weight, 0], [5.5 * weight, 0]]])
    # At conv g = (2, 0, -1, 0) and A sums to 5: only g = 2 is positive, its share
    # 4 / (2 * 4 + 5 * 8). Weight 2 * 4 / 48 = 1/6.
    signed = [[2.5 / 6, -1.5 / 6], [5.5 / 6, -1.5 / 6]]
    check(explain(clf, X, 0, "gradcam_pp", layer="conv", relu=False), [signed])
    check(explain(clf, X, 0, "gradcam_pp", layer="conv"), [[[2.5 / 6, 0], [5.5 / 6, 0]]])


def test_gradcam_pp_where_the_denominator_is_zero(clf):
    # With the bias -3/2, conv is 1/2, -7/2, 7/2, -7/2 and sums to -3. Then g = 2/3 at pixel 1, the
    # only positive one, makes 2 + g * -3 zero, and the place does not count.
    with torch.no_grad():
        clf.module.conv.bias.fill_(-1.5)
        clf.module.fc.weight[0, 0] = 2 / 3
    assert not explain(clf, X, 0, "gradcam_pp", layer="conv", relu=False).any()


def test_guided_gradcam_pp(clf):
    # Grad-CAM++ of pixel 1 times (2, -4, 6)
    cam = 2.5 * (2 * 4 / 72 + 4 * 16 / 544)
    check(
        explain(clf, X, 0, "guided_gradcam_pp"),
        [[[2 * cam, 0], [0, 0]], [[-4 * cam, 0], [0, 0]], [[6 * cam, 0], [0, 0]]],
    )


def test_guided_gradcam(clf):
    # Grad-CAM has the picture's size, so nothing is enlarged: 1.25 (2, -4, 6) in pixel 1
    for upsample in ("bilinear", "nearest"):
        check(
            explain(clf, X, 0, "guided_gradcam", upsample=upsample),
            [[[2.5, 0], [0, 0]], [[-5, 0], [0, 0]], [[7.5, 0], [0, 0]]],
        )


def test_lrp_epsilon(clf):
    def expected(p1, p3):
        return [[[p1, 0], [2 * p3, 0]], [[-2 * p1, 0], [0, 0]], [[3 * p1, 0], [3 * p3, 0]]]

    # f_0 = -1/4: 5 from p1, -5.5 from p3, 1/4 from its bias. With eps = 1, each of the two times
    # -0.25 / -1.25; then divided by conv, which is 2.5 and 5.5, plus 1.
    found = explain(clf, X, 0, "lrp_epsilon")
    check(found, expected(5 / 5 / 3.5, -5.5 / 5 / 6.5))
    # Without the biases 1/4 and 1/2: times -0.25 / -1.5, divided by 2 + 1 and 5 + 1.
    found = explain(clf, X, 0, "lrp_epsilon", bias=False)
    check(found, expected(5 / 6 / 3, -5.5 / 6 / 6))
    # A quarter of the mean |z|: of 1/4 and 8 it is 33/32, of 2.5, 1.5, 5.5 and 1.5 it is 11/16.
    found = explain(clf, X, 0, "lrp_epsilon", epsilon=0.25, epsilon_units="mean")
    top = -0.25 / (-0.25 - 33 / 32)
    check(found, expected(5 * top / (2.5 + 11 / 16), -5.5 * top / (5.5 + 11 / 16)))


def check_alpha_beta(clf, name, beta, settings=None):
    # With eps = 1/2: f_0 = -1/4 goes to p1 as alpha 5 / 5.5 and to p3 as -beta 5.5 / 6 of it.
    # At p1 conv has 1 + 3 = 4 and -2, at p3 2 + 3 = 5 and nothing below zero.
    alpha = 1 + beta
    p1, p3 = -0.25 * alpha * 5 / 5.5, 0.25 * beta * 5.5 / 6
    red = [[alpha * p1 / 4.5, 0], [alpha * p3 * 2 / 5.5, 0]]
    green = [[-beta * p1 * 2 / 2.5, 0], [0, 0]]
    blue = [[alpha * p1 * 3 / 4.5, 0], [alpha * p3 * 3 / 5.5, 0]]
    check(explain(clf, X, 0, name, epsilon=0.5, **(settings or {})), [red, green, blue])


def test_lrp_alpha_beta(clf):
    check_alpha_beta(clf, "lrp_alpha_beta", 1)
    check_alpha_beta(clf, "lrp_alpha_beta", 0.5, {"alpha": 1.5, "beta": 0.5})
    # With biases and eps = 1, alpha = 1: -1/4 times 5 / (5 + 1/4 + 1), then of 4 + 1/2 + 1.
    found = explain(clf, X, 0, "lrp_alpha_beta", alpha=1, beta=0, epsilon=1, bias=True)
    p1 = -0.25 * 5 / 6.25 / 5.5
    check(found, [[[p1, 0], [0, 0]], [[0, 0], [0, 0]], [[3 * p1, 0], [0, 0]]])


def test_lrp_alpha_beta_with_zb_at_the_pixels(clf):
    # p1 and p3 as above. The picture reaches from -1 to 2, so a pixel gives (x + 1) w+ or
    # (x - 2) w-: 2 + 2 + 6 = 10 at p1, 3 + 4 + 6 = 13 at p3; no eps there.
    p1, p3 = -0.25 * 2 * 5 / 5.5 / 10, 0.25 * 5.5 / 6 / 13
    check(
        explain(clf, X, 0, "lrp_alpha2_beta1", epsilon=0.5, first="zb"),
        [[[2 * p1, 0], [3 * p3, 0]], [[2 * p1, 0], [4 * p3, 0]], [[6 * p1, 0], [6 * p3, 0]]],
    )


@pytest.mark.parametrize(("name", "beta"), PRESETS.items())
def test_lrp_presets(clf, name, beta):
    check_alpha_beta(clf, name, beta)


def test_deep_taylor(clf):
    # f_1 = 8, of which p1 gave 2.5 and p3 5.5; eps = 1/2. The picture reaches from -1 to 2, so a
    # pixel gives (x + 1) w+ or (x - 2) w-: 2 + 2 + 6 = 10 at p1, 3 + 4 + 6 = 13 at p3.
    p1, p3 = 8 * 2.5 / 8.5 / 10.5, 8 * 5.5 / 8.5 / 13.5
    check(
        explain(clf, X, 1, "deep_taylor", epsilon=0.5),
        [[[2 * p1, 0], [3 * p3, 0]], [[2 * p1, 0], [4 * p3, 0]], [[6 * p1, 0], [6 * p3, 0]]],
    )


def test_excitation_backprop(clf):
    # 2.5 and 5.5 of 8 for f_1; only p1 raises f_0.
    check(explain(clf, X, 1, "excitation_backprop"), [[[0.3125, 0], [0.6875, 0]]])
    check(explain(clf, X, 0, "excitation_backprop", layer="relu"), [[[1, 0], [0, 0]]])


def test_cmwp(clf):
    # With the weights of f_0 negated, only p3 raises it: 1 - 0 at p1, 0 - 1 at p3.
    check(explain(clf, X, 0, "cmwp"), [[[1, 0], [0, 0]]])


def test_deeplift(clf):
    # Black gives conv = 1/2 everywhere. Change of the ReLU's output over change of its input:
    # 1 where active, (0 - 1/2) / (-1.5 - 1/2) = 1/4 else. Multipliers (2, 1, -1, -3/4).
    found = explain(clf, X, 0, "deeplift")
    check(found, [[[2, 0], [-2, -0.75]], [[-4, -2], [0, 0]], [[6, 0], [-3, 2.25]]])
    # f_0(x) - f_0(0) = -0.25 - (0.25 + (2 + 4 - 1 - 3) / 2)
    assert found.sum().item() == pytest.approx(-1.5, abs=1e-14)


def test_deeplift_rc(clf):
    # Parts of the change from 1/2, and slopes: 1/2 ((ReLU(1/2 + part) - ReLU(1/2)) / part +
    # (ReLU(conv) - ReLU(conv - part)) / part).
    # Pixel 1: 4, -2 with 1/2 (1 + 2.5/4) = 13/16, 1/2 (1/4 + 1) = 5/8; times 2: 13/8, 5/4.
    # Pixel 2: 0, -2 with 1/4 for the second; times 4: 1.
    # Pixel 3: 5, 0 with 1 for the first; times -1: -1.
    # Pixel 4: 1, -3 with 1/2 (1 + 0) = 1/2, 1/2 (1/6 + 1/2) = 1/3; times -3: -3/2, -1.
    found = explain(clf, X, 0, "deeplift_rc")
    check(found, [[[1.625, 0], [-2, -1.5]], [[-2.5, -2], [0, 0]], [[4.875, 0], [-3, 3]]])
    assert found.sum().item() == pytest.approx(-1.5, abs=1e-14)


def test_deepshap(clf):
    # Black, as above, and red 2, which gives conv = 5/2 everywhere. Changes of the ReLU's output
    # over those of its input: none (slope 1), 2.5/4, 1, 2.5/4; multipliers (2, 5/2, -1, -15/8).
    red = torch.zeros_like(X)
    red[:, 0] = 2
    found = explain(clf, X, 0, "deepshap", baselines=red)
    check(found, [[[-2, -5], [0, 1.875]], [[-4, -5], [0, 0]], [[6, 0], [-3, 5.625]]])
    found = explain(clf, X, 0, "deepshap", baselines=torch.cat([torch.zeros_like(X), red]))
    check(found, [[[0, -2.5], [-1, 0.5625]], [[-4, -3.5], [0, 0]], [[6, 0], [-3, 3.9375]]])


def test_integrated_gradients(clf):
    # Two nodes, 0.2113 and 0.7887, of weight 1/2. On the path, conv of pixels 2 and 4 is
    # 1/2 - 2 alpha: active below 1/4, so at one node of two. Mean signals (2, 2, -1, -3/2).
    check(
        explain(clf, X, 0, "integrated_gradients", steps=2),
        [[[2, 0], [-2, -1.5]], [[-4, -4], [0, 0]], [[6, 0], [-3, 4.5]]],
    )


def test_expected_gradients(clf):
    # From black as the only baseline. Pixels 2 and 4 are active at alpha < 1/4, in a share q of
    # the draws: mean signals (2, 4 q, -1, -3 q).
    black = torch.zeros_like(X)
    found = explain(clf, X, 0, "expected_gradients", baselines=black, samples=400)
    q = found[0, 0, 1, 1].item() / -3
    assert q == pytest.approx(1 / 4, abs=4 * (3 / 16 / 400) ** 0.5)
    check(found, [[[2, 0], [-2, -3 * q]], [[-4, -8 * q], [0, 0]], [[6, 0], [-3, 9 * q]]])


def test_edges(clf):
    # A white right half: one step of 1 between columns 2 and 3, which Sobel sees from both,
    # at (1 + 2 + 1) / 4 = 1 across and 0 down; scikit-image's scale is sqrt((1 + 0) / 2).
    picture = torch.zeros(1, 3, 3, 4, dtype=torch.float64)
    picture[..., 2:] = 1
    height = 0.5**0.5
    check(explain(clf, picture, 0, "edges"), [[[0, height, height, 0]] * 3])


def test_random(clf):
    # Uniform: mean 1/2, standard deviation 1/sqrt(12); every image gets the same noise.
    found = explain(clf, torch.zeros(2, 3, 64, 64, dtype=torch.float64), 0, "random", seed=3)
    assert torch.equal(found[0], found[1])
    assert found.min() >= 0
    assert found.max() < 1
    count = found[0].numel()
    assert found[0].mean().item() == pytest.approx(0.5, abs=4 / (12 * count) ** 0.5)
    assert found[0].std().item() == pytest.approx(12**-0.5, abs=0.01)


def test_max_pooling_returns_the_signal_to_the_first_of_equals():
    # conv = R - 1 is negative everywhere, so both 2x2 windows are zero behind the ReLU;
    # DeconvNet leads the signals 1 and 2 back to the first pixel of each.
    net = nn.Sequential(
        nn.Conv2d(3, 1, 1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(2, 2)
    ).double()
    with torch.no_grad():
        net[0].weight.copy_(tensor([[[[1]], [[0]], [[0]]]]))
        net[0].bias.fill_(-1)
        net[4].weight.copy_(tensor([[1, 2], [0, 0]]))
    clf = Classifier(net, ["zero", "one"], (2, 4))
    found = explain(clf, torch.zeros(1, 3, 2, 4, dtype=torch.float64), 0, "deconvnet")
    check(found[:, 0], [[1, 0, 2, 0], [0, 0, 0, 0]])
    assert explain(clf, tensor([[[[0.5] * 4] * 2] * 3]), 0, "guided_backprop").abs().max() == 0


def test_relu6_passes_the_signal_between_its_bounds():
    # conv = 10 R: (-10, 10, 5, 0); ReLU6 is active at 5 only. Signals (1, 2, 3, -4).
    net = nn.Sequential(
        nn.Conv2d(3, 1, 1), nn.ReLU6(), nn.Flatten(), nn.Linear(4, 2, bias=False)
    ).double()
    with torch.no_grad():
        net[0].weight.copy_(tensor([[[[10]], [[0]], [[0]]]]))
        net[0].bias.zero_()
        net[3].weight.copy_(tensor([[1, 2, 3, -4], [0, 0, 0, 0]]))
    clf = Classifier(net, ["zero", "one"], (2, 2))
    x = torch.zeros(1, 3, 2, 2, dtype=torch.float64)
    x[0, 0] = tensor([[-1, 1], [0.5, 0]])
    check(explain(clf, x, 0, "guided_backprop")[:, 0], [[0, 0], [30, 0]])
    check(explain(clf, x, 0, "deconvnet")[:, 0], [[10, 20], [30, 0]])
    # Changes from black (0): the outputs (0, 6, 5, 0) over the inputs (-10, 10, 5, 0); at no
    # change the slope, which is 0 at the corner.
    check(explain(clf, x, 0, "deeplift")[:, 0], [[0, 12], [15, 0]])


def test_rap(clf):
    # |z| of the last layer is 5, 0, 5.5, 0. The logit -1/4 goes to pixels 1 and 3 as -5/42 and
    # -5.5/42, then by the z-box from -1 to 2: (2, 2, 6) of 10 and (3, 4, 6) of 13.
    found = explain(clf, X, 0, "rap")
    p1, p3 = -5 / 42 / 10, -5.5 / 42 / 13
    check(
        found,
        [[[2 * p1, 0], [3 * p3, 0]], [[2 * p1, 0], [4 * p3, 0]], [[6 * p1, 0], [6 * p3, 0]]],
    )
    assert found.sum().item() == pytest.approx(-0.25, abs=1e-14)


def test_pattern_attribution(clf):
    # A picture with R = 1 everywhere gives conv = 3/2, one with G = 1 gives -3/2; the mean is 0.
    # Over the active pixels E+[xy] = (3/2, 0, 0) and E+[yy] = 9/4: w a = (2/3, 0, 0).
    # Scores 3.25 and 0.25 for inputs of 3/2 and 0: cov[x, y] = 9/8, var[y] = 9/4, a = 1/2 each,
    # so (1, 2, -1/2, -3/2) times the logit -1/4 comes back to the ReLU, of pixels 1 and 3.
    pictures = torch.zeros((2, 3, 2, 2), dtype=torch.float64)
    pictures[0, 0] = pictures[1, 1] = 1
    none = [[0, 0], [0, 0]]
    check(
        explain(clf, X, 0, "pattern_attribution", baselines=pictures),
        [[[-1 / 6, 0], [1 / 12, 0]], none, none],
    )
