"""Options that several commands share, and how their words become values."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from xai_core.classes import names_in
from xai_core.errors import ModelError
from xai_core.first_model import first_model
from xai_core.imagenet import IMAGENET

Commands = Any  # argparse keeps the type of its sub-commands private
CHECKPOINT = (
    *("architecture", "classes_file", "input_size", "mean", "std", "crop"),
    *("outputs", "transform_input", "weights", "head_activation"),
)


def add_command(
    commands: Commands,
    name: str,
    run: Callable[[argparse.Namespace], int],
    text: str,
    more: str = ".",
) -> argparse.ArgumentParser:
    """Add a command to the parser.

    Args:
        commands: where to add it.
        name: what it is called.
        run: what it does; its result is the process's status.
        text: the same in words, without a capital or a full stop.
        more: how these go on in its own help.
    """
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=text, description=text.capitalize() + more
    )
    parser.set_defaults(run=run)
    return parser


def add_photos(
    parser: argparse.ArgumentParser, how_many: str = "+", one_class: bool = True
) -> None:
    """Add the photos, the model, the methods that explain it, and ``--out``.

    Args:
        parser: of the command.
        how_many: of the photos, as argparse writes it.
        one_class: whether one class of each photo is explained, which ``--target`` names.
    """
    parser.add_argument("photos", nargs=how_many, metavar="PHOTO", help="a file, or sample:NAME")
    add_model(parser)
    _add_methods(parser)
    if one_class:
        _add_target(parser)
    add_methods_from(parser)
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="where to write")


def add_model(parser: argparse.ArgumentParser) -> None:
    """Add ``--model`` and the facts that a checkpoint does not hold itself."""
    parser.add_argument(
        "--model",
        default=first_model(),
        metavar="ID|FILE|FOLDER",
        help="a model's id (see `models`), a checkpoint (.safetensors, or what torch.save wrote), "
        "or a folder of Hugging Face's with config.json (default: %(default)s)",
    )
    add_models_from(parser)
    group = parser.add_argument_group(
        "facts about a checkpoint",
        "What is not told is read from its weights, or is as usual for its architecture; `models "
        "--recognise FILE` says it.",
    )
    group.add_argument("--architecture", metavar="NAME", help="the network's architecture")
    group.add_argument(
        "--weights", metavar="KEY", help="which of several sets of weights in it, such as model_ema"
    )
    group.add_argument(
        "--head-activation",
        choices=("relu", "gelu", "tanh", "sigmoid", "none"),
        help="the activation between the layers of a head that was replaced by several",
    )
    group.add_argument(
        "--classes-file",
        metavar="FILE",
        help=f"class names, one a line; or the word {IMAGENET} for the names of ImageNet",
    )
    group.add_argument("--input-size", metavar="SIDE|HxW", help="size of the input in pixels")
    group.add_argument(
        "--mean", metavar="R,G,B", help="mean of each channel, or of all; pixels from 0 to 1"
    )
    group.add_argument("--std", metavar="R,G,B", help="standard deviation of each, or of all")
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


def add_models_from(parser: argparse.ArgumentParser) -> None:
    """Add ``--models-from``."""
    parser.add_argument(
        "--models-from",
        type=Path,
        metavar="PATH",
        help="a file of Python whose models() builds models of your own, which is run; or a folder "
        "with models of Hugging Face's in folders",
    )


def take_models_from(arguments: argparse.Namespace) -> None:
    """Take the models of ``--models-from``, if it was given.

    Raises:
        ModelError: nothing in the file can be used.
    """
    if arguments.models_from is not None:
        from xai_core.models import brought_models

        brought_models.use(arguments.models_from)


def _add_methods(parser: argparse.ArgumentParser) -> None:
    """Add ``--methods`` with their settings."""
    parser.add_argument(
        "--methods",
        default="saliency,gradcam",
        metavar="IDS",
        help="with commas between: ids of methods (see `methods`), METHOD-BASE for a method that "
        "averages another one, group-1 to group-4 (published sets), all, or everything: all that "
        "work on this model (default: %(default)s)",
    )
    parser.add_argument(
        "--param",
        action="append",
        default=[],
        metavar="METHOD.NAME=VALUE",
        help="a setting; a baseline may be a picture, or several with commas between",
    )
    parser.add_argument("--layer", metavar="NAME", help="layer, for all methods that have one")


def _add_target(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--target",
        action="append",
        metavar="CLASS",
        help="class to explain, by name, by number, or by both as in 474-cardigan; or auto for "
        "the predicted one (the default); given once, or once for every photo",
    )


def add_methods_from(parser: argparse.ArgumentParser) -> None:
    """Add ``--methods-from``."""
    parser.add_argument(
        "--methods-from",
        metavar="FILE",
        help="a Python file of yours that offers further methods (docs/own-methods.md)",
    )


def add_maps(parser: argparse.ArgumentParser) -> None:
    """Add ``--maps``, for commands that need no new maps."""
    group = parser.add_argument_group("maps computed elsewhere")
    group.add_argument(
        "--maps",
        dest="own_maps",  # another option of that name writes maps
        action="append",
        metavar="NAME=FOLDER",
        help="a column NAME of maps in FOLDER, or of one NPZ file: NPY, NPZ or grey PNG, each "
        "called as its photo (docs/own-methods.md); --methods= leaves out all others",
    )
    group.add_argument(
        "--maps-cover",
        dest="own_maps_cover",
        action="append",
        metavar="NAME=WORD",
        help="what the maps NAME cover, where their size does not say it: picture for the whole "
        "picture, seen for the part that the model sees",
    )


def given_facts(arguments: argparse.Namespace) -> dict[str, str]:
    """The facts about a checkpoint that were given, as options and their words."""
    from xai_core.models import brought_models

    words = {name: getattr(arguments, name) for name in CHECKPOINT}
    return brought_models.options(arguments.model) | {
        f"--{name.replace('_', '-')}": word for name, word in words.items() if word is not None
    }


def model_keywords(arguments: argparse.Namespace) -> dict[str, Any]:
    """Keywords of ``load_classifier`` for ``--model`` and the facts about a checkpoint.

    Raises:
        ModelError: an option's value is unreadable, or nothing in the file of ``--models-from``
            can be used.
    """
    take_models_from(arguments)
    source = Path(arguments.model)
    if source.is_file() or (source / "config.json").is_file():
        source = source.absolute()  # because a worker may have another folder
    found: dict[str, Any] = {"source": str(source)}
    for name in ("architecture", "outputs", "weights", "head_activation"):
        if getattr(arguments, name) is not None:
            found[name] = getattr(arguments, name)
    if arguments.classes_file is not None:
        found["class_names"] = _class_names(arguments.classes_file)
    if arguments.input_size is not None:
        sides = _numbers("--input-size", arguments.input_size, (1, 2), between="x")
        if any(side % 1 for side in sides):
            raise ModelError(f"--input-size needs whole numbers, not '{arguments.input_size}'.")
        found["input_size"] = [int(sides[0]), int(sides[-1])]
    for name in ("mean", "std"):
        if getattr(arguments, name) is not None:
            found[name] = _numbers(f"--{name}", getattr(arguments, name), (1, 3))
    if arguments.transform_input is not None:
        found["transform_input"] = arguments.transform_input == "yes"
    if arguments.crop is not None:
        found["crop"] = _numbers("--crop", arguments.crop, (1,))[0]
    return found


def words(text: str) -> list[str]:
    """Words with commas between, each once."""
    return list(dict.fromkeys(word.strip() for word in text.split(",")))


def _class_names(file: str) -> list[str] | str:
    path = Path(file)
    if file == IMAGENET and not path.is_file():
        return IMAGENET
    if not path.is_file():
        raise ModelError(f"There is no file of class names at {path}.")
    try:
        return names_in(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ModelError(f"The class names in {path} must be UTF-8 text.") from error


def _numbers(option: str, text: str, counts: tuple[int, ...], between: str = ",") -> list[float]:
    try:
        numbers = [float(word) for word in text.replace(between, ",").split(",")]
    except ValueError:
        numbers = []
    if len(numbers) not in counts or not all(0 <= number < 1e6 for number in numbers):
        wanted = " or ".join(map(str, counts))
        raise ModelError(f"{option} needs {wanted} numbers, not '{text}'.")
    return numbers
