"""Class activation maps.

Notation: A [N, K, h, w] is a layer's output, dA its gradient df_y/dA, of the same shape.
"""

from __future__ import annotations

from torch import Tensor

from xai_core.errors import MethodError
from xai_core.explainers.graph import Graph, lead_back, linear_rules, one_hot, read_shared
from xai_core.explainers.nodes import Affine, Averaging, Node, Rearranging
from xai_core.explainers.passes import activation_and_gradient
from xai_core.explainers.registry import register
from xai_core.explainers.relevance import ratio
from xai_core.explainers.settings import LAYER, RELU
from xai_core.models.classifier import Classifier


@register(
    title="CAM",
    family="cam",
    signed=True,
    channels=1,
    citation="Zhou et al. 2016, arXiv:1512.04150",
    shows="In which coarse regions the model finds what speaks for the class, or against it.",
    formula=r"R = \sum_k w_{yk} A_k, \quad "
    r"f_y = \frac{1}{hw} \sum_{i,j} R_{ij} + b_y",
    warning="Only for models that end in global average pooling and one linear layer; as "
    "coarse as the last map.",
)
def cam(clf: Classifier, x: Tensor, targets: Tensor) -> Tensor:
    """The last maps, weighted as the linear layer behind the average weights them.

    Signed, as the paper defines it: the mean of the map and the linear layer's bias make up
    the logit. It is h * w times the signed Grad-CAM at the pooled maps, whose gradient
    w_yk / (h w) is the same at every place.

    Source: Zhou et al. 2016, arXiv:1512.04150, eq. 2.

    Arguments are those of ``saliency``.

    Returns:
        Logits, [N, 1, h, w] at the resolution of the maps that are pooled.

    Raises:
        MethodError: the model does not end in global average pooling and one linear layer.
    """
    graph = read_shared(clf, x)
    pooled = _pooled(graph)
    maps = graph.values[pooled.inputs[0]]
    start = one_hot(graph, targets)
    slope = lead_back(graph, start, linear_rules(graph), "CAM", pooled.inputs[0])[0]
    weights = slope[:, :, :1, :1]
    # What is not the same everywhere was not pooled over the places.
    if not bool((slope == weights).all()):
        raise _undefined(pooled)
    height, width = maps.shape[2:]
    return height * width * (weights * maps).sum(dim=1, keepdim=True)


def _pooled(graph: Graph) -> Node:
    """The global average pooling that the last linear layer takes its input from."""
    makers = {number: node for node in graph.nodes for number in node.step.outputs}

    def maker(number: int) -> Node | None:
        """The node that computed a value before it was rearranged."""
        node = makers.get(number)
        while isinstance(node, Rearranging) and len(node.inputs) == 1:
            node = makers.get(node.inputs[0])
        return node

    last = maker(graph.output)
    node = maker(last.inputs[0]) if isinstance(last, Affine) and last.options is None else None
    if isinstance(node, Averaging):
        before, after = graph.values[node.inputs[0]].shape, graph.values[node.output].shape
        if len(before) == 4 and before[:2] == after[:2] and after[2:].numel() == 1:
            return node
    raise _undefined(node or last)


def _undefined(node: Node | None) -> MethodError:
    """The error that names the step at which a model is of another kind."""
    here = "" if node is None else f", but in this one the step {node.label} stands there"
    return MethodError(
        "CAM is defined for models that end in global average pooling and one linear layer"
        f"{here}; gradcam works on this model."
    )


@register(
    title="Grad-CAM",
    family="cam",
    signed=False,
    channels=1,
    citation="Selvaraju et al. 2017, arXiv:1610.02391",
    shows="In which coarse regions the model finds what speaks for the class.",
    formula=r"R = \max\Big(\sum_k \alpha_k A_k,\, 0\Big), \quad "
    r"\alpha_k = \frac{1}{hw} \sum_{i,j} \frac{\partial f_y}{\partial A_{kij}}",
    warning="As coarse as its layer; the averaged gradient can mark places that the model does "
    "not use (Draelos & Carin 2020, arXiv:2011.08891).",
    params=(LAYER, RELU),
)
def gradcam(
    clf: Classifier,
    x: Tensor,
    targets: Tensor,
    *,
    layer: str | None = None,
    relu: bool = True,
) -> Tensor:
    """Channels of a layer, weighted by their mean gradient and summed (S eqs 4.11-4.12).

    Source: Selvaraju et al. 2017, arXiv:1610.02391. The layer's own output is taken: for a
    convolution the values before BatchNorm and ReLU, by default those behind them.

    Args:
        clf: the classifier.
        x: network input, [N, 3, H, W].
        targets: explained classes, int64 [N].
        layer: dotted name of the layer; the classifier's ``cam_layer`` if None.
        relu: set negative values to zero.

    Returns:
        [N, 1, h, w] at the layer's resolution.

    Raises:
        ModelError: there is no such layer, or no convolution to choose by default.
        MethodError: the layer's output is no map.
    """
    activation, slope = activation_and_gradient(clf, x, targets, layer)
    return _weighted(activation, slope.mean(dim=(2, 3), keepdim=True), relu)


