"""Layer-wise relevance propagation.

Notation as in ``relevance``: a are a layer's inputs, R relevance, w+ and w- the positive and
negative weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from xai_core.errors import MethodError
from xai_core.explainers.graph import Graph, Rule, lead_back, read_shared
from xai_core.explainers.nodes import Affine
from xai_core.explainers.rap import boxed, first_layers
from xai_core.explainers.registry import register
from xai_core.explainers.relevance import at_logits, common_rules, epsilon_rule, parted_rule
from xai_core.explainers.settings import (
    ALPHA,
    BATCHNORM,
    BETA,
    BIAS,
    EPSILON,
    EPSILON_UNITS,
    FIRST,
    LRP_BIAS,
    LRP_EPSILON,
)
from xai_core.explainers.sharing import requested, shared
from xai_core.models.classifier import Classifier

# Beta of the presets, each a method of its own: alpha = 1 + beta.
PRESETS = {f"lrp_alpha{beta + 1}_beta{beta}": beta for beta in (0, 1, 2, 3, 4, 5, 8)}
_PASSES = 2.0


@register(
    title="LRP-ε",
    family="relevance",
    signed=True,
    citation="Bach et al. 2015, doi:10.1371/journal.pone.0130140",
    shows="Which pixels the score of the class comes from, followed back layer by layer in "
    "proportion to what each neuron contributed; weak contributions are swallowed.",
    formula=r"R_i = \sum_j \frac{a_i w_{ij}}{z_j + \varepsilon \operatorname{sign}(z_j)} R_j, "
    r"\quad z_j = \sum_i a_i w_{ij} + b_j",
    warning="For small ε it is Input × Gradient, with all its noise (Ancona et al. 2018, "
    "arXiv:1711.06104); what ε and the biases take is missing from the sum.",
    params=(LRP_EPSILON, EPSILON_UNITS, LRP_BIAS, BATCHNORM),
)
def lrp_epsilon(
    clf: Classifier,
    x: Tensor,
    targets: Tensor,
    *,
    epsilon: float = 1.0,
    epsilon_units: str = "output",
    bias: bool = True,
    batchnorm: str = "fold",
) -> Tensor:
    """LRP with the ε rule in every weighted layer (A section 4.2.2, its ε = 1).

    Source: Bach et al. 2015, doi:10.1371/journal.pone.0130140, eqs 58-59. ReLU passes relevance
    on, max-pooling to the winner. Averages and sums of branches share it out with ε = 1e-6
    whatever ``epsilon`` is, as Zennit and iNNvestigate do.
    Differs from the paper: BatchNorm, which it does not treat, is folded.

    The bias belongs to z. Without it z may have the other sign than the neuron's output, or be
    close to zero, and relevance then goes back reversed and enlarged: in the embedded VGG-tiny
    this befalls a third to four fifths of the active neurons of most layers.

    Which ε A's experiment needs depends on the network. In VGG-tiny the mean of |z| is 0.8, and
    A's ε = 1 swallows most of the relevance: there it needs ``epsilon_units="mean"`` with a
    quarter or a tenth. Mean APEM, first stage, of the first 28 validation pictures that VGG-tiny
    gets right: 2 with ε = 1, 41 with ε = 0.01, and 47, 44 and 21 with ε a tenth, a quarter and
    the whole of the mean |z|; gradient 49, input times gradient 38.

    Args:
        clf: the classifier.
        x: network input, [N, 3, H, W].
        targets: explained classes, int64 [N].
        epsilon: in the units of ``epsilon_units``.
        epsilon_units: "output": epsilon is in units of the layers' outputs; "mean": it is
            multiplied by the mean of |z| over all outputs (channels and places) of the layer,
            of each image by itself, so that neighbours in the batch do not matter.
        bias: count the bias to z, whose share of the relevance is then lost.
        batchnorm: "fold" it into the layer before it, or pass relevance on ("identity").

    Returns:
        Logits, [N, 3, H, W].

    Raises:
        MethodError: the model has a step without a rule.
    """
    graph = read_shared(clf, x, batchnorm == "fold")
    rules = {
        **common_rules(graph),
        Affine: epsilon_rule(graph, epsilon, bias, epsilon_units == "mean"),
    }
    return lead_back(graph, at_logits(graph, targets), rules, "LRP-ε")[0]


@register(
    title="LRP-αβ",
    family="relevance",
    signed=True,
    citation="Bach et al. 2015, doi:10.1371/journal.pone.0130140",
    shows="Which pixels raise and which lower the score of the class, with α and β as the "
    "weights of the two, followed back layer by layer.",
    formula=r"R_i = \sum_j \left( \alpha \frac{(a_i w_{ij})^{+}}{\sum_k (a_k w_{kj})^{+}} - "
    r"\beta \frac{(a_i w_{ij})^{-}}{\sum_k (a_k w_{kj})^{-}} \right) R_j, "
    r"\quad \alpha - \beta = 1",
    warning="For small β it hardly changes when the last layers are randomised (Sixt et al. "
    "2020, arXiv:1912.09818; thesis S, section 7.2).",
    params=(ALPHA, BETA, EPSILON, BIAS, BATCHNORM, FIRST),
    cost=lambda settings: _PASSES,
)
def lrp_alpha_beta(
    clf: Classifier,
    x: Tensor,
    targets: Tensor,
    *,
    alpha: float = 2.0,
    beta: float = 1.0,
    epsilon: float = 1e-6,
    bias: bool = False,
    batchnorm: str = "fold",
    first: str = "same",
) -> Tensor:
    """LRP that treats positive and negative contributions separately (S eq. 4.20).

    Source: Bach et al. 2015, doi:10.1371/journal.pone.0130140, eqs 60-62. ReLU passes relevance
    on, max-pooling to the winner; averages and sums of branches share it out by what each
    input contributes. Layers whose inputs have both signs, such as the first, are treated by
    the sign of each product. Wanted together with other α and β, they all share one pass.
    Differs from the paper: ε is added to the denominators, with their sign; BatchNorm, which
    it does not treat, is folded.
    Differs from Zennit: the bias takes no share unless ``bias``.
    With ``first="zb"``, ``batchnorm="identity"`` and a small ``epsilon`` it is what the code of
    Nam et al. 2020, arXiv:1904.00605, computes, which S used, up to what is added to
    denominators outside convolutions and linear layers: 1e-9 in BatchNorms there, 1e-6 in
    averages and sums here. In a small ResNet the maps differ by 1e-4 of their maximum.

    Args:
        clf: the classifier.
        x: network input, [N, 3, H, W].
        targets: explained classes, int64 [N].
        alpha: weight of what raises a neuron's output; 1 + beta.
        beta: weight of what lowers it.
        epsilon: in units of the layers' outputs.
        bias: count the bias to what raises or lowers, whose share is then lost.
        batchnorm: "fold" it into the layer before it, or pass relevance on ("identity").
        first: "same", or "zb": the layers that no other precedes follow the z^B rule, without
            bias and ε, between the least and the largest value of each image's input.

    Returns:
        Logits, [N, 3, H, W].

    Raises:
        MethodError: alpha - beta is not 1, or the model has a step without a rule.
    """
    if abs(alpha - beta - 1) > 1e-6:
        raise MethodError(
            f"LRP-αβ needs alpha - beta = 1, so that relevance is conserved; "
            f"alpha {alpha:g} goes with beta {alpha - 1:g}."
        )
    # Computed together with all others that are wanted.
    same: dict[str, Any] = {
        "epsilon": epsilon,
        "bias": bias,
        "batchnorm": batchnorm,
        "first": first,
    }
    others = {
        float(settings.get("beta", PRESETS.get(name)))
        for name, settings in requested().items()
        if (name in PRESETS or name == "lrp_alpha_beta") and same.items() <= settings.items()
    }
    betas = tuple(sorted(others | {beta}))
    return _of_all(clf, x, targets, betas, **same)[betas.index(beta)]


@shared
def _of_all(
    clf: Classifier,
    x: Tensor,
    targets: Tensor,
    betas: tuple[float, ...],
    epsilon: float,
    bias: bool,
    batchnorm: str,
    first: str,
) -> Tensor:
    """Relevance for every beta, ascending, from one way back: [P, N, 3, H, W]."""
    graph = read_shared(clf, x, batchnorm == "fold")
    inside = parted_rule(graph, -torch.tensor(betas, dtype=torch.float64), epsilon, bias)
    rule = boxed_first(graph, inside) if first == "zb" else inside
    start = at_logits(graph, targets).expand(len(betas), -1, -1)
    return lead_back(graph, start, {**common_rules(graph), Affine: rule}, "LRP-αβ")


def boxed_first(graph: Graph, inside: Rule) -> Rule:
    """The z^B rule for the layers that no other precedes, ``inside`` for all others."""
    first = first_layers(graph)

    def rule(node: Affine, signal: Tensor) -> Sequence[Tensor]:
        if node in first:
            return (boxed(node, graph.values[node.inputs[0]], signal),)
        return inside(node, signal)

    return rule


_SHOWS = {
    0: "Which pixels the score of the class comes from, if only what raises a neuron's output "
    "counts, followed back layer by layer.",
    1: "Which pixels raise and which lower the score of the class, followed back layer by layer.",
}
_WARNING = {
    0: "Hardly changes when the last layers are randomised, and hardly from class to class "
    "(Sixt et al. 2020, arXiv:1912.09818; thesis S, section 7.2).",
    1: "Hardly changes when the last layers are randomised (Sixt et al. 2020, "
    "arXiv:1912.09818; thesis S, section 7.2).",
    3: "Positive and negative relevance grow from layer to layer and cancel, so that small "
    "changes of the picture can change the map a lot; in a network of 50 layers they reach 1e8 to "
    "1e27 times the score, and no part of the map is a share of it.",
}


def _enter(name: str, beta: int) -> None:
    """Enter LRP-αβ with α = 1 + ``beta`` into the table as a method of its own."""
    title = f"LRP α{beta + 1}β{beta}"

    def preset(clf: Classifier, x: Tensor, targets: Tensor, **settings: Any) -> Tensor:
        return lrp_alpha_beta(clf, x, targets, alpha=beta + 1.0, beta=float(beta), **settings)

    preset.__name__ = name
    preset.__doc__ = f"""``lrp_alpha_beta`` with alpha = {beta + 1} and beta = {beta}."""
    lowering = rf" - {beta} \frac{{(a_i w_{{ij}})^{{-}}}}{{\sum_k (a_k w_{{kj}})^{{-}}}}"
    raising = r"\frac{(a_i w_{ij})^{+}}{\sum_k (a_k w_{kj})^{+}}"
    register(
        title=title,
        family="relevance",
        signed=True,
        citation="Bach et al. 2015, doi:10.1371/journal.pone.0130140",
        shows=_SHOWS[min(beta, 1)],
        formula=rf"R_i = \sum_j \left( {beta + 1} {raising}{lowering if beta else ''} \right) R_j",
        warning=_WARNING[max(key for key in _WARNING if key <= beta)],
        params=(EPSILON, BIAS, BATCHNORM, FIRST),
        cost=lambda settings: _PASSES,
    )(preset)


for _name, _beta in PRESETS.items():
    _enter(_name, _beta)
