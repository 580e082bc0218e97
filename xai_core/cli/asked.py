"""What the options that several commands share ask for: a model, methods, classes of photos."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from xai_core import tasks
from xai_core.cache import Cache
from xai_core.classes import class_index, class_titles
from xai_core.cli.options import given_facts, model_keywords, words
from xai_core.cli.subjects import Facts, Photo, Targeted, complain, read_photo
from xai_core.errors import MapError, MethodError, ModelError
from xai_core.explainers import choices as spelled
from xai_core.explainers import foreign, method
from xai_core.explainers.choices import Choice
from xai_core.explainers.presets import EVERYTHING, expanded
from xai_core.images import SAMPLE
from xai_core.jobs import Task
from xai_core.jobs.here import results_of
from xai_core.map_files import ENDINGS
from xai_core.models import Classifier
from xai_core.own_maps import BY_SIZE, OwnMaps, check_name, is_own, read_maps
from xai_core.provenance import ModelFacts
from xai_core.tasks.models import classifier

KEPT, KEPT_BYTES = ".results", 2**40
LATEST_BYTES = 2**20  # of results that are in memory as well
AUTO = "auto"  # for the predicted class


@dataclass(frozen=True)
class Asked:
    """A model, and the methods that explain it.

    Attributes:
        model: keywords of ``load_classifier``.
        about: its facts.
        recorded: what ``run.json`` says of it.
        choices: the methods, with all their settings.
        pictures: what the words among their settings mean that stand for pictures.
        everything: whether those that do not work on the model are to be left out.
        own: maps computed elsewhere, each of which is one of the choices.
    """

    model: tasks.Model
    about: Facts
    recorded: ModelFacts
    choices: Sequence[Choice]
    pictures: Mapping[str, tasks.Subject]
    everything: bool
    own: Sequence[OwnMaps] = ()

    @property
    def loaded(self) -> tuple[tasks.Model, str]:
        """The model's keywords and fingerprint, as tasks are given them."""
        return self.model, self.about["fingerprint"]

    def working(self, cache: Cache) -> Asked:
        """The same with the methods that work on the model; others are named as left out."""
        if not self.everything:
            return self
        tried = [c.method for c in self.choices if not is_own(c.method)]
        asked = {name: tasks.support(*self.loaded, name) for name in tried}
        known = results_of(list(asked.values()), cache)
        refusals = {name: known[task.key].facts["refusal"] for name, task in asked.items()}
        for name, text in refusals.items():
            if text:
                complain(f"{name} is left out: {text}")
        return replace(self, choices=[c for c in self.choices if not refusals.get(c.method)])

    def among(self, names: Collection[str]) -> Asked:
        """The same in front of all photos; maps whose names are no photo's are named."""
        own = [one.among(names) for one in self.own]
        for one in own:
            for sentence in one.left_over(names):
                complain(sentence)
        return replace(self, own=own)

    def subject(self, photo: Photo, target: int) -> tasks.Subject:
        """What tasks know of a photo, with the class that is explained."""
        return photo.subject(target, self.own)

    def classified(self, photos: Sequence[Photo], cache: Cache) -> list[dict[str, NDArray[Any]]]:
        """What the model says of every photo: "logits" and "probabilities", each [K]."""
        asked = [tasks.predict(*self.loaded, [one.hash], [one.pixels]) for one in photos]
        found = results_of(asked, cache)
        return [
            {name: values[0] for name, values in found[task.key].arrays.items()} for task in asked
        ]

    def targeted(
        self, photos: Sequence[Photo], targets: Mapping[str, int | None], cache: Cache
    ) -> list[Targeted]:
        """The photos with their classes.

        Args:
            photos: the photos.
            targets: class of each photo, by its name; the predicted one where it is None.
            cache: where predictions are looked up and kept.
        """
        titles, found = class_titles(self.about["class_names"]), []
        for photo, said in zip(photos, self.classified(photos, cache), strict=True):
            shares, wanted = said["probabilities"], targets[photo.name]
            target = int(shares.argmax()) if wanted is None else wanted
            found.append(
                Targeted(
                    **vars(photo),
                    target=target,
                    class_name=titles[target],
                    probability=float(shares[target]),
                )
            )
        return found


def asked_by(arguments: argparse.Namespace) -> Asked:
    """What ``--model``, ``--methods`` and the options beside them ask for; nothing is written.

    Raises:
        XaiError: it cannot be done.
    """
    take_methods(arguments)
    own = own_maps(arguments)
    ids = [word for word in words(arguments.methods) if word]
    choices = chosen(ids, arguments.param, arguments.layer)
    choices += [spelled.choice_of(one) for one in own]
    if not choices:
        raise MethodError("Name at least one method by --methods (see `methods`).")
    model = model_keywords(arguments)
    about = described(model)
    recorded = ModelFacts(
        *(arguments.model, about["fingerprint"], about["class_names"], given_facts(arguments)),
        *(about["outputs"], about["notes"]),
    )
    pictures = sorted({word for choice in choices for word in _pictures(choice.settings)})
    subjects = {word: read_photo(word, about).subject(0) for word in pictures}
    return Asked(model, about, recorded, choices, subjects, EVERYTHING in ids, own)


