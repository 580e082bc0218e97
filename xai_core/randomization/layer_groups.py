"""What is re-initialised together: a layer's weights and what belongs to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from xai_core.errors import ModelError
from xai_core.models.classifier import Classifier
from xai_core.models.torch_calls import Call, observed
from xai_core.randomization.parametrised import computed_buffers


@dataclass(frozen=True)
class Layer:
    """A module that owns weights, with the normalisation that follows it.

    Attributes:
        name: dotted name of the convolution, linear or attention module.
        parameters: dotted names of everything that is re-initialised with it: its own
            parameters, and those that the network first uses after it and before the next
            layer (BatchNorm and other normalisations, embeddings, scales), with the running
            statistics of BatchNorm and what parametrisations keep, such as spectral norm's
            vectors.
    """

    name: str
    parameters: tuple[str, ...]


def randomizable_layers(clf: Classifier) -> list[Layer]:
    """The layers that can be re-initialised, from output to input.

    Together they hold every parameter of the network once. Parameters that come before the
    first layer, and those that the network never uses, go with the layer at the input.

    Raises:
        ModelError: the model has no layer with weights.
    """
    names = clf.layers()
    if not names:
        raise ModelError(f"{clf.title} has no layer with weights that could be randomised.")
    found: dict[str, list[str]] = {name: [] for name in names}
    used, unused = _uses(clf)
    for parameter in unused:
        found[_owner(parameter, found, names[0])].append(parameter)
    latest = names[0]
    for parameter in used:
        latest = _owner(parameter, found, latest)
        found[latest].append(parameter)
    # A layer whose only weight is another layer's too has nothing of its own.
    return [Layer(name, tuple(found[name])) for name in reversed(names) if found[name]]


def _owner(parameter: str, layers: Mapping[str, object], otherwise: str) -> str:
    """The layer whose own parameter it is: the innermost one that its dotted name begins with.

    The network itself, "", is the layer of those alone that are registered with it directly.
    """
    name = parameter.rpartition(".")[0]
    if name in layers:
        return name
    while name:
        name = name.rpartition(".")[0]
        if name and name in layers:
            return name
    return otherwise


def _uses(clf: Classifier) -> tuple[list[str], list[str]]:
    """Names of the parameters in the order in which the network first uses them; and the others."""
    tensors = [*clf.module.named_parameters(), *_statistics(clf.module)]
    names = {id(tensor): name for name, tensor in tensors}
    order: dict[str, None] = {}

    def note(call: Call) -> None:
        for value in call.given:
            if id(value) in names:
                order.setdefault(names[id(value)])

    probe = torch.zeros((1, 3, *clf.input_size), dtype=clf.dtype, device=clf.device)
    # The twin has the same tensors; in evaluation mode, in which statistics stay as they are.
    with torch.no_grad(), clf.lent() as twin, observed(twin.module, note):
        twin.module(probe)
    return list(order), [name for name in names.values() if name not in order]


def _statistics(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """What normalisations and parametrisations have learnt that is no parameter."""
    yield from computed_buffers(module)
    for name, tensor in module.named_buffers():
        owner, _, key = name.rpartition(".")
        norm = isinstance(module.get_submodule(owner), _NormBase)
        if norm and key in ("running_mean", "running_var"):
            yield name, tensor
