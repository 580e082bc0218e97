"""How the weights of a file become those of an architecture.

Names and shapes are compared with the architecture before any tensor is read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from xai_core.errors import ModelError
from xai_core.models.architectures import blueprint, build_network
from xai_core.models.checkpoint_files import DAMAGE, Key, Stored, WeightsFile, damaged
from xai_core.models.checkpoint_layout import (
    Place,
    first_names,
    is_averaged,
    named,
    title,
    votes,
    weights_at,
)
from xai_core.models.replaced_heads import ActivationError, Head, flattens, read_head
from xai_core.models.signatures import COLOURS, changes_with_side, heads_of, is_within

SIDES = (32, 64, 96, 112, 128, 160, 192, 224, 240, 256, 288, 299, 320, 336, 384, 448, 512)
# Shares of red, green and blue in grey (ITU-R BT.601, as Pillow converts).
GREY = (0.299, 0.587, 0.114)

# Heads that torchvision uses in training only.
TRAINING_ONLY = ("aux1", "aux2", "AuxLogits")
_CLASSES = 7  # of a blueprint whose heads do not matter
_COUNTER = "num_batches_tracked"

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Fit:
    """How a file's weights get into an architecture.

    Attributes:
        architecture: as in ``build_network``.
        classes: number of logits, as the last layer has them.
        side: side of the input in pixels with which the shapes fit, or None if nothing tells it.
        place: where in the file the weights lie.
        places: all places with weights that fit.
        names: key in the file -> name in the network, outside a head of the file's own.
        grey: names of the convolutions that see the picture, if it is a grey one.
        head: what stands in the place of the architecture's last layer, or None.
        weights: number of names outside the heads.
    """

    architecture: str
    classes: int
    side: int | None
    place: Place
    places: tuple[Place, ...]
    names: Mapping[Key, str]
    grey: frozenset[str]
    head: Head | None
    weights: int


class SetsError(ModelError):
    """Several sets of weights fit.

    Attributes:
        places: where they lie.
    """

    def __init__(self, sentence: str, places: Sequence[Place]) -> None:
        super().__init__(sentence)
        self.places = tuple(places)


class _SideError(ModelError):
    """Nothing differs but what depends on the side of the input."""


def read_network(
    path: Path,
    architecture: str,
    classes: int,
    side: int,
    *,
    imagenet_input: bool = False,
    verified: bool = False,
) -> nn.Module:
    """The architecture with the file's weights, float32, on the CPU.

    Args:
        path: safetensors file or state dict.
        architecture: as in ``build_network``, and so the next three.
        classes: number of logits.
        side: side of the input in pixels.
        imagenet_input: whether ImageNet-normalised input is to be converted.
        verified: as in ``WeightsFile``.

    Raises:
        ModelError: not such a file, or it does not fit the architecture.
    """
    file = WeightsFile(path, verified=verified)
    found = fit(file, architecture, side=side)
    if found.classes != classes:
        raise ModelError(f"{file.name} has {found.classes} scores, but {classes} are needed.")
    return filled(file, found, imagenet_input=imagenet_input)


def fit(
    file: WeightsFile,
    architecture: str,
    *,
    side: int | None = None,
    usual: int | None = None,
    weights: str | None = None,
    head_activation: str | None = None,
) -> Fit:
    """How the file's weights get into an architecture; reads none of them.

    Args:
        file: the file.
        architecture: as in ``build_network``.
        side: side of the input in pixels; None to find out, where the weights depend on it.
        usual: the side that is tried first.
        weights: which of several sets of weights, by the keys before their names.
        head_activation: the activation between the layers of a head (``replaced_heads``).

    Raises:
        SetsError: several sets of weights fit, and it was not said which.
        ActivationError: ``head_activation`` is needed.
        ModelError: the file does not fit, or what was said does not fit the file.
    """
    tried = [side] if side is not None else list(dict.fromkeys((usual, *SIDES)))
    refusal: ModelError | None = None
    for one in tried:
        try:
            found = _at_side(file, architecture, one, weights, head_activation)
        except _SideError as error:
            refusal = refusal or error
            continue
        except ModelError as error:
            if refusal is None or one == usual:
                raise
            refusal = refusal or error  # the architecture cannot be built for every side
            continue
        if head_activation is not None and not (found.head and found.head.slots):
            raise ModelError(
                f"{file.name} has no head of several layers, so leave head_activation out."
            )
        return found
    raise refusal or ModelError(f"{file.name} does not fit {architecture}.")


def filled(file: WeightsFile, found: Fit, *, imagenet_input: bool = False) -> nn.Module:
    """The network with the file's weights, float32, on the CPU.

    Raises:
        ModelError: the file is damaged, or holds weights that are no numbers.
    """
    names = dict(found.names)
    with torch.random.fork_rng(devices=[]):
        network = build_network(
            found.architecture, found.classes, found.side, imagenet_input=imagenet_input
        )
        if found.head is not None:
            module, more = found.head.build()
            network.set_submodule(found.head.module, module)
            names |= more
    own = network.state_dict()
    for key, tensor in file.read(names):
        name = names[key]
        try:
            own[name].copy_(_coloured(tensor) if name in found.grey else tensor)
        except DAMAGE as error:
            raise ModelError(damaged(file.name)) from error
    for name, tensor in own.items():
        if not torch.isfinite(tensor).all():
            raise ModelError(f"{file.name}: '{name}' holds NaN or infinite weights.")
    return network


def _coloured(weights: Tensor) -> Tensor:
    """Weights [O, 1, h, w] for grey -> [O, 3, h, w] for the picture from which it is made."""
    return weights.float() * torch.tensor(GREY).view(1, COLOURS, 1, 1)


def _at_side(
    file: WeightsFile,
    architecture: str,
    side: int | None,
    weights: str | None,
    activation: str | None,
) -> Fit:
    network = blueprint(architecture, _CLASSES, side)
    needed = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    seeker = _Seeker(file, architecture, network, needed, side, activation)
    count = votes(file.tensors, needed)
    most = max(count.values(), default=0)
    # A place with half of the names is another network, or a part of this one.
    likely = [place for place, number in count.items() if 2 * number > most]
    if weights is not None:
        likely = named(weights, likely)
        if not likely:
            known = first_names(title(place) or "the file itself" for place in count)
            raise ModelError(
                f"{file.name} has no weights of {architecture} under '{weights}'; "
                f"names of it are under: {known or 'nothing'}."
            )
    fits: list[Fit] = []
    refusals: list[ModelError] = []
    for place in sorted(likely or [_fullest(file)], key=lambda place: -count[place]):
        try:
            fits.append(seeker.at(place))
        except ModelError as error:
            refusals.append(error)
    if not fits:
        raise refusals[0]
    return _chosen(file.name, fits)


def _fullest(file: WeightsFile) -> Place:
    """The mapping with most tensors, to say how they are called."""
    sizes: dict[Place, int] = {}
    for key in file.tensors:
        sizes[key[:-1]] = sizes.get(key[:-1], 0) + 1
    return max(sizes, key=sizes.__getitem__)


def _chosen(file: str, fits: Sequence[Fit]) -> Fit:
    """Of several sets of weights the only one, or the only one whose keys say it is an average."""
    places = tuple(one.place for one in fits)
    good = [one for one in fits if is_averaged(one.place)] if len(fits) > 1 else list(fits)
    if len(good) != 1:
        listed = ", ".join(f"'{title(place)}'" for place in places)
        raise SetsError(
            f"{file} holds {len(fits)} sets of weights that fit; say which (weights): {listed}.",
            places,
        )
    return Fit(**{**vars(good[0]), "places": places})


@dataclass(frozen=True)
class _Seeker:
    """Compares what lies at a place with what an architecture needs."""

    file: WeightsFile
    architecture: str
    network: nn.Module
    needed: Shapes
    side: int | None
    activation: str | None

    def at(self, place: Place) -> Fit:
        """How the weights at a place fit.

        Raises:
            ModelError: they do not.
        """
        found = {
            key: name
            for key, name in weights_at(self.file.tensors, place, self.needed).items()
            if name.partition(".")[0] not in TRAINING_ONLY or name in self.needed
        }
        for key, name in found.items():
            if not self.file.tensors[key].ordinary:
                raise ModelError(f"{self.file.name}: '{name}' is not an ordinary tensor.")
        heads = heads_of(self.architecture).split()
        places = [(module, found) for module in heads[:1]] if len(heads) == 1 else []
        classes = self._plain(found, heads)
        head: Head | None = None
        if classes is None:
            for module, weights in self._other_heads(place, found, places):
                head = self._head(module, weights)
                if head is not None:
                    break
        replaced = [head.module] if head else heads
        body = {key: name for key, name in found.items() if not is_within(name, replaced)}
        grey = self._check(body, replaced if head or classes is not None else [])
        if head is None and classes is None:
            raise ModelError(self._strange_head(found, heads))
        names = body if head else found
        return Fit(
            self.architecture,
            head.classes if head else classes or 0,
            self.side,
            place,
            (place,),
            names,
            grey,
            head,
            len(body),
        )
