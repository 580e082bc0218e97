"""DeepLIFT with the Rescale rule."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from xai_core.explainers.baselines import Baseline, references
from xai_core.explainers.graph import read_shared
from xai_core.explainers.params import BASELINE
from xai_core.explainers.registry import register
from xai_core.explainers.rescale import multipliers, values_at
from xai_core.models.classifier import Classifier

TITLE = "DeepLIFT"


@register(
    title=TITLE,
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
        relevance += (x - origin) * multipliers(graph, values, targets, TITLE)[0]
    return relevance / len(origins)
