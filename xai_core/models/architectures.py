"""Network architectures by name: our own, and torchvision's and timm's classifiers.

In our own, every activation, pooling and dropout is a module used exactly once, because
hook-based attribution methods depend on it (S section 7.1.2).
"""

from __future__ import annotations

import difflib
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from xai_core.errors import ModelError
from xai_core.models.scores import first_line
from xai_core.models.timm_models import (
    PREFIX,
    architecture_names,
    build_timm,
    has_architecture,
    plain_name,
)
from xai_core.models.torch_calls import Function, Intercepting

# S table 7.1, column "Modified": (convolutions, channels) of the four stacks, and FC-2048.
VGG_STACKS = ((2, 64), (2, 128), (3, 256), (3, 512))
VGG_FC_WIDTH = 2048
DROPOUT = 0.25

# They can convert ImageNet-normalised input to [-1, 1] themselves (``transform_input``).
TRANSFORMING = ("googlenet", "inception_v3")


def modified_vgg16(
    classes: int, width: float = 1.0, fc_width: int = VGG_FC_WIDTH, side: int = 64
) -> nn.Sequential:
    """The modified VGG-16 of S table 7.1 for ``side`` x ``side`` pictures.

    Ten 3x3 convolutions conv1 ... conv10, a 2x2 max-pool after each of the four stacks,
    then fc1, fc2 and fc3. BatchNorm and ReLU follow every layer but the last, dropout the
    first two fully connected ones (S section 7.1.3). It ends in logits: no softmax.

    Args:
        classes: number of logits.
        width: factor on the channels of every convolution.
        fc_width: units of fc1 and fc2.
        side: height and width of the input in pixels, a multiple of 16.

    Returns:
        Untrained network, [N, 3, side, side] -> [N, classes].
    """
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    channels, index = 3, 0
    for stack, (convolutions, full_width) in enumerate(VGG_STACKS, start=1):
        for _ in range(convolutions):
            index += 1
            out = round(full_width * width)
            layers[f"conv{index}"] = nn.Conv2d(channels, out, 3, padding=1)
            layers[f"bn{index}"] = nn.BatchNorm2d(out)
            layers[f"relu{index}"] = nn.ReLU()
            channels = out
        layers[f"pool{stack}"] = nn.MaxPool2d(2)
    layers["flatten"] = nn.Flatten()
    features = channels * (side // 16) ** 2
    for number in (1, 2):
        layers[f"fc{number}"] = nn.Linear(features, fc_width)
        layers[f"bn{index + number}"] = nn.BatchNorm1d(fc_width)
        layers[f"relu{index + number}"] = nn.ReLU()
        layers[f"dropout{number}"] = nn.Dropout(DROPOUT)
        features = fc_width
    layers["fc3"] = nn.Linear(features, classes)
    network = nn.Sequential(layers)
    for module in network:
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            nn.init.zeros_(module.bias)  # type: ignore[arg-type]  # every layer here has one
    return network


def vgg_tiny(classes: int) -> nn.Sequential:
    """The embedded network's shape: half the channels of S, FC-512, 64-pixel pictures."""
    return modified_vgg16(classes, width=0.5, fc_width=512)


ARCHITECTURES: dict[str, Callable[[int], nn.Module]] = {
    "modified-vgg16": modified_vgg16,
    "vgg-tiny": vgg_tiny,
}


def torchvision_names() -> list[str]:
    """Names of torchvision's classification networks, without the quantized ones."""
    # Imported here because it takes a second and the embedded model does not need it.
    from torchvision import models

    names: list[str] = models.list_models(module=models)
    return names


def timm_architecture(name: str) -> str:
    """What ``build_network`` calls the architecture of timm's with this name, tag or not."""
    plain = plain_name(name)
    return f"{PREFIX}{plain}" if plain in {*ARCHITECTURES, *torchvision_names()} else plain


def build_network(
    name: str, classes: int, side: int | None = None, *, imagenet_input: bool = False
) -> nn.Module:
    """An untrained network; the global random state decides its weights.

    Args:
        name: key of ``ARCHITECTURES``, or name of a torchvision or timm classifier
            (``timm_models``); of two with the same name torchvision's.
        classes: number of logits.
        side: side of the input in pixels, for vision transformers, whose weights depend on it.
        imagenet_input: torchvision's published GoogLeNet and Inception v3 weights expect inputs
            in [-1, 1]; True makes these networks convert ImageNet-normalised input themselves.

    Raises:
        ModelError: there is no such architecture, and the sentence lists similar names; or it is
            not made for that side.
    """
    if name in ARCHITECTURES:
        return ARCHITECTURES[name](classes)
    known = torchvision_names()
    if name in known:
        return _torchvision(name, classes, side, imagenet_input)
    if has_architecture(name):
        return build_timm(name, classes, side)
    names = [*ARCHITECTURES, *known, *architecture_names()]
    similar = difflib.get_close_matches(plain_name(name), names, n=3)
    hint = f" Similar names: {', '.join(similar)}." if similar else ""
    raise ModelError(
        f"There is no architecture '{name}'; use {', '.join(ARCHITECTURES)} "
        f"or the name of a torchvision or timm classifier.{hint}"
    )


def _torchvision(name: str, classes: int, side: int | None, imagenet_input: bool) -> nn.Module:
    from torchvision import models

    options: dict[str, object] = {}
    if name in TRANSFORMING:
        # The auxiliary heads play no part in evaluation.
        options = {"aux_logits": False, "init_weights": False, "transform_input": imagenet_input}
    elif name.startswith("vit_") and side is not None:
        options = {"image_size": side}
    try:
        network: nn.Module = models.get_model(name, weights=None, num_classes=classes, **options)
    except AssertionError as error:  # a vision transformer cuts the picture into equal patches
        raise ModelError(
            f"{name} cannot take pictures of {side} × {side} pixels: {first_line(error)}"
        ) from error
    return network


class _WithoutWeights(Intercepting):
    """Lets the functions that layers allocate their weights with give shapes without memory.

    ``torch.device("meta")`` would take every function, and RegNet computes its widths with some.
    """

    def call(self, func: Function, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        if func in (torch.empty, torch.zeros, torch.ones):
            kwargs = {**kwargs, "device": "meta"}
        elif func in (Tensor.normal_, Tensor.uniform_) and args[0].is_meta:
            # There is nothing to fill, and torch would load its compiler (1.5 s, 200 MB) to do it.
            return args[0]
        return func(*args, **kwargs)


def blueprint(name: str, classes: int, side: int | None = None) -> nn.Module:
    """The network of ``build_network`` with the shapes of its weights, but no weights.

    Raises:
        ModelError: as ``build_network``.
    """
    with torch.random.fork_rng(devices=[]), _WithoutWeights():
        return build_network(name, classes, side)


def parameter_count(name: str, classes: int) -> int:
    """Number of weights and biases of an architecture; allocates none of them."""
    return sum(parameter.numel() for parameter in blueprint(name, classes).parameters())
