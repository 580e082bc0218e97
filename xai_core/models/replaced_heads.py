"""The last layers of a network that was given other ones for its own classes.

A file holds the weights of what stands in the place of the architecture's last layer: a linear
layer by itself, or a Sequential of several. What has no weights, such as the activation between
two linear layers, is not in the file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from torch import nn

from xai_core.errors import ModelError
from xai_core.models.checkpoint_files import Key, Stored

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "none": nn.Identity,
}
_NORM = frozenset(("weight", "bias", "running_mean", "running_var", "num_batches_tracked"))
_POOLS = (nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d, nn.AvgPool2d, nn.MaxPool2d)


class ActivationError(ModelError):
    """The activation between the layers of a head was not told."""


class Layer(NamedTuple):
    """A layer of a head as the file has it.

    Attributes:
        path: its name within the head; "" if it is the head itself.
        names: kind of weight -> key in the file.
        inputs: number of its inputs.
        outputs: number of its outputs.
        linear: whether it is linear; else a BatchNorm.
    """

    path: str
    names: Mapping[str, Key]
    inputs: int
    outputs: int
    linear: bool

    def build(self) -> nn.Module:
        """The layer without its weights."""
        if self.linear:
            return nn.Linear(self.inputs, self.outputs, bias="bias" in self.names)
        return nn.BatchNorm1d(self.inputs, affine="weight" in self.names)


class Head(NamedTuple):
    """What stands in the place of the architecture's last layer.

    Attributes:
        module: name of the module whose place it takes.
        layers: its layers, input -> output.
        slots: behind which of them the activation stands.
        activation: its name in ``ACTIVATIONS``, or "" if there is none.
        flatten: whether its input is flattened first, as the architecture does it there.
        origin: where in the file it lies, if not in that module's place.
    """

    module: str
    layers: tuple[Layer, ...]
    slots: tuple[int, ...]
    activation: str
    flatten: bool = False
    origin: str = ""

    @property
    def classes(self) -> int:
        """Number of its outputs."""
        return self.layers[-1].outputs

    def build(self) -> tuple[nn.Module, dict[Key, str]]:
        """The module, and the names of its weights by their keys in the file."""
        if len(self.layers) == 1 and not self.flatten:
            (layer,) = self.layers
            names = {key: f"{self.module}.{kind}" for kind, key in layer.names.items()}
            return layer.build(), names
        modules: list[nn.Module] = [nn.Flatten()] if self.flatten else []
        names = {}
        for index, layer in enumerate(self.layers):
            names |= {
                key: f"{self.module}.{len(modules)}.{kind}" for kind, key in layer.names.items()
            }
            modules.append(layer.build())
            if index in self.slots:
                modules.append(ACTIVATIONS[self.activation]())
        return nn.Sequential(*modules), names

    def described(self) -> str:
        """What was made of it, in a sentence."""
        kinds = []
        for index, layer in enumerate(self.layers):
            kinds.append(
                f"Linear({layer.inputs}, {layer.outputs})" if layer.linear else "BatchNorm"
            )
            if index in self.slots and self.activation != "none":
                kinds.append(self.activation)
        where = f"'{self.origin}' of the file" if self.origin else "The file's own head"
        return f"{where} takes the place of {self.module}: {', '.join(kinds)}."


def read_head(
    file: str,
    module: str,
    found: Mapping[str, Key],
    tensors: Mapping[Key, Stored],
    features: int,
    activation: str | None,
) -> Head | None:
    """The head that the file has in the place of a module.

    Args:
        file: the file's name, for sentences.
        module: name of the module.
        found: name within the module -> key in the file.
        tensors: the tensors of the file.
        features: number of features that reach it.
        activation: key of ``ACTIVATIONS``, or None where nothing was told.

    Returns:
        None if it is not made of linear layers and BatchNorm that fit each other.

    Raises:
        ActivationError: an activation is needed and was not told.
        ModelError: where it stands cannot be known.
    """
    layers = _layers(found, tensors)
    if not layers or not any(layer.linear for layer in layers):
        return None
    for layer in layers:
        if layer.inputs != features:
            return None
        features = layer.outputs
    slots = _slots(file, module, layers, activation)
    return Head(module, tuple(layers), slots, (activation or "") if slots else "")


def flattens(module: nn.Module) -> bool | None:
    """Whether a Sequential flattens its input before its first linear layer.

    None if it is no Sequential or does more before: then another head cannot take its place.
    """
    if not isinstance(module, nn.Sequential):
        return None
    before: list[nn.Module] = []
    for child in module:
        if isinstance(child, nn.Linear):
            break
        before.append(child)
    if any(isinstance(child, _POOLS) for child in before):
        return None
    return any(isinstance(child, nn.Flatten) for child in before)


def _layers(found: Mapping[str, Key], tensors: Mapping[Key, Stored]) -> list[Layer]:
    """The layers in their order; empty if something else is among them."""
    grouped: dict[str, dict[str, Key]] = {}
    for name, key in found.items():
        path, _, kind = name.rpartition(".")
        grouped.setdefault(path, {})[kind] = key
    layers = []
    for path in sorted(grouped, key=_natural):
        layer = _layer(path, grouped[path], tensors)
        if layer is None:
            return []
        layers.append(layer)
    return layers


def _layer(path: str, names: dict[str, Key], tensors: Mapping[Key, Stored]) -> Layer | None:
    shapes = {kind: tensors[key].shape for kind, key in names.items()}
    weight = shapes.get("weight", ())
    if len(weight) == 2 and shapes.keys() <= {"weight", "bias"}:
        good = shapes.get("bias", weight[:1]) == weight[:1]
        return Layer(path, names, weight[1], weight[0], True) if good else None
    mean = shapes.get("running_mean", ())
    if len(mean) == 1 and shapes.keys() <= _NORM and ("weight" in shapes) == ("bias" in shapes):
        equal = all(shapes[kind] == mean for kind in shapes if kind != "num_batches_tracked")
        return Layer(path, names, mean[0], mean[0], False) if equal else None
    return None


def _natural(path: str) -> list[tuple[int, str]]:
    """Sorts layer2 before layer10."""
    parts = re.findall(r"\d+|[^\d.]+", path)
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]


def _slots(
    file: str, module: str, layers: Sequence[Layer], activation: str | None
) -> tuple[int, ...]:
    """Behind which layers the activation stands: one place between two linear layers."""
    if activation is not None and activation not in ACTIVATIONS:
        raise ModelError(
            f"The activation in a head is one of {', '.join(ACTIVATIONS)}, not '{activation}'."
        )
    linear = [index for index, layer in enumerate(layers) if layer.linear]
    found: list[int] = []
    for start, end in zip([0, *linear], linear, strict=False):
        free = [index for index in range(start, end) if _room(layers[index], layers[index + 1])]
        if len(free) > 1 and activation not in (None, "none"):
            raise ModelError(
                f"{file}: whether the activation in '{module}' stands before or behind the "
                "BatchNorm is not in the file; load the network as a module from Python."
            )
        found += free[:1]
    if found and activation is None:
        raise ActivationError(
            f"{file} has several layers in the place of '{module}', and the activation between "
            f"them is not in the file; say which (head_activation): {', '.join(ACTIVATIONS)}."
        )
    return tuple(found)


def _room(before: Layer, behind: Layer) -> bool:
    """Whether something without weights may stand between them: numbers leave room for it."""
    first, second = (layer.path.rpartition(".") for layer in (before, behind))
    numbered = first[2].isdigit() and second[2].isdigit() and first[0] == second[0]
    return not numbered or int(second[2]) > int(first[2]) + 1
