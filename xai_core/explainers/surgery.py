"""Exchange of layers in a private network, in place of hooks that could be left behind."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn


def replace_layers(
    network: nn.Module,
    kinds: tuple[type[nn.Module], ...],
    substitute: Callable[[nn.Module], nn.Module],
) -> list[str]:
    """Put ``substitute(layer)`` in the place of every layer of these kinds, in place.

    Args:
        network: a network that nobody else uses (``Classifier.private().module``).
        kinds: the layers' types; subclasses count.
        substitute: makes the new layer from the old one.

    Returns:
        Dotted names of the replaced layers.
    """
    found = [name for name, layer in network.named_modules() if isinstance(layer, kinds)]
    for name in found:
        parent, _, last = name.rpartition(".")
        owner = network.get_submodule(parent)
        setattr(owner, last, substitute(network.get_submodule(name)))
    return found
