"""Maps of the same pictures by a trained network and by its randomised versions.

What a randomisation does not change is not computed again: a recorded run of the trained
network stands in for every layer below the randomised ones, and methods share their passes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xai_core.device import is_out_of_memory
from xai_core.errors import DeviceMemoryError, MethodError, ModelError
from xai_core.explainers.batches import gradient_bytes
from xai_core.explainers.memory import allowed_bytes
from xai_core.explainers.panel import Panel, check_input, class_numbers
from xai_core.explainers.recorded import record
from xai_core.models.classifier import Classifier
from xai_core.models.tape import Tape
from xai_core.randomization.layer_groups import randomizable_layers
from xai_core.randomization.networks import with_new_weights
from xai_core.randomization.targets import FIXED, predicted_classes

# What the methods of one panel take at most, in memory of a gradient: seven presets of LRP go
# back as one batch, each with a sum and a part.
GRADIENTS = 16

TOO_LARGE = "The relevance is too large for a map of 32-bit numbers."

Map = NDArray[np.float32]


@dataclass(frozen=True)
class State:
    """A network: the trained one, or the one in which some layers are re-initialised.

    Attributes:
        layers: their names; none for the trained network.
        seed: of the new weights.
        init: way to initialise, key of ``INITS``.
    """

    layers: tuple[str, ...] = ()
    seed: int = 0
    init: str = "default"


TRAINED = State()


@dataclass(frozen=True)
class Request:
    """A method with all its settings.

    Attributes:
        method: its id.
        settings: values by name, tensors where they are pictures.
        target: the class that is explained: "fixed", that of the sweep, or "predicted", the one
            that the network at hand predicts for the picture.
    """

    method: str
    settings: Mapping[str, Any]
    target: str = FIXED


@dataclass(frozen=True)
class Smoothing:
    """Every map is the mean over noisy copies of the picture, the same for every network.

    The smooth variant of the test: Hedström et al. 2024, arXiv:2401.06465, with the numbers of
    their code, in which the last of the copies has no noise.

    Attributes:
        copies: how many, the one without noise among them.
        sigma: standard deviation of the noise, in shares of the picture's range max - min.

    Raises:
        MethodError: fewer than 2 copies, which would be no smoothing.
    """

    copies: int = 50
    sigma: float = 0.1

    def __post_init__(self) -> None:
        if self.copies < 2:
            raise MethodError(
                f"Smoothing needs at least 2 copies, the last without noise, not {self.copies}."
            )

    def noisy(self, x: Tensor) -> Iterator[Tensor]:
        """The copies, the last without noise; every picture meets the same draws."""
        spread = x.amax((1, 2, 3), keepdim=True) - x.amin((1, 2, 3), keepdim=True)
        generator = torch.Generator().manual_seed(0)
        for _ in range(self.copies - 1):
            noise = torch.randn(x.shape[1:], generator=generator, dtype=torch.float64)
            yield x + self.sigma * spread * noise.to(x)
        yield x


def requests_for(requests: Mapping[str, Request], network: object) -> dict[str, Request]:
    """The requests for one network.

    The trained one explains the class of the sweep, whatever destroyed ones do; random maps, the
    control, are other ones for every network.

    Args:
        requests: as for ``Sweep.maps``.
        network: what names it, such as its ``State``.
    """
    if network == TRAINED:
        return {name: replace(request, target=FIXED) for name, request in requests.items()}
    digest = hashlib.sha256(repr(network).encode()).digest()
    seed = int.from_bytes(digest[:3], "big")
    return {
        name: replace(request, settings={**request.settings, "seed": seed})
        if request.method == "random"
        else request
        for name, request in requests.items()
    }


def alike(settings: Mapping[str, Any]) -> dict[str, Any]:
    """A method's settings with the same reference pictures for every network.

    "auto" would take the patterns that the trained network brings, and others for the networks
    with new weights, so that the maps would differ by more than by the weights.
    """
    chosen = settings.get("baselines")
    if isinstance(chosen, str) and chosen == "auto":
        return {**settings, "baselines": "samples"}
    return dict(settings)


class Sweep:
    """Several methods for the same pictures and classes, network after network.

    Args:
        clf: the trained classifier.
        x: what ``clf.preprocess`` returns, [N, 3, H, W].
        targets: explained class of each picture, or one class for all.
        smoothing: noisy copies that every map is averaged over; None for the picture itself.

    Raises:
        MethodError: an ``x`` or targets that do not fit.
        ModelError: a model without weights, or a class that it does not have.
    """

    def __init__(
        self,
        clf: Classifier,
        x: Tensor,
        targets: int | Sequence[int] | Tensor,
        smoothing: Smoothing | None = None,
    ) -> None:
        check_input(clf, x)
        self._clf = clf
        self._smoothing = smoothing
        # What is made in inference mode has no gradients ever after.
        with torch.inference_mode(False), torch.enable_grad():
            classes = class_numbers(clf, targets, len(x)).to(x.device)
            self._layers = {layer.name: layer for layer in randomizable_layers(clf)}
            # The layout in which batches of convolutions are quickest.
            x = x.detach().clone(memory_format=torch.channels_last)
            with clf.lent() as twin:
                cost = GRADIENTS * gradient_bytes(twin, x, classes)
            size = max(1, allowed_bytes(x.device) // cost)
            self._batches = list(zip(torch.split(x, size), torch.split(classes, size), strict=True))
            self._tapes = list(self._recorded())

    def network(self, state: State) -> Classifier:
        """The classifier of that state, which shares all other weights with the trained one.

        Raises:
            ModelError: the model has no such layer.
            MethodError: there is no such initialisation.
        """
        unknown = [name for name in state.layers if name not in self._layers]
        if unknown:
            raise ModelError(f"'{unknown[0]}' is no layer with weights of its own.")
        layers = [self._layers[name] for name in state.layers]
        with torch.inference_mode(False):
            return with_new_weights(self._clf, layers, state.seed, state.init)

    def maps(self, clf: Classifier, requests: Mapping[str, Request]) -> dict[str, list[Map | str]]:
        """Every method for every picture by one network.

        Args:
            clf: from ``network``, or any other classifier for the same pictures.
            requests: what to explain, by the name of its column; the reference pictures "auto"
                are "samples" here, the same for every network.

        Returns:
            By column, for every picture the map, float32 [C, h, w] (the relevance at the
            method's own resolution), or the sentence that says why there is none.

        Raises:
            MethodError: an unknown method or setting, or a classifier for other input.
            ModelError: the classifier does not have one of the classes.
        """
        if _input_facts(clf) != _input_facts(self._clf):
            raise MethodError(
                f"{clf.title} takes other input than {self._clf.title}: size, mean and standard "
                "deviation must be the same for their maps to be compared."
            )
        requests = {
            name: replace(one, settings=alike(one.settings)) for name, one in requests.items()
        }
        found: dict[str, list[Map | str]] = {name: [] for name in requests}
        for (x, targets), tape in zip(self._batches, self._tapes, strict=True):
            for target, panel in _panels(requests):
                with torch.inference_mode(False):
                    classes = targets if target == FIXED else predicted_classes(clf, x)
                    of_batch = self._of_batch(clf, x, classes, panel, tape)
                for name, maps in of_batch.items():
                    found[name] += maps
        return found

    def _recorded(self) -> Iterator[Tape | None]:
        """The trained network's run on every batch, as far as memory and the network allow."""
        left = allowed_bytes(self._clf.device)
        if self._clf.device.type != "cpu":
            left //= 2  # it is a share of what is free, and the methods need theirs beside it
        for x, _ in self._batches:
            tape = None
            if left > 0 and self._smoothing is None:
                try:
                    with torch.no_grad(), self._clf.lent() as twin:
                        tape = record(twin, x)
                except MethodError:  # it cannot be recorded; what needs that says so itself
                    left = 0
                except RuntimeError as error:
                    if not is_out_of_memory(error):
                        raise
                    left = 0
            if tape is not None:
                left -= sum({value.data_ptr(): value.nbytes for value in tape.values}.values())
            yield tape

    def _of_batch(
        self,
        clf: Classifier,
        x: Tensor,
        targets: Tensor,
        requests: Mapping[str, Request],
        tape: Tape | None,
    ) -> dict[str, list[Map | str]]:
        if self._smoothing is None:
            return _explained(clf, x, targets, requests, tape)
        sums: dict[str, list[Map | str]] = {}
        copies = self._smoothing.copies
        for noisy in self._smoothing.noisy(x):
            for name, maps in _explained(clf, noisy, targets, requests, None).items():
                sums[name] = list(map(_added, sums[name], maps)) if name in sums else maps
        return {
            name: [one if isinstance(one, str) else one / np.float32(copies) for one in maps]
            for name, maps in sums.items()
        }


def _input_facts(clf: Classifier) -> tuple[object, ...]:
    return clf.input_size, clf.mean, clf.std


def _panels(requests: Mapping[str, Request]) -> list[tuple[str, dict[str, Request]]]:
    """Requests in groups of one target in which no method is there twice."""
    groups: list[tuple[str, dict[str, Request]]] = []
    for name, request in requests.items():
        free = (
            group
            for target, group in groups
            if target == request.target
            and request.method not in {other.method for other in group.values()}
        )
        group = next(free, None)
        if group is None:
            groups.append((request.target, group := {}))
        group[name] = request
    return groups


def _explained(
    clf: Classifier,
    x: Tensor,
    targets: Tensor,
    requests: Mapping[str, Request],
    tape: Tape | None,
) -> dict[str, list[Map | str]]:
    settings = {request.method: request.settings for request in requests.values()}
    panel = Panel(clf, x, targets, settings, tape)
    found: dict[str, list[Map | str]] = {}
    for name, request in requests.items():
        try:
            relevance = panel.explain(request.method)
        except (MethodError, ModelError) as error:
            if len(x) == 1:
                found[name] = [str(error)]
                continue
            again = 1  # perhaps only some of the pictures are at fault
        except DeviceMemoryError:
            if len(x) == 1:
                raise
            again = -(-len(x) // 2)
        else:
            found[name] = [_finite(one) for one in relevance.float().cpu().numpy()]
            continue
        fewer = zip(torch.split(x, again), torch.split(targets, again), strict=True)
        parts = [_explained(clf, *some, {name: request}, None) for some in fewer]
        found[name] = [one for maps in parts for one in maps[name]]
    return found


def _finite(found: Map) -> Map | str:
    return found if np.isfinite(found).all() else TOO_LARGE


def _added(one: Map | str, other: Map | str) -> Map | str:
    if isinstance(one, str):
        return one
    return other if isinstance(other, str) else _finite(one + other)
