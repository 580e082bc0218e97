"""The networks of a sanity check, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xai_core.errors import MethodError
from xai_core.randomization.initialisation import check_init
from xai_core.randomization.layer_groups import Layer
from xai_core.randomization.networks import MODES, chosen_layers
from xai_core.randomization.sweep import TRAINED, State

LABELS = "labels"
LAST = "last-layer"  # the networks of the verdict, where a test has them not
TESTS = {**MODES, LABELS: "Labels: a second network, trained on permuted labels"}
TRAINED_LABEL = "trained"
LABELS_LABEL = "permuted labels"


@dataclass(frozen=True)
class Step:
    """One network of a check.

    Attributes:
        depth: 0 for the trained network.
        layer: the layer that this depth adds; "trained", or "permuted labels".
        seed: of the new weights; 0 for networks without any.
        state: which layers are new.
    """

    depth: int
    layer: str
    seed: int
    state: State


@dataclass(frozen=True)
class Test:
    """Which networks are compared with the trained one.

    Attributes:
        mode: key of ``TESTS``.
        start: layers are counted from the "output" or from the "input".
        init: key of ``INITS``.
        seeds: of the new weights, each of which gives a network at every depth.
    """

    mode: str = "cascading"
    start: str = "output"
    init: str = "default"
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)

    def steps(self, layers: Sequence[Layer]) -> list[Step]:
        """All networks but the trained one, seed by seed, each from the first depth on.

        Args:
            layers: of the model, from output to input (``randomizable_layers``).

        Raises:
            MethodError: an unknown mode, start or initialisation, or no seed.
        """
        if self.mode == LABELS:
            return [Step(1, LABELS_LABEL, 0, TRAINED)]
        check_init(self.init)
        if not self.seeds:
            raise MethodError("Give at least one seed.")
        ordered = chosen_layers(layers, len(layers), "cascading", self.start)
        return [
            Step(depth, layer.name, seed, State(self._names(layers, depth), seed, self.init))
            for seed in self.seeds
            for depth, layer in enumerate(ordered, start=1)
        ]

    def last_alone(self, layers: Sequence[Layer]) -> list[State]:
        """The networks of the verdict: the layer at the output alone is new, once for each seed."""
        return [State((layers[0].name,), seed, self.init) for seed in self.seeds]

    def _names(self, layers: Sequence[Layer], depth: int) -> tuple[str, ...]:
        chosen = {layer.name for layer in chosen_layers(layers, depth, self.mode, self.start)}
        # In one order, so that equal networks are equal states.
        return tuple(layer.name for layer in layers if layer.name in chosen)


def seeds_of(count: int) -> tuple[int, ...]:
    """The first seeds, 0, 1, 2, ...

    Raises:
        MethodError: fewer than one is wanted.
    """
    if count < 1:
        raise MethodError("At least one seed is needed.")
    return tuple(range(count))
