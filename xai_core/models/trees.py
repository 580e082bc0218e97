"""Trees of tuples, lists and dictionaries, as torch functions take and give them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor


def leaves(tree: Any) -> Iterator[Any]:
    """What hangs in a tree, from left to right."""
    if isinstance(tree, dict):
        tree = list(tree.values())
    if isinstance(tree, tuple | list):
        for part in tree:
            yield from leaves(part)
    else:
        yield tree


def tensors(tree: Any) -> list[Tensor]:
    """The tensors among them."""
    if isinstance(tree, Tensor):
        return [tree]
    return [leaf for leaf in leaves(tree) if isinstance(leaf, Tensor)]


def mapped(tree: Any, change: Callable[[Any], Any]) -> Any:
    """The tree with every leaf changed; a shape is one leaf."""
    if isinstance(tree, tuple) and not isinstance(tree, torch.Size):
        return tuple(mapped(part, change) for part in tree)
    if isinstance(tree, list):
        return [mapped(part, change) for part in tree]
    if isinstance(tree, dict):
        return {key: mapped(part, change) for key, part in tree.items()}
    return change(tree)


def same(one: Any, other: Any) -> bool:
    """Whether two trees are the same; of tensors, whether they are one object."""
    if type(one) is not type(other):
        return False
    if isinstance(one, tuple | list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, Tensor):
        return one is other
    return bool(one is other or one == other)
