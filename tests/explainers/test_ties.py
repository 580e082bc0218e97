"""The rule for ties, against a literal version, and wherever a network takes a largest value."""

import itertools

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.networks import Net
from tests.reference import nets
from xai_core.explainers import explain
from xai_core.explainers.nodes import Activation
from xai_core.explainers.pooling import windows_of, winners
from xai_core.explainers.secants import relu_secant, secant
from xai_core.explainers.ties import first_largest, tolerance
from xai_core.explainers.winner_gradients import FollowingWinners
from xai_core.models.classifier import Classifier
from xai_core.models.tape import Slot, Step


def random(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(shape, generator=generator, dtype=torch.float64)


def tied(*shape):
    """Whole numbers from -2 to 2, so that there are many ties, moved apart as by rounding."""
    return (random(*shape) * 5 - 2.5).round() + 1e-15 * (random(*shape, seed=1) - 0.5)


def test_the_tolerance_is_a_share_of_each_images_largest_absolute_value():
    a = torch.tensor([[1.0, -8.0], [0.5, 0.25]], dtype=torch.float64)
    share = 2 ** (-52 * 0.75)
    torch.testing.assert_close(tolerance(a), share * torch.tensor([[8.0], [0.5]]).double())
    assert tolerance(a.float())[0, 0] == pytest.approx(8 * 2 ** (-23 * 0.75))
    assert tolerance(torch.zeros(1, 2, 3, 3)).flatten().tolist() == [0]


def test_what_is_infinite_does_not_count():
    a = torch.tensor([[1.0, -8.0, -torch.inf], [0.5, torch.inf, 0.25]], dtype=torch.float64)
    share = 2 ** (-52 * 0.75)
    torch.testing.assert_close(tolerance(a), share * torch.tensor([[8.0], [0.5]]).double())


@pytest.mark.parametrize("masked", [False, True])
def test_padding_and_masks_never_win(masked):
    """Infinitely small values stand around the maps, or in them."""

    def run(net, x):
        a = net.conv(x)
        if masked:
            hidden = torch.arange(a.shape[-1]) % 2 == 0
            return net.fc(a.masked_fill(hidden, -torch.inf).amax((2, 3)))
        a = F.pad(a, (0, 1, 0, 1), value=-torch.inf)
        return net.fc(F.max_pool2d(a, 3, 2).flatten(1))

    torch.manual_seed(0)
    net = Net(run, conv=nn.Conv2d(3, 4, 3), fc=nn.Linear(4 if masked else 36, 3)).double()
    x = random(2, 3, 8, 8)
    found = explain(Classifier(net, ["a", "b", "c"], (8, 8)), x, 1, method="saliency")
    point = x.clone().requires_grad_()
    (expected,) = torch.autograd.grad(net(point)[:, 1].sum(), point)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)


def test_the_first_of_equal_values_wins():
    tiny, small = 1e-13, 1e-10
    values = torch.tensor(
        [
            [1, 5, 5 + tiny, 2],  # the second and the third are equal
            [1, 5, 5 + small, 2],  # they differ
            [5 - tiny, 5 + tiny, 0, 5],
            [0, -9, 0, 0],
        ],
        dtype=torch.float64,
    )
    assert first_largest(values, 1).tolist() == [1, 2, 0, 0]
    assert first_largest(values.T[None], 1).tolist() == [[1, 2, 0, 0]]


def test_the_peak_of_a_map_is_its_first_place():
    maps = torch.zeros(2, 4, 4)
    maps[0, 1, 2], maps[0, 3, 0] = 1 - 1e-7, 1
    maps[1, 3, 3] = 0.1
    assert first_largest(maps.flatten(1), 1).tolist() == [6, 15]


POOLS = [
    ({"kernel_size": 2}, (8, 8)),
    ({"kernel_size": 3, "stride": 2, "padding": 1}, (9, 8)),
    ({"kernel_size": (3, 2), "stride": (1, 2), "padding": (1, 0)}, (6, 7)),
    ({"kernel_size": 2, "stride": 2, "ceil_mode": True}, (7, 5)),
    ({"kernel_size": 3, "stride": 2, "dilation": 2, "padding": 1}, (11, 12)),
    ({"kernel_size": 6, "stride": 1}, (6, 6)),
    ({"kernel_size": 5, "stride": 3, "padding": 2, "dilation": (1, 2), "ceil_mode": True}, (7, 12)),
]
ADAPTIVE = [((3, 2), (9, 4)), ((3, 4), (7, 9)), ((1, 1), (5, 6)), ((5, 5), (3, 4))]


