"""Options that several commands share, and how their words become values."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xai_core.errors import MethodError, ModelError

if TYPE_CHECKING:
    from xai_core.cache import Cache
    from xai_core.explainers.choices import Choice
    from xai_core.models import Classifier
    from xai_core.provenance import ModelFacts

SAMPLE = "sample:"
KEPT, KEPT_BYTES = ".results", 2**40
CHECKPOINT = (
    *("architecture", "classes_file", "input_size", "mean", "std", "crop"),
    *("outputs", "transform_input"),
)


def add_model(parser: argparse.ArgumentParser) -> None:
    """Add ``--model`` and the facts that a checkpoint does not hold itself."""
    parser.add_argument(
        "--model",
        default="vgg-tiny",
        metavar="ID|FILE",
        help="a model's id (see `models`), or a "
        "checkpoint: .safetensors, or a PyTorch state dict (default: %(default)s)",
    )
    group = parser.add_argument_group("facts about a checkpoint")
    group.add_argument("--architecture", metavar="NAME", help="the network's architecture")
    group.add_argument("--classes-file", metavar="FILE", help="class names, one a line")
    group.add_argument("--input-size", metavar="SIDE|HxW", help="size of the input in pixels")
    group.add_argument("--mean", metavar="R,G,B", help="mean of each channel, pixels from 0 to 1")
    group.add_argument("--std", metavar="R,G,B", help="standard deviation of each channel")
    group.add_argument("--crop", metavar="SHARE", help="share that the centre crop keeps")
    group.add_argument(
        "--outputs",
        choices=("softmax", "sigmoid"),
        help="whether the classes exclude each other (softmax) or each is there or not (sigmoid); "
        "default: as the network ends, sigmoid for one score, else softmax",
    )
    group.add_argument(
        "--transform-input",
        choices=("yes", "no"),
        help="whether an inception_v3 or googlenet was trained with transform_input=True, as "
        "torchvision's own weights were; guessed if not given",
    )


def add_methods(parser: argparse.ArgumentParser) -> None:
    """Add ``--methods`` with their settings, and the classes that are explained."""
    parser.add_argument(
        "--methods",
        default="saliency,gradcam",
        metavar="IDS",
        help="with commas between: ids of methods (see `methods`), METHOD-BASE for a method that "
        "averages another one, group-1 to group-4 (published sets), all, or everything: all that "
        "work on this model (default: %(default)s)",
    )
    parser.add_argument(
        "--target",
        action="append",
        metavar="CLASS",
        help="class to explain, by name, by number, or by both as in 474-cardigan; or auto for "
        "the predicted one (the default); given once, or once for every photo",
    )
    parser.add_argument(
        "--param",
        action="append",
        default=[],
        metavar="METHOD.NAME=VALUE",
        help="a setting; a baseline may be a picture, or several with commas between",
    )
    parser.add_argument("--layer", metavar="NAME", help="layer, for all methods that have one")


def given_facts(arguments: argparse.Namespace) -> dict[str, str]:
    """The facts about a checkpoint that were given, as options and their words."""
    words = {name: getattr(arguments, name) for name in CHECKPOINT}
    return {f"--{name.replace('_', '-')}": word for name, word in words.items() if word is not None}


def model_keywords(arguments: argparse.Namespace) -> dict[str, Any]:
    """Keywords of ``load_classifier`` for ``--model`` and the facts about a checkpoint.

    Raises:
        ModelError: an option's value is unreadable.
    """
    source = Path(arguments.model)  # absolute, because a worker may have another folder
    found: dict[str, Any] = {"source": str(source.absolute() if source.is_file() else source)}
    for name in ("architecture", "outputs"):
        if getattr(arguments, name) is not None:
            found[name] = getattr(arguments, name)
    if arguments.classes_file is not None:
        found["class_names"] = _class_names(Path(arguments.classes_file))
    if arguments.input_size is not None:
        sides = _numbers("--input-size", arguments.input_size.replace("x", ","), (1, 2))
        found["input_size"] = [int(sides[0]), int(sides[-1])]
    for name in ("mean", "std"):
        if getattr(arguments, name) is not None:
            found[name] = _numbers(f"--{name}", getattr(arguments, name), (3,))
    if arguments.transform_input is not None:
        found["transform_input"] = arguments.transform_input == "yes"
    if arguments.crop is not None:
        found["crop"] = _numbers("--crop", arguments.crop, (1,))[0]
    return found


def load_model(arguments: argparse.Namespace) -> Classifier:
    """The classifier of ``--model`` and the facts about a checkpoint.

    Raises:
        ModelError: an option's value is unreadable, or the model cannot be loaded.
    """
    from xai_core.tasks.models import classifier

    clf = classifier(model_keywords(arguments))
    _say(clf.notes)
    return clf


def described(model: Mapping[str, Any]) -> Mapping[str, Any]:
    """The facts of a model (``tasks.describe``); nothing is written for them.

    Raises:
        XaiError: the model cannot be loaded.
    """
    from xai_core import tasks
    from xai_core.cache import Cache
    from xai_core.jobs.here import results_of

    task = replace(tasks.describe(model), kept=False)
    facts = results_of([task], Cache(disk_bytes=0))[task.key].facts
    _say(facts["notes"])
    return facts


def model_facts(arguments: argparse.Namespace, about: Mapping[str, Any]) -> ModelFacts:
    """What ``run.json`` is to say of a model with these facts."""
    from xai_core.provenance import ModelFacts

    return ModelFacts(
        *(arguments.model, about["fingerprint"], about["class_names"], given_facts(arguments)),
        *(about["outputs"], about["notes"]),
    )


def chosen(words: Sequence[str], assignments: Sequence[str], layer: str | None) -> list[Choice]:
    """The methods of ``--methods`` with their settings from ``--param`` and ``--layer``.

    Args:
        words: ids of methods, of columns (METHOD-BASE) and of presets, or "all".
        assignments: COLUMN.NAME=VALUE. A word that the setting does not know is a picture.
        layer: for all methods that have one.

    Returns:
        One choice a column, with all its settings.

    Raises:
        MethodError: unknown method or setting, an unreadable value, or a layer for methods
            that have none.
    """
    from xai_core.explainers import method
    from xai_core.explainers.choices import Choice, assigned, assignment, completed
    from xai_core.explainers.presets import expanded

    found = {choice.id: choice for word in words for choice in expanded(word)}
    if layer is not None:
        layered = {
            column: Choice(choice.method, {**choice.settings, "layer": layer})
            for column, choice in found.items()
            if any(p.name == "layer" for p in method(choice.method).accepted(choice.settings))
        }
        if not layered:
            raise MethodError(f"None of these methods has a layer to choose: {', '.join(found)}.")
        found |= layered
    for text in assignments:
        column, name, word = assignment(text)
        if column not in found:
            raise MethodError(f"'--param {text}' names a method that --methods leaves out.")
        found[column] = assigned(found[column], name, word)
    return [
        Choice(choice.method, completed(choice, picture_files(choice.settings)))
        for choice in found.values()
    ]


def working(
    model: Mapping[str, Any], fingerprint: str, choices: Sequence[Choice], cache: Cache
) -> list[Choice]:
    """Those that work on the model; the others are named on the error output."""
    from xai_core import tasks
    from xai_core.jobs.here import results_of

    asked = {c.method: tasks.support(model, fingerprint, c.method) for c in choices}
    known = results_of(list(asked.values()), cache)
    refusals = {name: known[task.key].facts["refusal"] for name, task in asked.items()}
    _say(f"{name} is left out: {text}" for name, text in refusals.items() if text)
    return [choice for choice in choices if not refusals[choice.method]]


def class_targets(
    class_names: Sequence[str], words: Sequence[str], photos: int
) -> list[int | None]:
    """The class of every photo by ``--target``; None for the predicted one.

    Raises:
        ModelError: no such class, or another number of them than of photos.
    """
    from xai_core.classes import class_index

    if len(words) not in (1, photos):
        raise ModelError(
            f"{len(words)} targets were given for {photos} photos: give one, or one for each."
        )
    known = [None if word == "auto" else class_index(word, class_names) for word in words]
    return known * photos if len(words) == 1 else known


def kept_results(out: Path) -> Cache:
    """The results that a folder holds from before, and where further ones are kept."""
    from xai_core.cache import Cache

    return Cache(out / KEPT, disk_bytes=KEPT_BYTES, memory_bytes=0)


def picture_files(settings: Mapping[str, Any]) -> list[str]:
    """The words among settings that name a picture: a file that is there, or a sample."""
    from xai_core.explainers.choices import pictured, words

    given = [word for name in pictured() for word in words(settings.get(name))]
    return [word for word in given if word.startswith(SAMPLE) or Path(word).is_file()]


def _say(sentences: Iterable[str]) -> None:
    for sentence in sentences:
        print(sentence, file=sys.stderr)


def _class_names(path: Path) -> list[str]:
    from xai_core.classes import names_in

    if not path.is_file():
        raise ModelError(f"There is no file of class names at {path}.")
    try:
        return names_in(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ModelError(f"The class names in {path} must be UTF-8 text.") from error


def _numbers(option: str, text: str, counts: tuple[int, ...]) -> list[float]:
    try:
        numbers = [float(word) for word in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) not in counts or not all(0 <= number < 1e6 for number in numbers):
        wanted = " or ".join(map(str, counts))
        raise ModelError(f"{option} needs {wanted} numbers, not '{text}'.")
    return numbers