@register(
    title="Element-wise Grad-CAM",
    family="cam",
    signed=False,
    channels=1,
    citation="Pillai & Pirsiavash 2021, Explainable Models with Consistent Interpretations, AAAI",
    shows="In which coarse regions the model finds what speaks for the class, each place "
    "weighted by its own gradient.",
    formula=r"R = \max\Big(\sum_k \frac{\partial f_y}{\partial A_k} \odot A_k,\, 0\Big)",
    warning="As coarse as its layer; the same as Grad-CAM where the layer is pooled over all "
    "places next, because the gradient is then the same everywhere.",
    params=(LAYER, RELU),
)
def gradcam_elementwise(
    clf: Classifier,
    x: Tensor,
    targets: Tensor,
    *,
    layer: str | None = None,
    relu: bool = True,
) -> Tensor:
    """Channels of a layer times their gradient, place by place, and summed (C eq. 3).

    Source: Pillai & Pirsiavash 2021, AAAI; also known as HiResCAM (Draelos & Carin 2020,
    arXiv:2011.08891), there without the ReLU.
    Differs from pytorch-grad-cam: its ``GradCAMElementWise`` sets negative values to zero in
    every channel before the sum, C eq. 3 after it.

    Arguments, result and errors are those of ``gradcam``.
    """
    activation, slope = activation_and_gradient(clf, x, targets, layer)
    return _weighted(activation, slope, relu)


@register(
    title="Grad-CAM++",
    family="cam",
    signed=False,
    channels=1,
    citation="Chattopadhyay et al. 2018, arXiv:1710.11063",
    shows="In which coarse regions the model finds what speaks for the class, also where the "
    "object occurs several times.",
    formula=r"R = \max\Big(\sum_k A_k \sum_{i,j} a_{kij} \max(g_{kij}, 0),\, 0\Big), \quad "
    r"a_{kij} = \frac{g_{kij}^2}{2 g_{kij}^2 + g_{kij}^3 \sum_{u,v} A_{kuv}}, \quad "
    r"g = \frac{\partial f_y}{\partial A}",
    warning="Unlike Grad-CAM it depends on the scale of the logits: where they are small, all "
    "positive gradients count by their size, where they are large, by their number. In front of "
    "a ReLU the weights can blow up where their denominator nears zero; positive gradients alone "
    "give nearly the same map (Lerma & Lucas 2022, arXiv:2205.10838).",
    params=(LAYER, RELU),
)
def gradcam_pp(
    clf: Classifier,
    x: Tensor,
    targets: Tensor,
    *,
    layer: str | None = None,
    relu: bool = True,
) -> Tensor:
    """Channels of a layer, weighted by a weighted sum of their positive gradients, and summed.

    The paper explains the score exp(f_y). Its derivatives are exp(f_y) times g, g^2 and g^3
    where the network is piecewise linear in the layer, so the factor cancels in a (eq. 19) and
    stays in the weights as one positive number per image. It is left out: the map is that of
    the paper divided by exp(f_y), and equal to it once both are scaled to their maximum.

    Only positive g count in the weights, and there a is 1 / (2 + g S) with S the sum of the map.
    So a weight is the sum of g / (2 + g S). It does not depend on the units of the layer, but on
    those of the logits, through g S: for small ones it is the sum of g / 2, for large ones the
    number of positive g divided by S. Nothing is added to the denominator; where it is zero,
    which negative values in the map can bring about, the place does not count.

    Source: Chattopadhyay et al. 2018, arXiv:1710.11063.
    Differs from pytorch-grad-cam: it adds 1e-6 to 2 g^2 + g^3 S, which decides the map where
    gradients are below 1e-3.
    Differs from torch-cam: it leaves out the division by the denominator, and sums A g^3 in it
    in place of A alone.

    Arguments, result and errors are those of ``gradcam``.
    """
    activation, slope = activation_and_gradient(clf, x, targets, layer)
    rising = slope.relu()
    bottom = 2 + rising * activation.sum(dim=(2, 3), keepdim=True)
    parts = ratio(rising, bottom)
    return _weighted(activation, parts.sum(dim=(2, 3), keepdim=True), relu)


def _weighted(activation: Tensor, weights: Tensor, relu: bool) -> Tensor:
    """The weighted sum of the channels, [N, K, h, w] -> [N, 1, h, w]."""
    cam = (weights * activation).sum(dim=1, keepdim=True)
    return cam.relu() if relu else cam
