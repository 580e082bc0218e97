"""DeepLIFT with the Rescale rule.

Notation: a quantity at the picture x and at the baseline x_0 differs by its "change"; the
multiplier of a layer's input is what the logit's change is per unit of the input's change.
Picture and baseline go through the network as one batch, x first, and every layer that is
not linear gets a backward pass that returns multipliers in the place of gradients.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from xai_core.explainers.baselines import reference
from xai_core.explainers.linearity import only_linear
from xai_core.explainers.params import BASELINE
from xai_core.explainers.registry import register
from xai_core.explainers.surgery import replace_layers
from xai_core.models.classifier import Classifier

ELEMENTWISE = (
    nn.CELU,
    nn.ELU,
    nn.GELU,
    nn.Hardsigmoid,
    nn.Hardswish,
    nn.Hardtanh,
    nn.LeakyReLU,
    nn.Mish,
    nn.PReLU,
    nn.ReLU,
    nn.ReLU6,
    nn.SELU,
    nn.SiLU,
    nn.Sigmoid,
    nn.Softplus,
    nn.Tanh,
)
MAX_POOLS = (nn.MaxPool2d, nn.AdaptiveMaxPool2d)


@register(
    title="DeepLIFT",
    family="path",
    signed=True,
    citation="Shrikumar et al. 2017, arXiv:1704.02685",
    shows="How the difference in score between a picture without evidence and this one is "
    "shared out among the pixels, layer by layer.",
    formula=r"R = (x - x_0) \odot m, \quad m_{\mathrm{in}} = "
    r"m_{\mathrm{out}}\, \frac{a_{\mathrm{out}} - a_{\mathrm{out},0}}"
    r"{a_{\mathrm{in}} - a_{\mathrm{in},0}}, \quad \sum R = f_y(x) - f_y(x_0)",
    warning="Depends on the baseline: pixels equal to it, such as black ones on black, always "
    "get zero (Sturmfels et al. 2020, doi:10.23915/distill.00022).",
    params=(BASELINE,),
    cost=lambda settings: 2.0,
)
def deeplift(
    clf: Classifier, x: Tensor, targets: Tensor, *, baseline: str | Tensor = "black"
) -> Tensor:
    """DeepLIFT, Rescale rule; the relevance sums to f_y(x) - f_y(x_0).

    Linear layers pass multipliers back as gradients. Element-wise activations rescale them
    by change of output / change of input, or by the slope at x where the input changes by
    less than 1e-10 (1e-6 unless in float64). Max-pooling divides the change of its output
    between the winner at x and the winner at x_0.

    Source: Shrikumar et al. 2017, arXiv:1704.02685; max-pooling as in SHAP's DeepExplainer.
    Differs from Captum 0.9: its rule for max-pooling is lost where a ReLU feeds it directly.
    Differs from S: its default baseline is the blurred picture, here black.

    Args:
        clf: the classifier.
        x: network input, [N, 3, H, W].
        targets: explained classes, int64 [N].
        baseline: "black", "blurred", "mean" or an input tensor [1 | N, 3, H, W].

    Returns:
        Logits, [N, 3, H, W].

    Raises:
        MethodError: a layer without a rule (products, softmax, LayerNorm), by name; or a
            baseline tensor of another shape.
    """
    origin = reference(clf, x, baseline)
    network = clf.private().module
    replace_layers(network, ELEMENTWISE, _Rescaled)
    replace_layers(network, MAX_POOLS, _RescaledPool)
    both = torch.cat([x, origin]).detach().requires_grad_()
    with only_linear(network, besides=(_Rescale, _RescalePool), title="DeepLIFT"):
        logits = network(both)
    scores = logits.gather(1, torch.cat([targets, targets])[:, None])
    (multiplier,) = torch.autograd.grad(scores.sum(), both)
    return (x - origin) * multiplier[: len(x)]


def _change(both: Tensor) -> Tensor:
    """Value at x minus value at x_0: [2M, ...] -> [M, ...]."""
    at_x, at_origin = both.chunk(2)
    return at_x - at_origin


def _ratio(change_out: Tensor, change_in: Tensor, slope: Tensor) -> Tensor:
    """``change_out / change_in``, or ``slope`` where the input hardly changes."""
    small = change_in.abs() < (1e-10 if change_in.dtype == torch.float64 else 1e-6)
    return torch.where(small, slope, change_out / change_in.where(~small, 1))


class _Rescale(torch.autograd.Function):
    """An element-wise activation forward, the Rescale rule backward."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, activation: nn.Module) -> Tensor:
        out: Tensor = activation(a.clone())  # a copy, because the activation may work in place
        ctx.activation = activation
        ctx.save_for_backward(a, out)
        return out

    @staticmethod
    def backward(ctx: Any, *multipliers: Tensor) -> tuple[Tensor, None]:
        a, out = ctx.saved_tensors
        with torch.enable_grad():
            point = a.chunk(2)[0].detach().requires_grad_()
            (slope,) = torch.autograd.grad(ctx.activation(point.clone()).sum(), point)
        ratio = _ratio(_change(out), _change(a), slope)
        return multipliers[0] * torch.cat([ratio, ratio]), None


class _RescalePool(torch.autograd.Function):
    """Max-pooling forward; backward the output's change is divided between both winners."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, pool: Callable[[Tensor], tuple[Tensor, Tensor]]) -> Tensor:
        out, winners = pool(a)
        ctx.save_for_backward(a, out, winners)
        return out

    @staticmethod
    def backward(ctx: Any, *multipliers: Tensor) -> tuple[Tensor, None]:
        a, out, winners = ctx.saved_tensors
        at_x, at_origin = out.chunk(2)
        winners_x, winners_origin = winners.chunk(2)
        multiplier = multipliers[0].chunk(2)[0]
        change_in = _change(a)

        def returned(values: Tensor, places: Tensor) -> Tensor:
            flat = torch.zeros_like(change_in).flatten(2)
            return flat.scatter_add(2, places.flatten(2), values.flatten(2)).view_as(change_in)

        top = torch.maximum(at_x, at_origin)
        share = returned(multiplier * (top - at_origin), winners_x)
        share = share + returned(multiplier * (at_x - top), winners_origin)
        result = _ratio(share, change_in, returned(multiplier, winners_x))
        return torch.cat([result, result]), None


class _Rescaled(nn.Module):
    """Takes the place of an element-wise activation; [2M, ...], x first."""

    def __init__(self, activation: nn.Module) -> None:
        super().__init__()
        self.activation = activation

    def forward(self, a: Tensor) -> Tensor:
        out: Tensor = _Rescale.apply(a, self.activation)
        return out


class _RescaledPool(nn.Module):
    """Takes the place of a max-pooling layer; [2M, C, h, w], x first."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def _pool(self, a: Tensor) -> tuple[Tensor, Tensor]:
        """Output and the flat index of each window's winner."""
        pool: Any = self.layer
        if isinstance(self.layer, nn.MaxPool2d):
            size, others = pool.kernel_size, (pool.padding, pool.dilation, pool.ceil_mode)
            both = F.max_pool2d(a, size, pool.stride, *others, return_indices=True)
        else:
            both = F.adaptive_max_pool2d(a, pool.output_size, return_indices=True)
        return both[0], both[1]

    def forward(self, a: Tensor) -> Tensor:
        out: Tensor = _RescalePool.apply(a, self._pool)
        return out
