"""What the options that several commands share ask for: a model, methods, classes of photos."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from xai_core import tasks
from xai_core.cache import Cache
from xai_core.classes import class_index, class_titles
from xai_core.cli.options import given_facts, model_keywords, words
from xai_core.cli.subjects import SAMPLE, Facts, Photo, Targeted, complain, read_photo
from xai_core.errors import MethodError, ModelError
from xai_core.explainers import choices as spelled
from xai_core.explainers import method
from xai_core.explainers.choices import Choice
from xai_core.explainers.presets import EVERYTHING, expanded
from xai_core.jobs import Task
from xai_core.jobs.here import results_of
from xai_core.models import Classifier
from xai_core.provenance import ModelFacts
from xai_core.tasks.models import classifier

KEPT, KEPT_BYTES = ".results", 2**40
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
    """

    model: tasks.Model
    about: Facts
    recorded: ModelFacts
    choices: Sequence[Choice]
    pictures: Mapping[str, tasks.Subject]
    everything: bool

    @property
    def loaded(self) -> tuple[tasks.Model, str]:
        """The model's keywords and fingerprint, as tasks are given them."""
        return self.model, self.about["fingerprint"]

    def working(self, cache: Cache) -> Asked:
        """The same with the methods that work on the model; others are named as left out."""
        if not self.everything:
            return self
        asked = {c.method: tasks.support(*self.loaded, c.method) for c in self.choices}
        known = results_of(list(asked.values()), cache)
        refusals = {name: known[task.key].facts["refusal"] for name, task in asked.items()}
        for name, text in refusals.items():
            if text:
                complain(f"{name} is left out: {text}")
        return replace(self, choices=[c for c in self.choices if not refusals[c.method]])

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
    ids = words(arguments.methods)
    choices = chosen(ids, arguments.param, arguments.layer)
    model = model_keywords(arguments)
    about = described(model)
    recorded = ModelFacts(
        *(arguments.model, about["fingerprint"], about["class_names"], given_facts(arguments)),
        *(about["outputs"], about["notes"]),
    )
    pictures = sorted({word for choice in choices for word in _pictures(choice.settings)})
    subjects = {word: read_photo(word, about).subject(0) for word in pictures}
    return Asked(model, about, recorded, choices, subjects, EVERYTHING in ids)


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
    return Cache(out / KEPT, disk_bytes=KEPT_BYTES, memory_bytes=0)


def _pictures(settings: Mapping[str, Any]) -> list[str]:
    """The words among settings that name a picture: a file that is there, or a sample."""
    given = [word for name in spelled.pictured() for word in spelled.words(settings.get(name))]
    return [word for word in given if word.startswith(SAMPLE) or Path(word).is_file()]
