"""``study new`` and ``study publish``: a study from a design file and photos, without a browser."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xai_core.cli.options import Commands, add_command, add_maps, add_methods_from
from xai_core.cli.study.database import opened_store
from xai_core.errors import ImageError, StudyError

if TYPE_CHECKING:
    from xai_core.study import Design, Store, StudyPicture, Version

ADDRESS = "/take-part?study="
MIME = "image/png"


def add_to(commands: Commands) -> None:
    """Add the sub-commands to the parser."""
    text = "begin a study, to be designed in the browser"
    new = add_command(commands, "new", run_new, text)
    new.add_argument("name", metavar="NAME", help="for researchers; participants never see it")
    publish = add_command(
        commands,
        "publish",
        run_publish,
        "draw every picture of a design, and publish it",
        " as a new study, or as a new version of one. A design is a JSON file with the parts of "
        "xai_core.study.Design; what it leaves out is as usual. What was drawn before is not drawn "
        "again.",
    )
    publish.add_argument("design", type=Path, metavar="DESIGN.json", help="the design")
    publish.add_argument(
        "--images",
        type=Path,
        metavar="DIR",
        help="folder of the pictures, which the design names as files in it; without it, the "
        "pictures must be kept already, or be named sample:NAME",
    )
    add_maps(publish)
    add_methods_from(publish)
    publish.add_argument("--study", metavar="STUDY", help="publish as a new version of this one")
    publish.add_argument("--name", help="of a new study, for researchers (default: the title)")
    publish.add_argument(
        "--keep-classes",
        action="store_true",
        help="true classes that no model has stay as they are written, also those that are almost "
        "a class of a model",
    )
    publish.add_argument(
        "--preview", action="store_true", help="for researchers alone, to try it first"
    )


def run_new(arguments: argparse.Namespace) -> int:
    """Begin a study and print its name in addresses."""
    with opened_store() as store:
        print(store.create(arguments.name))
    return 0


def run_publish(arguments: argparse.Namespace) -> int:
    """Publish a design and print the path of its link.

    Raises:
        StudyError: the design cannot be read or published, or a true class may mean a model's.
        ImageError: a picture cannot be read.
    """
    from xai_core.study.cautions import cautions
    from xai_core.study.problems import problems

    with opened_store() as store:
        design = with_originals(read_design(arguments.design), arguments.images, store)
        design = with_maps(design, arguments, store)
        if found := problems(design):
            raise StudyError(" ".join(found))
        _say(cautions(design))
        if arguments.study is not None:
            store.draft(arguments.study)  # raises where there is none, before anything is drawn
        rendered = _drawn(design, lambda asset: store.asset(asset)[0], arguments.keep_classes)
        slug = arguments.study or store.create(arguments.name or design.title)
        if not (arguments.study and arguments.preview):
            store.save_draft(slug, design)
        made: Version = store.publish(slug, design, *rendered, preview=arguments.preview)
    what = "Preview" if arguments.preview else f"Version {made.number}"
    print(f"{what} of study {slug}: {ADDRESS}{slug}{'&preview=1' if arguments.preview else ''}")
    return 0


def read_design(path: Path) -> Design:
    """A design from its file; a picture whose original is not kept yet needs no ``asset``.

    Raises:
        StudyError: it is no design.
    """
    from xai_core.study import Design

    try:
        data = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise StudyError(f"{path.name} is not a JSON file.") from error
    pictures = data.get("pictures") if isinstance(data, dict) else None
    if isinstance(pictures, list) and all(isinstance(each, dict) for each in pictures):
        data = {**data, "pictures": [{"asset": "", **each} for each in pictures]}
    return Design.from_json(data)


def with_originals(design: Design, folder: Path | None, store: Store) -> Design:
    """The design with every picture's original kept in the store.

    Raises:
        ImageError: a picture cannot be read, or lies outside the folder.
        StudyError: a picture has no original.
    """
    pictures = []
    for picture in design.pictures:
        content = _content(picture, folder)
        asset = picture.asset if content is None else store.keep_asset(content, MIME)
        store.asset(asset)  # raises where it is not kept
        pictures.append(replace(picture, asset=asset))
    return replace(design, pictures=tuple(pictures))


def with_maps(design: Design, arguments: argparse.Namespace, store: Store) -> Design:
    """The design with the maps of ``--maps`` kept in the store, for conditions that name them.

    Raises:
        MapError: they cannot be read.
        StudyError: a condition without a model has no maps, or no condition names some.
    """
    from xai_core.cli.asked import own_maps, take_methods
    from xai_core.study.own_conditions import condition_of, files_of

    take_methods(arguments)
    given = {own.id: own for own in own_maps(arguments)}
    conditions = []
    for condition in design.conditions:
        if condition.model or files_of(condition):
            conditions.append(condition)
        elif condition.method not in given:
            raise StudyError(f"Say by --maps where the maps of “{condition.title}” are.")
        else:
            made = condition_of(given.pop(condition.method), condition.id, store.keep_asset)
            conditions.append(replace(made, title=condition.title))
    if given:
        raise StudyError(f"No condition of the design has the method “{next(iter(given))}”.")
    return replace(design, conditions=tuple(conditions))


def _content(picture: StudyPicture, folder: Path | None) -> bytes | None:
    """The original to keep; None where the design says that it is kept already."""
    from xai_core.images import SAMPLE, read_source
    from xai_core.study.field_of_view import original_png

    if picture.asset:
        return None
    if picture.name.startswith(SAMPLE):
        return original_png(read_source(picture.name))
    if folder is None:
        raise StudyError(f"Say by --images where the picture “{picture.name}” lies.")
    path = folder / picture.name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise ImageError(f"The picture “{picture.name}” lies outside the folder {folder}.")
    return original_png(read_source(str(path)))


def _say(sentences: Iterable[str]) -> None:
    for sentence in sentences:
        print(sentence, file=sys.stderr)


def _check_classes(design: Design, facts: Mapping[str, Mapping[str, Any]], keep: bool) -> None:
    """Say which true classes a model does not have.

    Args:
        design: the study.
        facts: of its models by condition.
        keep: whether those that are almost a class of a model are meant as they are written.

    Raises:
        StudyError: one is almost a class of a model, and nobody has said that it is not meant.
    """
    from xai_core import tasks

    near = {} if keep else tasks.near_misses(design, facts.values())
    if near:
        asked = "; ".join(f"“{name}” ({', '.join(near[name])})" for name in near)
        raise StudyError(
            f"No model has these true classes, but similar ones: {asked}. Write into the design "
            "which are meant, or keep your own words by --keep-classes."
        )
    _say(
        f"{one} Its prediction counts as wrong there."
        for one in tasks.unknown_classes(design, facts)
    )


def _drawn(design: Design, original: Callable[[str], bytes], keep_classes: bool) -> tuple[Any, Any]:
    """Every picture, and every prediction; what is in the cache is not computed again."""
    from xai_core import tasks
    from xai_core.cache import Cache
    from xai_core.cli.meter import Meter
    from xai_core.jobs.here import results_of

    cache = Cache()
    described = {each.id: tasks.describe(each.model) for each in design.with_models}
    known = results_of(list(described.values()), cache)
    facts = {name: known[task.key].facts for name, task in described.items()}
    _check_classes(design, facts, keep_classes)
    asked = tasks.study_pictures(design, facts, original)
    meter = Meter([task.cost for task in asked.values()])
    results = results_of(list(asked.values()), cache, meter)
    return tasks.study_rendered(design, facts, asked, results)
