"""Architectures told by the names and shapes of their weights.

``assets/architectures.csv`` holds one line for every architecture that can be built: its heads,
the hash of all its other weights, and how many weights it has.
``python -m xai_core.models.signatures`` writes it anew; it takes minutes.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import NamedTuple

from xai_core.errors import ModelError
from xai_core.models.architectures import (
    ARCHITECTURES,
    blueprint,
    timm_architecture,
    torchvision_names,
)
from xai_core.models.timm_models import architecture_names
from xai_core.places import ASSETS

FILE = ASSETS / "architectures.csv"
# Their shapes depend on the side of the input, or they are no weights and not always stored.
_CHANGING = re.compile(
    r"pos_embed|rel_pos|relative_position|pos_encod|attn_mask|num_batches_tracked"
)
COLOURS = 3
_COUNTS = (7, 11)  # of classes

Shapes = Mapping[str, tuple[int, ...]]


class Signature(NamedTuple):
    """What tells an architecture.

    Attributes:
        architecture: as ``build_network`` takes it.
        heads: names of the modules whose weights depend on the number of classes, with blanks
            between.
        hash: of the names and shapes of all other weights.
        body: number of weights that do not depend on the number of classes.
        each_class: number of weights for each class.
    """

    architecture: str
    heads: str
    hash: str
    body: int
    each_class: int

    def parameters(self, classes: int) -> int:
        """Number of weights with so many classes."""
        return self.body + classes * self.each_class


@cache
def signatures() -> dict[str, Signature]:
    """All signatures by architecture."""
    with FILE.open(newline="", encoding="utf-8") as file:
        return {
            name: Signature(name, heads, digest, int(body), int(each_class))
            for name, heads, digest, body, each_class in csv.reader(file)
        }


def body_hash(shapes: Shapes, heads: str) -> str:
    """Hash of the names and shapes outside the heads.

    How many channels the input has, and its side, make no difference.
    """
    lines = sorted(
        f"{name} {_shape(shape)}"
        for name, shape in shapes.items()
        if not is_within(name, heads.split()) and not _CHANGING.search(name)
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def is_within(name: str, modules: Iterable[str]) -> bool:
    """Whether a name is that of one of the modules, or of something in it."""
    return any(name == module or name.startswith(f"{module}.") for module in modules)


def changes_with_side(name: str) -> bool:
    """Whether the shape of a weight of this name may depend on the side of the input."""
    return _CHANGING.search(name) is not None


def heads_of(architecture: str) -> str:
    """``Signature.heads`` of an architecture, listed or not.

    Raises:
        ModelError: it cannot be built.
    """
    # Ours are looked at anew: programs may add to them.
    known = None if architecture in ARCHITECTURES else signatures().get(architecture)
    return (known or signature(architecture)).heads


def _shape(shape: tuple[int, ...]) -> list[int]:
    coloured = len(shape) == 4 and shape[1] in (1, COLOURS)
    return [shape[0], 0, *shape[2:]] if coloured else list(shape)


def signature(architecture: str) -> Signature:
    """The signature of an architecture, from its blueprints.

    Raises:
        ModelError: it cannot be built.
    """
    few, many = (blueprint(architecture, classes) for classes in _COUNTS)
    shapes = [
        {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
        for network in (few, many)
    ]
    changing = [name for name in shapes[0] if shapes[0][name] != shapes[1].get(name)]
    heads = " ".join(sorted({name.rpartition(".")[0] for name in changing}))
    counts = [sum(one.numel() for one in network.parameters()) for network in (few, many)]
    each_class = (counts[1] - counts[0]) // (_COUNTS[1] - _COUNTS[0])
    body = counts[0] - _COUNTS[0] * each_class
    return Signature(architecture, heads, body_hash(shapes[0], heads), body, each_class)


def every_architecture() -> list[str]:
    """Names of all that can be built."""
    timm = map(timm_architecture, sorted(architecture_names()))
    return [*ARCHITECTURES, *torchvision_names(), *timm]


def main() -> None:
    """Write the file."""
    with FILE.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        for architecture in every_architecture():
            try:
                writer.writerow(signature(architecture))
            except ModelError as error:
                print(error)


if __name__ == "__main__":
    main()
