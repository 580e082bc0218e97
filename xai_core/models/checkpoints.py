"""How the weights of a file become those of an architecture.

Names and shapes are compared with the architecture before any tensor is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from xai_core.errors import ModelError
from xai_core.models.architectures import build_network
from xai_core.models.checkpoint_files import DAMAGE, WeightsFile, damaged
from xai_core.models.checkpoint_layout import (
    Place,
    first_names,
    is_averaged,
    named,
    title,
    votes,
)
from xai_core.models.network_fit import Fit, SideError, Wanted
from xai_core.models.signatures import COLOURS

SIDES = (32, 64, 96, 112, 128, 160, 192, 224, 240, 256, 288, 299, 320, 336, 384, 448, 512)
# Shares of red, green and blue in grey (ITU-R BT.601, as Pillow converts).
GREY = (0.299, 0.587, 0.114)


class SetsError(ModelError):
    """Several sets of weights fit.

    Attributes:
        places: where they lie.
    """

    def __init__(self, sentence: str, places: Sequence[Place]) -> None:
        super().__init__(sentence)
        self.places = tuple(places)


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
    waiting = [side] if side is not None else list(dict.fromkeys((usual, *SIDES)))
    first = waiting[0]
    refusal: ModelError | None = None
    while waiting:
        one = waiting.pop(0)
        wanted = Wanted(file, architecture, one, head_activation)
        try:
            wanted.network  # noqa: B018  it is not made for every side
        except ModelError:
            if one == first:
                raise
            continue
        try:
            found = _with_weights(wanted, weights)
        except SideError as error:
            if refusal is None and first is not None and side is None:
                likely = first * error.factor  # but for a class token, or windows' odd sizes
                waiting = [
                    other for other in SIDES if 0.75 < other / likely < 1.33 and other != first
                ]
            refusal = refusal or error
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


def _with_weights(wanted: Wanted, weights: str | None) -> Fit:
    file, architecture = wanted.file, wanted.architecture
    count = votes(file.tensors, wanted.shapes)
    most = max(count.values(), default=0)
    # A place with half of the names is another network, or a part of this one.
    likely = [place for place, number in count.items() if 2 * number > most]
    if weights is not None:
        likely = named(weights, likely)
        if not likely:
            known = first_names(title(place) for place in count)
            raise ModelError(
                f"{file.name} has no weights of {architecture} under '{weights}'; "
                f"names of it are under: {known or 'nothing'}."
            )
    fits: list[Fit] = []
    refusals: list[ModelError] = []
    for place in sorted(likely or [_fullest(file)], key=lambda place: -count[place]):
        try:
            fits.append(wanted.at(place))
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
    return replace(good[0], places=places)
