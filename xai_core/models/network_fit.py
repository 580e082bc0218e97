"""Whether the weights at a place of a file are those of an architecture, by names and shapes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from torch import nn

from xai_core.errors import ModelError
from xai_core.models.architectures import blueprint
from xai_core.models.checkpoint_files import Key, Stored, WeightsFile
from xai_core.models.checkpoint_layout import Place, beside, first_names, weights_at
from xai_core.models.replaced_heads import Head, flattens, read_head
from xai_core.models.signatures import COLOURS, changes_with_side, heads_of, is_within

# Heads that torchvision uses in training only.
TRAINING_ONLY = ("aux1", "aux2", "AuxLogits")
_CLASSES = 7  # of the blueprint; the file's number comes from its last layer
_COUNTER = "num_batches_tracked"


@dataclass(frozen=True)
class Fit:
    """How a file's weights get into an architecture.

    Attributes:
        architecture: as in ``build_network``.
        classes: number of logits, as the last layer has them.
        side: side of the input in pixels with which the shapes fit, or None if it was not told
            and makes no difference.
        place: where in the file the weights lie.
        names: key in the file -> name in the network, without a head of the file's own.
        grey: names of the weights that see the picture, if it is a grey one.
        head: what stands in the place of the architecture's last layer, or None.
        places: all places whose weights fit.
    """

    architecture: str
    classes: int
    side: int | None
    place: Place
    names: Mapping[Key, str]
    grey: frozenset[str]
    head: Head | None
    places: tuple[Place, ...] = ()

    @property
    def keys(self) -> set[Key]:
        """Keys of all tensors that are used."""
        layers = self.head.layers if self.head else ()
        return {*self.names, *(key for layer in layers for key in layer.names.values())}


class SideError(ModelError):
    """Nothing differs but what depends on the side of the input.

    Attributes:
        factor: about how many times as long the side should be.
    """

    def __init__(self, sentence: str, factor: float) -> None:
        super().__init__(sentence)
        self.factor = factor


@dataclass(frozen=True)
class Wanted:
    """What an architecture needs, and the file that is to have it.

    Attributes:
        file: the file.
        architecture: as in ``build_network``.
        side: side of the input in pixels, or None.
        activation: between the layers of a head, or None if it was not told.
    """

    file: WeightsFile
    architecture: str
    side: int | None
    activation: str | None

    @cached_property
    def network(self) -> nn.Module:
        """The architecture without weights."""
        return blueprint(self.architecture, _CLASSES, self.side)

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Names and shapes of its weights."""
        return {name: tuple(tensor.shape) for name, tensor in self.network.state_dict().items()}

    @cached_property
    def floating(self) -> frozenset[str]:
        """Names of those that are no whole numbers."""
        own = self.network.state_dict().items()
        return frozenset(name for name, tensor in own if tensor.is_floating_point())

    @cached_property
    def heads(self) -> list[str]:
        """Names of the modules whose weights depend on the number of classes."""
        return heads_of(self.architecture).split()

    def at(self, place: Place) -> Fit:
        """How the weights at a place fit.

        Raises:
            SideError: they would with another side.
            ActivationError: the activation in the head must be told.
            ModelError: they do not.
        """
        found = self._found(place)
        classes = self._classes(found)
        refusal: ModelError | None = None
        if classes is not None:
            try:
                grey = self._check(found, self.heads, self.heads)
                return Fit(self.architecture, classes, self.side, place, found, grey, None)
            except SideError:
                raise
            except ModelError as error:
                refusal = error
        for module, body in self._other_heads(found):
            try:
                grey = self._check(body, [module], [])
            except SideError:
                raise
            except ModelError as error:
                refusal = refusal or error
                continue
            head = self._head(place, module, found)
            if head is not None:
                kind = (self.architecture, head.classes, self.side, place)
                return Fit(*kind, body, grey, head)
        if not any(is_within(name, self.heads) for name in found.values()):
            self._check(found, [], [])  # names what is missing of the last layer too
        raise refusal or self._strange_head(found)

    def _found(self, place: Place) -> dict[Key, str]:
        tensors = self.file.tensors
        found = {
            key: name
            for key, name in weights_at(tensors, place, self.shapes).items()
            if name in self.shapes or name.partition(".")[0] not in TRAINING_ONLY
        }
        for key, name in found.items():
            if not tensors[key].ordinary:
                raise ModelError(f"{self.file.name}: '{name}' is not an ordinary tensor.")
        return found

    def _classes(self, found: Mapping[Key, str]) -> int | None:
        """Number of classes, if the last layers are the architecture's own."""
        stored = {name: self.file.tensors[key].shape for key, name in found.items()}
        counts = set()
        for name, shape in self.shapes.items():
            if not is_within(name, self.heads) or name.endswith(_COUNTER):
                continue
            has = stored.get(name, ())
            if not has or has[1:] != shape[1:] or (shape[0] != _CLASSES and has != shape):
                return None
            if shape[0] == _CLASSES:
                counts.add(has[0])
        return counts.pop() if len(counts) == 1 else None

    def _other_heads(self, found: Mapping[Key, str]) -> Iterator[tuple[str, dict[Key, str]]]:
        """Modules in whose place the file may have a head of its own, and the other weights."""
        if len(self.heads) != 1 or len(self.shapes.get(f"{self.heads[0]}.weight", ())) != 2:
            return
        (module,) = self.heads
        parent = module.rpartition(".")[0]
        for one in (module, parent) if parent else (module,):
            outside = {key: name for key, name in found.items() if not is_within(name, [one])}
            if one == module or flattens(self.network.get_submodule(one)) is not None:
                yield one, outside

    def _head(self, place: Place, module: str, found: Mapping[Key, str]) -> Head | None:
        inside = {
            name.removeprefix(module).removeprefix("."): key
            for key, name in found.items()
            if is_within(name, [module])
        }
        features = next(
            shape[1]
            for name, shape in self.shapes.items()
            if is_within(name, [module]) and len(shape) == 2
        )
        flatten = bool(flattens(self.network.get_submodule(module)))
        groups = {"": inside} if inside else beside(self.file.tensors, place, found)
        heads = []
        for origin, names in groups.items():
            head = read_head(
                self.file.name, module, names, self.file.tensors, features, self.activation
            )
            if head is not None:
                heads.append(head._replace(flatten=flatten, origin=origin))
        return heads[0] if len(heads) == 1 else None

    def _check(
        self, found: Mapping[Key, str], without: Sequence[str], heads: Sequence[str]
    ) -> frozenset[str]:
        """Compare names and shapes outside some modules; the weights that see a grey picture.

        Args:
            found: what the file has.
            without: modules whose weights are not looked at.
            heads: those among them that have the right names already.
        """
        stored = {name: self.file.tensors[key] for key, name in found.items()}
        missing = [
            name
            for name in self.shapes
            if name not in stored and not is_within(name, without) and _COUNTER not in name
        ]
        unexpected = [
            name for name in stored if name not in self.shapes and not is_within(name, without)
        ]
        unexpected += [
            name for name in stored if name not in self.shapes and is_within(name, heads)
        ]
        if missing or unexpected:
            parts = [
                f"{len(names)} {what} ({first_names(names)})"
                for names, what in ((missing, "missing"), (unexpected, "unexpected"))
                if names
            ]
            raise ModelError(
                f"{self.file.name} does not fit {self.architecture}: weights {' and '.join(parts)}."
            )
        return self._check_shapes(stored, without)

    def _check_shapes(self, stored: Mapping[str, Stored], without: Sequence[str]) -> frozenset[str]:
        grey, other, coloured = set(), [], False
        for name, tensor in stored.items():
            if is_within(name, without):
                continue
            shape, needed = tensor.shape, self.shapes[name]
            sees = len(needed) == 4 and needed[1] == COLOURS
            coloured |= sees and shape == needed
            if sees and shape == (needed[0], 1, *needed[2:]):
                grey.add(name)
            elif shape != needed:
                other.append(name)
            if not tensor.floating and name in self.floating:
                raise ModelError(f"{self.file.name}: '{name}' holds whole numbers, not weights.")
        if coloured and grey:
            other += sorted(grey)
        if other:
            first, shape = other[0], stored[other[0]].shape
            sentence = self._unlike(first, shape)
            if all(map(changes_with_side, other)):
                # There is a weight, or a row of them, for each place of the picture.
                raise SideError(
                    sentence, math.sqrt(math.prod(shape) / math.prod(self.shapes[first]))
                )
            raise ModelError(sentence)
        return frozenset(grey)

    def _strange_head(self, found: Mapping[Key, str]) -> ModelError:
        stored = {name: self.file.tensors[key].shape for key, name in found.items()}
        for name in stored:
            if is_within(name, self.heads) and name in self.shapes:
                return ModelError(self._unlike(name, stored[name]))
        return ModelError(
            f"{self.file.name} does not fit {self.architecture}: it has no weights that could be "
            f"those of {' and '.join(self.heads)}."
        )

    def _unlike(self, name: str, shape: tuple[int, ...]) -> str:
        needed = [str(number) for number in self.shapes[name]]
        if is_within(name, self.heads) and self.shapes[name][0] == _CLASSES:
            needed[0] = "classes"
        return (
            f"{self.file.name} does not fit {self.architecture}: '{name}' has the shape "
            f"{list(shape)}, but [{', '.join(needed)}] is needed."
        )
