"""What a file of weights is, and the classifier that it makes.

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
from xai_core.imagenet import IMAGENET, imagenet_classes
from xai_core.models.architectures import TRANSFORMING
from xai_core.models.checkpoint_files import WeightsFile
from xai_core.models.checkpoint_layout import (
    Place,
    first_names,
    is_averaged,
    left_out,
    named,
    places,
    title,
    weights_at,
)
from xai_core.models.checkpoints import GREY, SetsError, filled, fit
from xai_core.models.classifier import Classifier
from xai_core.models.input_facts import UNKNOWN, InputFacts, usual_input
from xai_core.models.network_fit import TRAINING_ONLY, Fit
from xai_core.models.replaced_heads import ActivationError
from xai_core.models.signatures import body_hash, is_within, signatures
from xai_core.models.transform_input import set_transform_input

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
    file = WeightsFile(Path(path))
    return _recognised(file, architecture, side, weights, head_activation)


def load_checkpoint(
    path: str | Path,
    architecture: str | None = None,
    class_names: Sequence[str] | str | None = None,
    input_size: tuple[int, int] | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    title: str | None = None,
    crop: float | None = None,
    *,
    resample: str | None = None,
    squash: bool | None = None,
    outputs: str | None = None,
    transform_input: bool | None = None,
    weights: str | None = None,
    head_activation: str | None = None,
    normalised: bool = True,
) -> Classifier:
    """A classifier from a safetensors file, or from what ``torch.save`` wrote of a training.

    The weights are found by their names, wherever they lie (``checkpoint_layout``), and become
    float32. ``Classifier.notes`` says what was found out rather than told.

    Args:
        path: the file, at most 2 GB.
        architecture: as in ``build_network``; None if the weights' names and shapes tell it.
        class_names: one readable name per logit, "imagenet-1k" for ImageNet's, or None for
            "class 0", "class 1", …
        input_size: (height, width) in pixels; None for what the weights tell, or else what the
            architecture usually takes, and so the next two.
        mean: per-channel mean of pictures in [0, 1]; one value for all is enough.
        std: per-channel standard deviation.
        title: name for people; the file's name if not given.
        crop: share of the shorter side that the centre crop keeps; None for the usual.
        resample: as in ``Classifier``, and so the next; None for the usual.
        squash: whether pictures lose their proportions.
        outputs: as in ``Classifier``; two classes may have one score.
        transform_input: whether a GoogLeNet or Inception v3 converts ImageNet-normalised input
            to [-1, 1] itself, which its weights do not tell; None to find out
            (``set_transform_input``).
        weights: which of several sets of weights, by the keys before their names.
        head_activation: the activation between the layers of a replaced head.
        normalised: False leaves pictures as they are where no mean is given.

    Raises:
        ModelError: not such a file, it does not fit, or something must be told.
    """
    path = Path(path)
    file = WeightsFile(path)
    side = input_size[0] if input_size else None
    found = _recognised(file, architecture, side, weights, head_activation)
    if found.fit is None:
        raise ModelError(found.problem)
    usual, notes = found.usual, _notes(file, found, told=architecture is not None)
    names = _class_names(file.name, class_names, found.fit.classes)
    size = input_size or _usual_size(file.name, found)
    if mean is None and std is None and normalised and not found.fit.grey:
        mean, std = usual.mean, usual.std
        taken = mean is not None
    else:
        mean, std, taken = _three(mean), _three(std), False
    if found.fit.grey:
        _check_grey(file.name, mean, std, normalised)
    crop, resample = usual.crop if crop is None else crop, resample or usual.resample
    squash = usual.squash if squash is None else squash
    if usual.origin and (input_size is None or taken):
        notes.append(_taken(usual, size, mean if taken else None, crop))
    network = filled(file, found.fit)
    if found.fit.grey and found.fit.architecture in TRANSFORMING:
        transform_input = bool(transform_input)  # it takes three channels apart
    said = set_transform_input(network, found.fit.architecture, mean, std, transform_input)
    clf = Classifier(
        network,
        names,
        size,
        mean,
        std,
        crop=crop,
        resample=resample,
        squash=squash,
        title=title or path.stem,
        outputs=outputs,
    )
    clf.notes += [*notes, *([said] if said else [])]
    return clf


def _recognised(
    file: WeightsFile,
    architecture: str | None,
    side: int | None,
    weights: str | None,
    head_activation: str | None,
) -> Recognised:
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


def _notes(file: WeightsFile, found: Recognised, told: bool) -> list[str]:
    """What whoever sees the model's maps must know of how it was loaded."""
    the = found.fit
    if the is None:
        return []
    notes = [] if told else [f"Taken for {the.architecture}: {found.reason}."]
    if found.sets:
        others = ", ".join(f"'{one}'" for one in found.sets if one != title(the.place))
        why = ", an average over training" if is_averaged(the.place) else ""
        notes.append(f"Of several sets of weights '{title(the.place)}' is used{why}, not {others}.")
    rest = [name for name in left_out(file.tensors, the.place, the.keys) if name not in found.sets]
    if rest:
        notes.append(f"Left out of the file: {first_names(rest)}.")
    if file.objects:
        notes.append(f"Objects in the file were not made: {first_names(file.objects)}.")
    if the.head is not None:
        notes.append(the.head.described())
    if the.grey:
        shares = ", ".join(f"{share:g}" for share in GREY)
        notes.append(
            "The network takes grey pictures: its first layer's weights are shared out to red, "
            f"green and blue as {shares}, so that it sees the grey of the picture."
        )
    return notes


def _class_names(file: str, names: Sequence[str] | str | None, classes: int) -> list[str]:
    if not names:
        return [f"class {number}" for number in range(max(2, classes))]
    if isinstance(names, str) or list(names) == [IMAGENET]:
        if names not in (IMAGENET, [IMAGENET]):
            raise ModelError(f"The class names are a list or the word {IMAGENET}, not '{names}'.")
        names = list(imagenet_classes().values())
    if len(names) != classes and (classes, len(names)) != (1, 2):
        scores = "1 score" if classes == 1 else f"{classes} scores"
        raise ModelError(f"{file} has {scores}, but {len(names)} class names were given.")
    return list(names)


def _usual_size(file: str, found: Recognised) -> tuple[int, int]:
    if found.usual.input_size is None:
        raise ModelError(
            f"{file}: nothing tells the input size of {found.architectures[0]}; give it too "
            "(input_size)."
        )
    side = found.fit.side if found.fit else None
    usual = found.usual.input_size
    return usual if side in (None, usual[0]) else (int(side or 0), int(side or 0))


def _three(values: Sequence[float] | None) -> Sequence[float] | None:
    return [values[0]] * 3 if values is not None and len(values) == 1 else values


def _check_grey(
    file: str, mean: Sequence[float] | None, std: Sequence[float] | None, normalised: bool
) -> None:
    if mean is None and std is None and not normalised:
        return
    if mean is None or std is None or len({*mean}) > 1 or len({*std}) > 1:
        raise ModelError(
            f"{file} takes grey pictures: give one mean and one standard deviation of its "
            "training pictures (mean and std; 0 and 1 if they were not normalised)."
        )


def _taken(
    usual: InputFacts, size: tuple[int, int], mean: Sequence[float] | None, crop: float
) -> str:
    facts = [f"{size[0]} × {size[1]} pixels", f"a crop of {crop:.3g}"]
    if mean is not None:
        facts.append(f"the mean {', '.join(f'{value:.3g}' for value in mean)}")
    return (
        f"Pictures are prepared as for {usual.origin} ({', '.join(facts)}), as nothing else was "
        "said."
    )
