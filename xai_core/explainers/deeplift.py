"""DeepLIFT, with the Rescale rule and with the RevealCancel rule."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from xai_core.explainers.baselines import Baseline, count, references
from xai_core.explainers.graph import read_shared
from xai_core.explainers.registry import register
from xai_core.explainers.rescale import multipliers, values_at
from xai_core.explainers.reveal_cancel import RevealCancel
from xai_core.explainers.settings import BASELINE
from xai_core.models.classifier import Classifier

RESCALE = "DeepLIFT"
REVEAL_CANCEL = "DeepLIFT RevealCancel"


@register(
    title=RESCALE,
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
    cost=lambda settings: 1.0 + count(settings["baseline"]),
)
def deeplift(
    clf: Classifier,
    x: Tensor,
    targets: Tensor,
    *,
    baseline: Baseline | Sequence[Baseline] = "black",
) -> Tensor:
    """DeepLIFT, Rescale rule; the relevance sums to f_y(x) - f_y(x_0).

    Linear steps pass multipliers back as gradients. Element-wise activations rescale them by
    change of output / change of input. Max-pooling divides the change of its output between
    the winner at x and the winner at x_0.

    Source: Shrikumar et al. 2017, arXiv:1704.02685; max-pooling as in SHAP's DeepExplainer.
    Differs from Captum 0.9: its rule for max-pooling is lost where a ReLU feeds it directly.
    Differs from S: its default baseline is the blurred picture, here black.

    Args:
        clf: the classifier.
        x: network input, [N, 3, H, W].
        targets: explained classes, int64 [N].
        baseline: "black", "blurred", "mean", "noise", an input tensor [1 | N, 3, H, W], or
            several, over which the relevance is averaged.

    Returns:
        Logits, [N, 3, H, W].

    Raises:
        MethodError: a step without a rule (products, softmax, LayerNorm), by name; or a
            baseline tensor of another shape.
    """
    graph = read_shared(clf, x)
    relevance = torch.zeros_like(x)
    origins = references(clf, x, baseline)
    for origin in origins:
        values = [value[None] for value in values_at(clf, origin, graph)]
        relevance += (x - origin) * multipliers(graph, values, targets, RESCALE)[0]
    return relevance / len(origins)


@register(
    title=REVEAL_CANCEL,
    family="path",
    signed=True,
    citation="Shrikumar et al. 2017, section 3.5.3, arXiv:1704.02685",
    shows="How the difference in score between a picture without evidence and this one is "
    "shared out among the pixels, also where evidence for and against cancels.",
    formula=r"R = (x - x_0) \odot m, \quad m_{\Delta a^\pm} = m_{\mathrm{out}} \tfrac12 \left( "
    r"\frac{f(a_0 + \Delta a^\pm) - f(a_0)}{\Delta a^\pm} + "
    r"\frac{f(a) - f(a_0 + \Delta a^\mp)}{\Delta a^\pm} \right), \quad "
    r"\sum R = f_y(x) - f_y(x_0)",
    warning="Depends on the baseline: pixels equal to it, such as black ones on black, always "
    "get zero (Sturmfels et al. 2020, doi:10.23915/distill.00022).",
    params=(BASELINE,),
    cost=lambda settings: 1.0 + 3.0 * count(settings["baseline"]),
)
def deeplift_rc(
    clf: Classifier,
    x: Tensor,
    targets: Tensor,
    *,
    baseline: Baseline | Sequence[Baseline] = "black",
) -> Tensor:
    """DeepLIFT, RevealCancel rule (S 4.27-4.30); the relevance sums to f_y(x) - f_y(x_0).

    A convolution or linear layer, with the BatchNorm behind it folded in, divides the change
    of its output y = sum w_i x_i + b into the sum of the positive and the sum of the negative
    contributions w_i dx_i, where dx_i is the whole change of x_i; the bias cancels. So both
    parts of dx_i have the same multiplier: that of dy+ where w_i dx_i > 0, that of dy- where
    it is negative, and their mean where dx_i = 0, though its parts may not be 0.
    An activation's parts act one before and one after the other, in the mean of both orders.
    Where a part is 0, its multiplier is the limit for a small part: the mean of the slopes at
    its two places (0 at the corner of a ReLU).

    Source: Shrikumar et al. 2017, arXiv:1704.02685. Beyond it: averages, additions, constant
    factors and BatchNorm by itself lead both parts on, exchanged where the factor is negative,
    as if they belonged to the layer before; so does the authors' code for averages and
    BatchNorm. Max-pooling goes by the whole change, as with the Rescale rule, and its own
    change is one part, by its sign.
    Differs from the authors' code: there max-pooling passes multipliers on as the gradient
    does, which is not complete; a part of 0 is made 1e-7, for about the same limit.
    Differs from S: its default baseline is the blurred picture, here black.

    Arguments, result and errors are those of ``deeplift``.
    """
    graph = read_shared(clf, x)
    origins = references(clf, x, baseline)
    relevance = torch.zeros_like(x)
    with torch.no_grad():
        for origin in origins:
            rules = RevealCancel(graph, values_at(clf, origin, graph), REVEAL_CANCEL)
            relevance += (x - origin) * rules.multipliers(targets)
    return relevance / len(origins)