def take_methods(arguments: argparse.Namespace) -> None:
    """Take the methods that ``--methods-from`` and packages offer; what fails is said.

    Raises:
        MethodError: there is no such file.
    """
    if arguments.methods_from is not None:
        foreign.use_file(arguments.methods_from)
    for sentence in foreign.problems():
        complain(sentence)


def own_maps(arguments: argparse.Namespace) -> list[OwnMaps]:
    """The maps of ``--maps``; files that cannot be read are named.

    Raises:
        MapError: a folder or a name is none, or a folder holds no map.
    """
    found: dict[str, OwnMaps] = {}
    covers = dict(_named(arguments, "maps-cover", "NAME=WORD"))
    places = _named(arguments, "maps", "NAME=FOLDER")
    for name in covers:
        if name not in dict(places):
            raise MapError(f"'--maps-cover {name}=…' names maps that --maps leaves out.")
    for name, place in places:
        check_name(name, found)
        path = Path(place)
        if not path.exists():
            raise MapError(f"There is no folder of maps at {place}.")
        inside = sorted(path.iterdir()) if path.is_dir() else [path]
        files = [one for one in inside if one.suffix.lower() in ENDINGS]
        contents = ((one.name, one.read_bytes()) for one in files)
        read = read_maps(name, contents, covers.get(name, BY_SIZE))
        for sentence in read.refused:
            complain(sentence)
        found[read.name] = read
    return list(found.values())


def _named(arguments: argparse.Namespace, option: str, form: str) -> list[tuple[str, str]]:
    """Names and words of an option that is given several times, or that the command has not."""
    found = []
    for word in getattr(arguments, f"own_{option.replace('-', '_')}", None) or []:
        name, equals, rest = word.partition("=")
        if not equals:
            raise MapError(f"'--{option} {word}' must have the form {form}.")
        found.append((name.strip(), rest))
    return found


def load_model(arguments: argparse.Namespace) -> Classifier:
    """The classifier of ``--model`` and the facts about a checkpoint.

    Raises:
        ModelError: an option's value is unreadable, or the model cannot be loaded.
    """
    clf = classifier(model_keywords(arguments))
    for note in clf.notes:
        complain(note)
    return clf


def described(model: tasks.Model) -> Facts:
    """The facts of a model (``tasks.describe``).

    Raises:
        XaiError: the model cannot be loaded.
    """
    about = facts_of(tasks.describe(model))
    for note in about["notes"]:
        complain(note)
    return about


def facts_of(task: Task) -> Facts:
    """The facts that a task gives; nothing is written for them.

    Raises:
        XaiError: it fails.
    """
    return results_of([replace(task, kept=False)], Cache(disk_bytes=0))[task.key].facts


def chosen(ids: Sequence[str], assignments: Sequence[str], layer: str | None) -> list[Choice]:
    """The methods of ``--methods`` with their settings from ``--param`` and ``--layer``.

    Args:
        ids: of methods, of columns (METHOD-BASE) and of presets, or "all".
        assignments: COLUMN.NAME=VALUE. A word that the setting does not know is a picture.
        layer: for all methods that have one.

    Returns:
        One choice a column, with all its settings.

    Raises:
        MethodError: unknown method or setting, an unreadable value, or a layer for methods
            that have none.
    """
    found = {choice.id: choice for word in ids for choice in expanded(word)}
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
        column, name, word = spelled.assignment(text)
        if column not in found:
            raise MethodError(f"'--param {text}' names a method that --methods leaves out.")
        found[column] = spelled.assigned(found[column], name, word)
    return [
        Choice(choice.method, spelled.completed(choice, _pictures(choice.settings)))
        for choice in found.values()
    ]


def photo_classes(
    files: Sequence[str], given: Sequence[str], class_names: Sequence[str], none: str, what: str
) -> dict[str, int | None]:
    """The class of every photo by its name.

    Args:
        files: the photos' names.
        given: a class for all of them, or one for each.
        class_names: the model's.
        none: the word for which there is None.
        what: the classes are called in a sentence.

    Raises:
        ModelError: no such class, or another number of them than of photos.
    """
    if len(given) not in (1, len(files)):
        raise ModelError(
            f"{len(given)} {what} were given for {len(files)} photos: give one, or one for each."
        )
    known = [None if word == none else class_index(word, class_names) for word in given]
    return dict(zip(files, known * len(files) if len(known) == 1 else known, strict=True))


def photo_targets(arguments: argparse.Namespace, about: Facts) -> dict[str, int | None]:
    """The class of every photo by ``--target``; None for the predicted one.

    Raises:
        ModelError: as ``photo_classes``.
    """
    files = list(dict.fromkeys(arguments.photos))
    given = arguments.target or [AUTO]
    return photo_classes(files, given, about["class_names"], AUTO, "targets")


def kept_results(out: Path) -> Cache:
    """The results that a folder holds from before, and where further ones are kept."""
    return Cache(out / KEPT, disk_bytes=KEPT_BYTES, memory_bytes=LATEST_BYTES)


def _pictures(settings: Mapping[str, Any]) -> list[str]:
    """The words among settings that name a picture: a file that is there, or a sample."""
    given = [word for name in spelled.pictured() for word in spelled.words(settings.get(name))]
    return [word for word in given if word.startswith(SAMPLE) or Path(word).is_file()]
