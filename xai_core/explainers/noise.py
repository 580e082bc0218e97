"""Methods that explain many noisy copies of a picture, by any other method.

Notation: R(x) is the relevance by the base method, eps_i the noise of the i-th of n copies.

Every image meets the same noise, drawn copy by copy in float64 from its own generator, so
neither its neighbours in the batch, nor ``chunk``, nor the device change its result. A baseline
given as a tensor is that of the picture; one given by name, such as "blurred", is made of each
noisy copy, because it belongs to the base method. Where the base method draws random numbers
itself, every copy meets the same ones, of the same seed.

Arguments that all of them take:
    base: id of the method, any but these three and the controls.
    samples: noisy copies per image.
    sigma: standard deviation of the noise.
    sigma_units: "range": sigma is multiplied by each image's largest minus its smallest value,
        over all channels and pixels of the model's input (Smilkov et al. 2017); "std": by its
        standard deviation over them (population form); "input": it is in units of the input.
    seed: of the noise.
    chunk: copies that go through the model at once; 0 for what memory allows.
    Any other is a setting of the base method. ``samples`` and ``sigma`` are those of the noise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from xai_core.explainers import registry
from xai_core.explainers.baselines import repeated
from xai_core.explainers.batches import (
    Batch,
    Drawn,
    batch_size,
    batches,
    gradient_bytes,
    weight_bytes,
)
from xai_core.explainers.memory import bytes_of
from xai_core.explainers.passes import OF_THE_GRADIENT, logit_gradient
from xai_core.explainers.registry import Method, register
from xai_core.explainers.settings import BASE, CHUNK, SAMPLES, SEED, SIGMA, SIGMA_UNITS
from xai_core.explainers.sharing import alone
from xai_core.models.classifier import Classifier
from xai_core.params import BaselineParam
from xai_core.progress import listening

PARAMS = (BASE, SAMPLES, SIGMA, SIGMA_UNITS, SEED, CHUNK)
NOISY_PICTURES = (
    "It describes the model around the picture, on noisy pictures it was not trained on; the "
    "result depends on sigma (Smilkov et al. 2017)."
)


def _passes(settings: Mapping[str, Any]) -> float:
    base, own = _base(settings)
    return float(settings["samples"]) * base.cost(own)


@register(
    title="SmoothGrad",
    family="gradient",
    signed=True,
    citation="Smilkov et al. 2017, arXiv:1706.03825",
    shows="The saliency, or another method's map, that remains when the picture is disturbed a "
    "little in many ways.",
    formula=r"\frac{1}{n} \sum_{i=1}^{n} R(x + \varepsilon_i), \quad "
    r"\varepsilon_i \sim \mathcal{N}(0, \sigma^2), \quad "
    r"R(x) = \frac{\partial f_y(x)}{\partial x}",
    warning=NOISY_PICTURES,
    params=PARAMS,
    cost=_passes,
)
def smoothgrad(clf: Classifier, x: Tensor, targets: Tensor, **settings: Any) -> Tensor:
    """Mean relevance over noisy copies of each image (S eq. 4.8; defaults of A section 4.3).

    Source: Smilkov et al. 2017, arXiv:1706.03825.
    Differs from Captum: ``NoiseTunnel`` draws from the global random state, other noise for
    every image, and takes baselines as tensors only, which stay those of the picture.

    Args:
        clf: the classifier.
        x: network input, [N, 3, H, W].
        targets: explained classes, int64 [N].
        **settings: see the module.

    Returns:
        Mean relevance, in the base method's units and resolution, [N, C, h, w].

    Raises:
        MethodError: what the base method raises, or a baseline tensor of another shape.
    """
    return _mean(clf, x, targets, settings, lambda relevance: relevance)


@register(
    title="SmoothGrad squared",
    family="gradient",
    signed=False,
    citation="Hooker et al. 2019, arXiv:1806.10758",
    shows="Where the saliency, or another method's map, is large on pictures disturbed a little, "
    "whatever its sign.",
    formula=r"\frac{1}{n} \sum_{i=1}^{n} R(x + \varepsilon_i)^2, \quad "
    r"\varepsilon_i \sim \mathcal{N}(0, \sigma^2), \quad "
    r"R(x) = \frac{\partial f_y(x)}{\partial x}",
    warning=NOISY_PICTURES,
    params=PARAMS,
    cost=_passes,
)
def smoothgrad_sq(clf: Classifier, x: Tensor, targets: Tensor, **settings: Any) -> Tensor:
    """Mean of the squared relevance over noisy copies of each image.

    Source: Hooker et al. 2019, arXiv:1806.10758, there SmoothGrad-Squared.
    Differs from Captum: as ``smoothgrad`` does.

    Arguments and errors are those of ``smoothgrad``.

    Returns:
        Mean square, in the square of the base method's units, not negative, [N, C, h, w].
    """
    return _mean(clf, x, targets, settings, torch.square)


@register(
    title="VarGrad",
    family="gradient",
    signed=False,
    citation="Adebayo et al. 2018, arXiv:1810.03307; Hooker et al. 2019, arXiv:1806.10758",
    shows="Where the saliency, or another method's map, changes most when the picture is "
    "disturbed a little.",
    formula=r"\frac{1}{n} \sum_{i=1}^{n} \big(R(x + \varepsilon_i) - \bar{R}\big)^2, \quad "
    r"\bar{R} = \frac{1}{n} \sum_{i=1}^{n} R(x + \varepsilon_i), \quad "
    r"R(x) = \frac{\partial f_y(x)}{\partial x}",
    warning="It shows how much the explanation varies, not what speaks for the class: where the "
    "model is linear it is zero, however large the gradient.",
    params=PARAMS,
    cost=_passes,
)
def vargrad(clf: Classifier, x: Tensor, targets: Tensor, **settings: Any) -> Tensor:
    """Variance of the relevance over noisy copies of each image, divided by n.

    The papers write Var without saying whether it is divided by n or n - 1; n, as Captum
    takes it, gives zero for a single copy. Computed by Welford's recurrence: the mean of the
    squares minus the square of the mean would lose half of the digits.

    Source: Adebayo et al. 2018, arXiv:1810.03307; Hooker et al. 2019, arXiv:1806.10758.
    Differs from Captum: as ``smoothgrad`` does, and it is the difference of means in Captum.

    Arguments and errors are those of ``smoothgrad``.

    Returns:
        Variance, in the square of the base method's units, not negative, [N, C, h, w].
    """
    mean = squares = x.new_zeros(())
    for batch, relevance in _relevances(clf, x, targets, **settings):
        if mean.dim() == 0:
            mean, squares = (relevance.new_zeros(len(x), *relevance.shape[1:]) for _ in range(2))
        for draw, images, items in batch.rows:
            change = relevance[items] - mean[images]
            mean[images] += change / (draw + 1)
            squares[images] += change * (relevance[items] - mean[images])
    count: int = settings.get(SAMPLES.name, SAMPLES.default)
    return squares / count


def _mean(
    clf: Classifier,
    x: Tensor,
    targets: Tensor,
    settings: Mapping[str, Any],
    of: Callable[[Tensor], Tensor],
) -> Tensor:
    total = x.new_zeros(())
    for batch, relevance in _relevances(clf, x, targets, **settings):
        if total.dim() == 0:
            total = relevance.new_zeros(len(x), *relevance.shape[1:])
        batch.add(total, of(relevance))
    count: int = settings.get(SAMPLES.name, SAMPLES.default)
    return total / count


def _relevances(
    clf: Classifier, x: Tensor, targets: Tensor, **given: Any
) -> Iterator[tuple[Batch, Tensor]]:
    """Relevance [B, C, h, w] of the noisy copies, batch by batch."""
    settings = {**{param.name: param.default for param in PARAMS}, **given}
    scale = torch.full((len(x), 1, 1, 1), settings["sigma"], dtype=x.dtype, device=x.device)
    inner = (1, 2, 3)
    if settings["sigma_units"] == "range":
        scale *= x.amax(inner, keepdim=True) - x.amin(inner, keepdim=True)
    elif settings["sigma_units"] == "std":
        scale *= x.std(inner, correction=0, keepdim=True)
    generator = torch.Generator().manual_seed(settings["seed"])
    # Drawn in float64 so that float32 meets the same numbers.
    noise = Drawn(lambda: torch.randn(x.shape[1:], generator=generator, dtype=torch.float64).to(x))
    base, own = _base(settings)
    size = settings["chunk"] or batch_size(x, _bytes(clf, x, targets, base, own), weight_bytes(clf))

    # The gradient of pictures of which nothing else is wanted can be had sooner.
    quick = logit_gradient(clf) if base.id in OF_THE_GRADIENT else None

    def relevance(batch: Batch) -> Tensor:
        copies = x[batch.images] + scale[batch.images] * noise.of(batch)
        if quick is not None:
            slope = quick(copies, targets[batch.images])
            return slope if base.id == "saliency" else copies * slope
        theirs = _of_images(x, base, own, batch.images)
        return _explained(clf, copies, targets[batch.images], base, theirs)

    yield from batches(x, settings["samples"], size, relevance)


def _explained(
    clf: Classifier, x: Tensor, targets: Tensor, base: Method, settings: Mapping[str, Any]
) -> Tensor:
    # What is shared belongs to the pictures themselves; how far it is, to all copies.
    with alone(), listening(lambda share: None):
        return base.function(clf, x, targets, **settings).detach()


def _bytes(
    clf: Classifier, x: Tensor, targets: Tensor, base: Method, settings: Mapping[str, Any]
) -> int:
    """Memory that the base method takes for one picture."""
    if base.id in OF_THE_GRADIENT or "chunk" in settings:  # it makes batches of its own
        return gradient_bytes(clf, x, targets)
    first = _of_images(x, base, settings, torch.zeros_like(targets[:1]))
    return bytes_of(lambda: _explained(clf, x[:1], targets[:1], base, first))


def _of_images(
    x: Tensor, base: Method, settings: Mapping[str, Any], images: Tensor
) -> dict[str, Any]:
    """The settings for copies of these images: baselines of their own are repeated too."""
    baselines = {param.name for param in base.params if isinstance(param, BaselineParam)}
    return {
        name: repeated(x, value, images) if name in baselines else value
        for name, value in settings.items()
    }


def _base(settings: Mapping[str, Any]) -> tuple[Method, dict[str, Any]]:
    """The base method and its settings; of those the noise has too, seed and chunk are one."""
    base = registry.method(settings["base"])
    noise = {param.name for param in PARAMS} - {SEED.name, CHUNK.name}
    names = [param.name for param in base.params if param.name not in noise]
    return base, base.settings({name: settings[name] for name in names if name in settings})
