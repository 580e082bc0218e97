"""What a file of weights is.

The architecture, where nobody tells it, is looked up by the names and shapes of all weights
outside the last layer (``signatures``). Number of classes and sets of weights come from the file,
what pictures it takes from the architecture, and everything can be told instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from xai_core.errors import ModelError
from xai_core.models.checkpoint_files import WeightsFile
from xai_core.models.checkpoint_layout import (
    Place,
    first_names,
    named,
    places,
    title,
    weights_at,
)
from xai_core.models.checkpoints import SetsError, fit
from xai_core.models.input_facts import UNKNOWN, InputFacts, usual_input
from xai_core.models.network_fit import TRAINING_ONLY, Fit
from xai_core.models.replaced_heads import ActivationError
from xai_core.models.signatures import body_hash, is_within, signatures

_LEAST = 3  # weights by which an architecture is told


@dataclass(frozen=True)
class Recognised:
    """What is known of a file of weights before any of them is read.

    Attributes:
        architectures: what it can be; the one that was told if one was.
        reason: why, in a sentence.
        fit: how its weights get into the architecture; None while something must be told.
        usual: what pictures the architecture takes.
        sets: names of the sets of weights that fit, if several do.
        activation: whether the activation between the layers of its head must be told.
        problem: what must be told, or why it cannot be loaded, in a sentence; "" if it can.
    """

    architectures: tuple[str, ...]
    reason: str
    fit: Fit | None = None
    usual: InputFacts = UNKNOWN
    sets: tuple[str, ...] = ()
    activation: bool = False
    problem: str = ""


class _Guess(NamedTuple):
    architecture: str
    place: Place
    weights: int


def recognise(
    path: str | Path,
    architecture: str | None = None,
    *,
    side: int | None = None,
    weights: str | None = None,
    head_activation: str | None = None,
) -> Recognised:
    """What a file of weights is; reads names and shapes alone.

    Args:
        path: the file.
        architecture: what it is said to be, or None.
        side: side of the input in pixels, or None to find out.
        weights: which of several sets of weights is meant.
        head_activation: the activation between the layers of a replaced head.

    Raises:
        ModelError: it is no file of weights, or damaged.
    """
    return recognised(WeightsFile(Path(path)), architecture, side, weights, head_activation)


def recognised(
    file: WeightsFile,
    architecture: str | None,
    side: int | None,
    weights: str | None,
    head_activation: str | None,
) -> Recognised:
    """``recognise`` for a file that was opened."""
    options: dict[str, Any] = {"side": side, "head_activation": head_activation}
    if architecture is not None:
        return _as_told((architecture,), "as was said", file, weights=weights, **options)
    guesses = _guesses(file)
    if weights is not None:
        meant = named(weights, [guess.place for guess in guesses])
        guesses = [guess for guess in guesses if guess.place in meant]
    if not guesses:
        under = f" under '{weights}'" if weights is not None else ""
        names = first_names(".".join(key) for key in file.tensors)
        sentence = (
            f"{file.name} has the weights of no architecture that is known here{under}, by names "
            f"and shapes ({names}); say which it is (architecture), or load the network as a "
            "module from Python."
        )
        return Recognised((), "", problem=sentence)
    tried: dict[str, Recognised] = {}
    for guess in guesses:
        if guess.architecture not in tried:
            reason = (
                f"all {guess.weights} weights outside the last layer have the names and shapes "
                f"of {guess.architecture}"
            )
            tried[guess.architecture] = _as_told(
                (guess.architecture,), reason, file, weights=weights, **options
            )
    # Several may remain that differ in nothing but what they compute.
    good = {
        name: one for name, one in tried.items() if one.fit or one.sets or one.activation
    } or tried
    if len(good) == 1 or not any(one.fit or one.sets or one.activation for one in good.values()):
        return next(iter(good.values()))
    origins = {name: _origin(name, guesses) for name in good}
    several = len(set(origins.values())) > 1
    listed = ", ".join(f"{name} ({origins[name]})" if several else name for name in good)
    why = "its weights' names and shapes are those of several architectures"
    return Recognised(
        tuple(good), why, problem=f"{file.name}: {why}; say which (architecture): {listed}."
    )


def _as_told(
    architectures: tuple[str, ...], reason: str, file: WeightsFile, **options: Any
) -> Recognised:
    (architecture,) = architectures
    usual = UNKNOWN
    try:
        usual = usual_input(architecture)
        first = usual.input_size[0] if usual.input_size else None
        found = fit(file, architecture, usual=first, **options)
    except SetsError as error:
        sets = tuple(map(title, error.places))
        return Recognised(architectures, reason, None, usual, sets, problem=str(error))
    except ActivationError as error:
        return Recognised(architectures, reason, None, usual, activation=True, problem=str(error))
    except ModelError as error:
        return Recognised(architectures, reason, None, usual, problem=str(error))
    sets = tuple(map(title, found.places)) if len(found.places) > 1 else ()
    needs = found.head is not None and bool(found.head.slots)
    return Recognised(architectures, reason, found, usual, sets, needs)


def _guesses(file: WeightsFile) -> list[_Guess]:
    """Every architecture whose body is found in the file, and where."""
    found = []
    known = _by_signature()
    variants = {heads: [heads] for heads, _ in known}
    for heads in variants:
        parent = heads.rpartition(".")[0]
        if parent and " " not in heads:  # the whole module may have been replaced
            variants[heads] = [heads, parent]
    for place, keys in places(file.tensors).items():
        if len(keys) < _LEAST:
            continue
        names = weights_at(keys, place)
        shapes = {
            name: file.tensors[key].shape
            for key, name in names.items()
            if name.partition(".")[0] not in TRAINING_ONLY
        }
        if len(shapes) < _LEAST:
            continue
        modules = {name[:end] for name in shapes for end in _ends(name)}
        hashes: dict[str, str] = {}  # most heads are not there, and change nothing
        for heads, outsides in variants.items():
            for outside in outsides:
                there = " ".join(one for one in outside.split() if one in modules)
                if there not in hashes:
                    hashes[there] = body_hash(shapes, there)
                fitting = known.get((heads, hashes[there]), ())
                if fitting:
                    body = sum(not is_within(name, there.split()) for name in shapes)
                    found += [_Guess(one, place, body) for one in fitting]
    # What is a part of another network that is known was not saved for itself.
    return [one for one in dict.fromkeys(found) if not any(_contains(o.place, one) for o in found)]


def _contains(place: Place, guess: _Guess) -> bool:
    return len(place) < len(guess.place) and guess.place[: len(place)] == place


def _ends(name: str) -> list[int]:
    """Where the names of the modules around a weight end in its name."""
    return [end for end, letter in enumerate(name) if letter == "."]


@cache
def _by_signature() -> dict[tuple[str, str], tuple[str, ...]]:
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for one in signatures().values():
        if one.heads:
            key = (one.heads, one.hash)
            found[key] = (*found.get(key, ()), one.architecture)
    return found


def _origin(architecture: str, guesses: Sequence[_Guess]) -> str:
    return ", ".join(title(guess.place) for guess in guesses if guess.architecture == architecture)
