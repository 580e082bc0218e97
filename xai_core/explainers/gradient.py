"""Methods that read the gradient of the class's logit at the picture.

Notation: f_y is the logit of class y, x the picture.
"""

from __future__ import annotations

from torch import Tensor

from xai_core.explainers.passes import picture_gradient
from xai_core.explainers.registry import register
from xai_core.models.classifier import Classifier


@register(
    title="Saliency",
    family="gradient",
    signed=True,
    citation="Simonyan et al. 2014, arXiv:1312.6034",
    shows="Which pixels would change the score of the class most if they changed a little.",
    formula=r"R = \frac{\partial f_y(x)}{\partial x}",
    warning="Noisy: neighbouring pixels often differ in sign (Smilkov et al. 2017, "
    "arXiv:1706.03825).",
)
def saliency(clf: Classifier, x: Tensor, targets: Tensor) -> Tensor:
    """Gradient of the logit, signed; S eq. 4.2 takes its absolute value only when it is drawn.

    Source: Simonyan et al. 2014, arXiv:1312.6034.

    Args:
        clf: the classifier.
        x: network input, [N, 3, H, W].
        targets: explained classes, int64 [N].

    Returns:
        Logits per unit of input, [N, 3, H, W].
    """
    return picture_gradient(clf, x, targets)


@register(
    title="Input × Gradient",
    family="gradient",
    signed=True,
    citation="Shrikumar et al. 2016, arXiv:1605.01713",
    shows="How much each pixel adds to the score of the class, if the model were linear "
    "around this picture.",
    formula=r"R = x \odot \frac{\partial f_y(x)}{\partial x}",
    warning="The product repeats the picture's own structure and can look right for a wrong "
    "model (Adebayo et al. 2018, arXiv:1810.03292); input values of zero always get zero.",
)
def input_x_gradient(clf: Classifier, x: Tensor, targets: Tensor) -> Tensor:
    """Input times gradient (S eq. 4.7).

    Source: Shrikumar et al. 2016, arXiv:1605.01713.

    Arguments are those of ``saliency``; the result is in logits, [N, 3, H, W].
    """
    return x * picture_gradient(clf, x, targets)