def literal(a, rows, columns):
    """Row by row, column by column of every window: the first that is as large as the largest."""
    found = []
    for plane in a.flatten(0, 1).round():
        for window in itertools.product(rows, columns):
            places = list(itertools.product(*window))
            largest = max(plane[place] for place in places)
            row, column = next(place for place in places if plane[place] == largest)
            found.append(row * a.shape[-1] + column)
    return torch.tensor(found).view(*a.shape[:2], -1)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(("options", "size"), POOLS)
def test_winners_of_windows(options, size, layout):
    a = tied(2, 3, *size).contiguous(memory_format=layout)
    out = F.max_pool2d(a, **options)
    given = {"stride": options["kernel_size"], "padding": 0, "dilation": 1, **options}
    sides = [
        [v[side] if isinstance(v, tuple) else v for v in map(given.get, names)]
        for side in range(2)
        for names in [("kernel_size", "stride", "padding", "dilation")]
    ]
    rows, columns = (
        [
            [at for d in range(k) if 0 <= (at := i * stride - padding + d * dilation) < length]
            for i in range(count)
        ]
        for (k, stride, padding, dilation), length, count in zip(
            sides, size, out.shape[2:], strict=True
        )
    )
    found = winners(windows_of(F.max_pool2d, (a,), options), a, out)
    assert torch.equal(found, literal(a, rows, columns))


