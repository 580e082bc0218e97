"""Networks that have lost what they learnt, in some of their layers (S section 5.2)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import torch
from torch import Tensor, nn

from xai_core.errors import MethodError, ModelError
from xai_core.models.classifier import Classifier
from xai_core.randomization import parametrised
from xai_core.randomization.initialisation import new_tensors
from xai_core.randomization.layer_groups import Layer, randomizable_layers

MODES = {
    "cascading": "Cascading: one layer after the other, those before stay randomised",
    "independent": "Independent: one layer alone, all others stay trained",
}
STARTS = {"output": "from the output", "input": "from the input"}


def randomized(
    clf: Classifier,
    depth: int | str = 3,
    mode: str = "cascading",
    seed: int = 0,
    init: str = "default",
    start: str = "output",
) -> Classifier:
    """A twin of the classifier with re-initialised layers; the classifier stays as it was.

    A layer is a module that owns weights, with the BatchNorm behind it (see
    ``randomizable_layers``). The new weights of a layer depend on the seed and on the layer
    alone: depth d of a cascade holds the weights of depth d - 1.

    Source: Adebayo et al. 2018, arXiv:1810.03292; S section 5.2.

    Args:
        clf: the trained classifier.
        depth: how many layers, or the name of the last of them; 0 for none.
        mode: "cascading" re-initialises the layers 1 to ``depth``, "independent" that one alone.
        seed: any integer.
        init: "default", "he_normal" or "permute", see ``initialisation.new_tensors``.
        start: layers are counted from the "output" or from the "input".

    Returns:
        A classifier that shares the memory of all weights that stay.

    Raises:
        MethodError: an unknown mode, start or initialisation, or a depth that is not there.
        ModelError: the model has no such layer, or none with weights.
    """
    layers = randomizable_layers(clf)
    return with_new_weights(clf, chosen_layers(layers, depth, mode, start), seed, init)


def chosen_layers(
    layers: Sequence[Layer], depth: int | str, mode: str = "cascading", start: str = "output"
) -> list[Layer]:
    """The layers that a depth re-initialises, of all ``layers`` from output to input.

    Raises:
        MethodError: an unknown mode or start, or a depth that is not there.
        ModelError: there is no layer of that name.
    """
    if mode not in MODES:
        raise MethodError(f"There is no mode '{mode}'; there are: {', '.join(MODES)}.")
    if start not in STARTS:
        raise MethodError(f"Layers are counted from the {' or the '.join(STARTS)}, not '{start}'.")
    ordered = list(layers if start == "output" else reversed(layers))
    names = [layer.name for layer in ordered]
    if isinstance(depth, str):
        if depth not in names:
            raise ModelError(
                f"'{depth}' is no layer with weights of its own; these are: {', '.join(names)}."
            )
        depth = names.index(depth) + 1
    if not 0 <= depth <= len(ordered):
        raise MethodError(f"The depth must lie from 0 to {len(ordered)}, not {depth}.")
    return ordered[:depth] if mode == "cascading" else ordered[max(depth - 1, 0) : depth]


def with_new_weights(
    clf: Classifier, layers: Collection[Layer], seed: int, init: str = "default"
) -> Classifier:
    """A twin of the classifier in which these layers are re-initialised.

    Raises:
        MethodError: there is no such initialisation, or none for a layer that computes its weight
            in a way of its own.
    """
    twin = clf.private()
    if not layers:
        return twin
    twin.title = f"{clf.title} with {', '.join(layer.name for layer in layers)} randomised"
    modules = dict(clf.module.named_modules())
    replaced: dict[int, Tensor] = {}
    for layer in layers:
        for name, wanted in _by_module(layer.parameters).items():
            module = modules[name]
            known = dict((*module.named_parameters(), *module.named_buffers()))
            for key, tensor in new_tensors(module, name, wanted, init, seed).items():
                replaced[id(known[key])] = tensor
    _replace(twin.module, replaced)
    parametrised.refresh(twin.module)
    return twin


def _by_module(parameters: Sequence[str]) -> dict[str, list[str]]:
    """Names of parameters in their module, by the module's dotted name.

    What a parametrisation holds is its layer's.
    """
    found: dict[str, list[str]] = {}
    for parameter in parameters:
        module = parametrised.owner(parameter.rpartition(".")[0])
        found.setdefault(module, []).append(parameter[len(module) + 1 if module else 0 :])
    return found


def _replace(module: nn.Module, replaced: Mapping[int, Tensor]) -> None:
    """Exchange tensors wherever they are registered; what is shared stays shared."""
    fresh = {
        number: nn.Parameter(tensor, requires_grad=False) for number, tensor in replaced.items()
    }
    for child in module.modules():
        for key, parameter in child._parameters.items():
            if id(parameter) in fresh:
                child._parameters[key] = fresh[id(parameter)]
        for key, buffer in child._buffers.items():
            if id(buffer) in replaced:
                child._buffers[key] = torch.as_tensor(replaced[id(buffer)])