@pytest.mark.parametrize(("wanted", "size"), ADAPTIVE)
def test_winners_of_adaptive_windows(wanted, size):
    a = tied(2, 3, *size)
    rows, columns = (
        # From floor(i * length / count) to ceil((i + 1) * length / count).
        [range(i * length // n, ((i + 1) * length + n - 1) // n) for i in range(n)]
        for n, length in zip(wanted, size, strict=True)
    )
    out = F.adaptive_max_pool2d(a, wanted)
    found = winners(windows_of(F.adaptive_max_pool2d, (a, wanted), {}), a, out)
    assert torch.equal(found, literal(a, rows, columns))


def test_a_window_of_what_is_not_a_number_has_a_place():
    a = torch.full((1, 1, 4, 4), torch.nan)
    for options in ({"kernel_size": 2, "padding": 1}, {"kernel_size": 4}):
        found = winners(windows_of(F.max_pool2d, (a,), options), a, F.max_pool2d(a, **options))
        assert ((found >= 0) & (found < 16)).all()


LARGEST = {
    "pool": lambda a: F.max_pool2d(a, 3, 2, 1),
    "pool of torch": lambda a: torch.max_pool2d(a, [2, 2], [], [0, 0]),
    "module": nn.MaxPool2d(2, ceil_mode=True),
    "with places": lambda a: F.max_pool2d(a, 2, return_indices=True)[0],
    "adaptive": nn.AdaptiveMaxPool2d((2, 3)),
    "by name": lambda a: F.max_pool2d(input=a, kernel_size=2),
    "max": lambda a: a.max(dim=-1).values,
    "max of torch": lambda a: torch.max(a, 1, keepdim=True)[0],
    "amax": lambda a: a.amax((2, 3)),
    "amax, kept": lambda a: torch.amax(a, dim=(-1, 1), keepdim=True),
    "of two": lambda a: torch.maximum(a, a.flip(3) * 1.5),
    "of two, max": lambda a: torch.max(a[:, :1], a),
    "in place": lambda a: F.max_pool2d(a, 2).add_(0.25).relu_(),
}
STEP = pytest.mark.parametrize("step", LARGEST.values(), ids=LARGEST)


def led_back(step, a, following):
    point = a.clone().requires_grad_()
    if following:
        with FollowingWinners():
            out = step(point)
    else:
        out = step(point)
    weights = 1 + torch.arange(out.numel(), dtype=out.dtype).view(out.shape)
    return out.detach(), torch.autograd.grad((out * weights).sum(), point)[0]


@STEP
def test_without_ties_it_is_the_gradient(step):
    a = random(2, 3, 7, 6)
    (found, slope), (usual, expected) = (
        led_back(step, a, following) for following in (True, False)
    )
    assert torch.equal(found, usual)
    torch.testing.assert_close(slope, expected, rtol=0, atol=0)


@STEP
def test_rounding_does_not_choose_the_winner(step):
    a = tied(2, 3, 7, 6)
    noise = 1e-15 * (random(2, 3, 7, 6, seed=2) - 0.5)
    # Apart, rounding chooses: the test would see it.
    assert not torch.equal(led_back(step, a, False)[1], led_back(step, a + noise, False)[1])
    assert torch.equal(led_back(step, a, True)[1], led_back(step, a + noise, True)[1])


def test_places_stay_those_that_pytorch_gives():
    a = random(2, 3, 4, 4).requires_grad_()
    with FollowingWinners():
        values, places = F.max_pool2d(a, 2, return_indices=True)
        largest = a.max(dim=1)
    assert torch.equal(places, F.max_pool2d(a, 2, return_indices=True)[1])
    assert torch.equal(largest.indices, a.max(dim=1).indices)
    assert torch.equal(a.detach().flatten(2).gather(2, places.flatten(2)), values.flatten(2))


@pytest.mark.parametrize("step", [lambda a: a.max(), lambda a: a.amax(0), lambda a: a.amax()])
def test_where_pictures_compete_it_is_the_gradient(step):
    a = tied(2, 3, 4, 4)
    assert torch.equal(led_back(step, a, True)[1], led_back(step, a, False)[1])


def test_a_picture_of_one_colour_is_explained_by_its_first_places():
    """Away from the border all values of a channel are equal, and the first wins."""
    torch.manual_seed(0)
    layers = {"conv": nn.Conv2d(3, 4, 3, padding=1), "fc": nn.Linear(4, 5)}
    net = Net(lambda net, x: net.fc(net.conv(x).amax((2, 3))), **layers).double()
    with torch.no_grad():
        net.conv.weight.abs_()  # so that the border, where zeros are added, is lower
    clf = Classifier(net, nets.CLASSES, (8, 8))
    found = explain(clf, torch.full((1, 3, 8, 8), 0.7).double(), 0, "saliency")
    assert found[0, :, :3, :3].abs().min() > 0
    assert found[0, :, 3:].abs().max() == found[0, :, :, 3:].abs().max() == 0


# Slopes between two points that are nearly the same


@pytest.mark.parametrize("function", [F.gelu, F.silu, F.softplus, F.elu, torch.tanh])
@pytest.mark.parametrize("change", [1e-3, 1e-5, 1e-6, 1e-8, 1e-10, 1e-12, 1e-15, 0.0])
def test_the_slope_of_a_small_change(function, change):
    """Error at most 2 eps ** (2 / 3): of the ratio eps / change, of the mean slope change ** 2."""
    step = Step(function, (Slot(0),), {}, (0,), (1,), "act")
    a0 = torch.linspace(-2.9, 2.7, 29, dtype=torch.float64)[None]
    point = (a0 + (change / 2)).requires_grad_()
    # At the middle, which is off by change ** 2 / 24 times a third derivative of about 1.
    (expected,) = torch.autograd.grad(function(point).sum(), point)
    found = secant(Activation(step, (0,), 1), a0 + change, a0[None])[0]
    bound = 2 * 2 ** (-52 * 2 / 3) + change**2 / 12
    assert (found - expected).abs().max() <= bound


def test_a_small_change_across_a_corner_is_the_ratio():
    step = Step(F.leaky_relu, (Slot(0), 0.1), {}, (0,), (1,), "act")
    a, a0 = torch.tensor([[3e-7]]).double(), torch.tensor([[[-1e-7]]]).double()
    found = secant(Activation(step, (0,), 1), a, a0)
    torch.testing.assert_close(found, torch.tensor([[[(3e-7 + 1e-8) / 4e-7]]]).double())


def test_a_relu_at_its_corner_but_for_rounding_has_no_slope():
    a0 = torch.tensor([[[0.0, 0, 1e-16, 0.5, -0.5]]], dtype=torch.float64)
    a = torch.tensor([[1e-16, -1e-16, 0, 0.5 + 1e-16, 0.5]], dtype=torch.float64)
    assert relu_secant(a, a0, 1e-12).flatten().tolist() == [0, 0, 0, 1, 0.5]
