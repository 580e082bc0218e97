"""``apem``: how reliable are the heatmaps of many photos?"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xai_core.cli.meter import Meter, duration
from xai_core.cli.options import (
    add_methods,
    add_model,
    chosen,
    given_facts,
    kept_results,
    load_model,
    picture_files,
    working,
)
from xai_core.cli.photos import Maps, Photo, read_file, read_photo
from xai_core.errors import ImageError, MethodError, ModelError, XaiError

if TYPE_CHECKING:
    import pandas as pd
    from PIL import Image

    from xai_core.cache import Cache
    from xai_core.explainers.choices import Choice
    from xai_core.models import Classifier


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    text = "measure how reliable heatmaps are: steps along them, and around them, to another class"
    parser = commands.add_parser(
        "apem",
        help=text,
        description=text.capitalize() + " (APEM). Writes apem.csv, summary.csv, pairwise.csv, "
        "correlations.csv, figures as .png, .svg and .pdf, and run.json. Numbers that DIR "
        "already holds are not computed again.",
    )
    parser.add_argument("photos", nargs="*", metavar="PHOTO", help="a file, or sample:NAME")
    add_model(parser)
    add_methods(parser, with_target=False)
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="where to write")
    _add_pictures(parser.add_argument_group("pictures"))
    _add_metric(parser.add_argument_group("metric"))
    parser.set_defaults(run=run)


def _add_pictures(group: Any) -> None:
    group.add_argument(
        "--data",
        type=Path,
        metavar="FOLDER",
        help="a data set: Tiny-ImageNet's layout (its validation pictures), one folder a class, "
        "or pictures alone",
    )
    group.add_argument(
        "--true",
        action="append",
        metavar="CLASS",
        help="true class of the photos, by name, by number, or by both as in 474-cardigan, or "
        "unknown (the default); given once, or once for every photo",
    )
    for name, word in (("right", "rightly"), ("wrong", "wrongly")):
        group.add_argument(
            f"--{name}",
            type=int,
            metavar="N",
            help=f"at most so many pictures of --data that are {word} classified (default: all)",
        )


def _add_metric(group: Any) -> None:
    group.add_argument(
        "--stages",
        default="channels,map,map*image",
        metavar="NAMES",
        help="with commas between (default: %(default)s)",
    )
    group.add_argument(
        "--shuffles",
        type=int,
        default=10,
        metavar="N",
        help="shuffled maps for the normalised metric; 0 leaves it out (default: %(default)s)",
    )
    group.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of the shuffles (default: %(default)s)"
    )
    group.add_argument(
        "--eps-max",
        type=int,
        default=2000,
        metavar="N",
        help="most steps; a map that needs more is censored (default: %(default)s)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Measure what is missing, then write everything; 1 if a photo or a method failed."""
    from xai_core.cli.reliability import report, write

    began = time.perf_counter()
    plan = _planned(arguments)
    arguments.out.mkdir(parents=True, exist_ok=True)
    measuring = Measuring(plan, kept_results(arguments.out))
    table = measuring.table()
    seconds = time.perf_counter() - began
    write(plan, table, arguments.out, seconds)
    print(report(table))
    print(f"Took {duration(seconds)}.")
    problems = table[table.problem != ""]
    for row in problems[["method", "problem"]].drop_duplicates().itertuples():
        print(f"{row.method}: {row.problem}", file=sys.stderr)
    return 1 if measuring.failures or len(problems) else 0


@dataclass(frozen=True)
class Plan:
    """Everything that decides the numbers.

    Attributes:
        clf: the classifier.
        source: what ``--model`` said.
        options: facts about a checkpoint, as options and their words.
        files: every picture's name with its true class, None if unknown.
        data: the data set's folder, or None.
        right: most pictures of the data set that are classified rightly; None for all.
        wrong: the same for wrongly.
        choices: the methods, with all their settings.
        pictures: what the words among their settings mean that stand for pictures.
        stages: which stages of each map.
        shuffles: shuffled maps.
        seed: of the shuffles.
        eps_max: the most steps.
    """

    clf: Classifier
    source: str
    options: dict[str, str]
    files: Sequence[tuple[str, int | None]]
    data: Path | None
    right: int | None
    wrong: int | None
    choices: Sequence[Choice]
    pictures: dict[str, Image.Image]
    stages: Sequence[str]
    shuffles: int
    seed: int
    eps_max: int


def _planned(arguments: argparse.Namespace) -> Plan:
    """What is asked for.

    Raises:
        XaiError: it cannot be done; nothing has been written then.
    """
    from xai_core.explainers.presets import EVERYTHING
    from xai_core.heatmaps import check_stage

    stages = list(dict.fromkeys(word.strip() for word in arguments.stages.split(",")))
    for stage in stages:
        check_stage(stage)
    for name, least in (("shuffles", 0), ("eps_max", 1), ("right", 0), ("wrong", 0)):
        value = getattr(arguments, name)
        if value is not None and value < least:
            option = name.replace("_", "-")
            raise MethodError(f"--{option} must be at least {least}, not {value}.")
    words = [word.strip() for word in arguments.methods.split(",")]
    choices = chosen(words, arguments.param, arguments.layer)
    clf = load_model(arguments)
    if EVERYTHING in words:
        choices = working(clf, choices)
    named = {word for choice in choices for word in picture_files(choice.settings)}
    return Plan(
        clf=clf,
        source=arguments.model,
        options=given_facts(arguments),
        files=_files(clf, arguments),
        data=arguments.data,
        right=arguments.right,
        wrong=arguments.wrong,
        choices=choices,
        pictures={word: read_file(word) for word in sorted(named)},
        stages=stages,
        shuffles=arguments.shuffles,
        seed=arguments.seed,
        eps_max=arguments.eps_max,
    )


def _files(clf: Classifier, arguments: argparse.Namespace) -> list[tuple[str, int | None]]:
    from xai_core.datasets import labelled
    from xai_core.provenance import UNKNOWN

    if (arguments.data is None) == (not arguments.photos):
        raise XaiError("Name photos, or a data set by --data; one of the two.")
    if arguments.data is None:
        for option in ("right", "wrong"):
            if getattr(arguments, option) is not None:
                raise XaiError(f"--{option} is for --data; of photos, name those that you want.")
        files = list(dict.fromkeys(arguments.photos))
        words = arguments.true or [UNKNOWN]
        if len(words) not in (1, len(files)):
            raise ModelError(
                f"{len(words)} true classes were given for {len(files)} photos: give one, or one "
                "for each."
            )
        known = [None if word == UNKNOWN else clf.class_index(word) for word in words]
        return list(zip(files, known * len(files) if len(known) == 1 else known, strict=True))
    if arguments.true:
        raise ModelError("--true is for photos; the classes of --data are its folders' names.")
    return [(str(path), true) for path, true in labelled(arguments.data, clf.class_names)]


class Measuring:
    """The table of a plan: what is kept from before, and the rest.

    Args:
        plan: what is asked for.
        cache: where numbers are looked up and kept.

    Attributes:
        failures: pictures that could not be read, so far.
    """

    def __init__(self, plan: Plan, cache: Cache) -> None:
        from xai_core.images import image_hash

        self.plan, self.failures, self._cache = plan, 0, cache
        self._hashes = {word: {"picture": image_hash(one)} for word, one in plan.pictures.items()}

    def table(self) -> pd.DataFrame:
        """Every number, one row a picture, method and stage.

        Raises:
            XaiError: no picture can be measured.
        """
        from xai_core.apem.one_picture import picture_facts
        from xai_core.apem.summary import as_table

        rows: list[dict[str, Any]] = []
        costs = [1.0] * self._expected()
        meter, seen = Meter(costs), {True: 0, False: 0, None: 0}
        limits = {True: self.plan.right, False: self.plan.wrong, None: None}
        for photo, true in self._photos(meter):
            facts = picture_facts(self.plan.clf, photo.x, true)
            limit = limits[facts["correct"]]
            if limit is not None and seen[facts["correct"]] >= limit:
                if self._full(seen):
                    break
                continue
            seen[facts["correct"]] += 1
            if sum(seen.values()) > len(costs):
                costs.append(1.0)
            head = {"image": photo.name, "image_hash": photo.hash, **facts}
            rows += [{**head, **row} for row in self._rows(photo, meter)]
        if not rows:
            raise XaiError("Nothing could be measured.")
        return as_table(rows)

    def _expected(self) -> int:
        count = len(self.plan.files)
        if self.plan.right is None or self.plan.wrong is None:
            return count
        return min(count, self.plan.right + self.plan.wrong)

    def _full(self, seen: dict[bool | None, int]) -> bool:
        right, wrong = self.plan.right, self.plan.wrong
        return (
            right is not None and wrong is not None and seen[True] >= right and seen[False] >= wrong
        )

    def _photos(self, meter: Meter) -> Iterator[tuple[Photo, int | None]]:
        for name, true in self.plan.files:
            try:
                yield read_photo(self.plan.clf, name, None), true
            except ImageError as error:
                meter.say(str(error))
                meter.drop(1)
                self.failures += 1

    def _rows(self, photo: Photo, meter: Meter) -> list[dict[str, Any]]:
        """Of all methods, from the cache if they are there, else measured and kept."""
        from xai_core.apem.one_picture import picture_rows
        from xai_core.cache import Result

        plan = self.plan
        keys = {choice.id: self._key(choice, photo) for choice in plan.choices}
        # One that is damaged counts as missing; what cannot be kept still has its rows.
        kept = {name: self._cache.get(key) for name, key in keys.items()}
        rows = {name: one.facts["rows"] for name, one in kept.items() if one is not None}
        missing = [choice for choice in plan.choices if choice.id not in rows]
        if not missing:
            meter.skip(f"{photo.name}, already there")
        else:
            with meter.step(photo.name):
                maps, problems = self._maps(photo, missing)
                options = {"shuffles": plan.shuffles, "seed": plan.seed, "eps_max": plan.eps_max}
                found = picture_rows(plan.clf, photo.x, maps, plan.stages, **options)
                for name in (choice.id for choice in missing):
                    own = [row for row in found if row["method"] == name]
                    own = own or [refused(name, stage, problems[name]) for stage in plan.stages]
                    self._cache.put(keys[name], Result(facts={"rows": own}))
                    rows[name] = own
        return [row for name in keys for row in rows[name]]

    def _maps(
        self, photo: Photo, choices: Sequence[Choice]
    ) -> tuple[dict[str, Any], dict[str, str]]:
        """Raw relevance by column, and why there is none."""
        computed = Maps(self.plan.clf, photo, choices, self.plan.pictures)
        maps, problems = {}, {}
        for choice in choices:
            try:
                maps[choice.id], _ = computed.relevance(choice)
            except (MethodError, ModelError) as error:
                problems[choice.id] = str(error)
        return maps, problems

    def _key(self, choice: Choice, photo: Photo) -> str:
        from xai_core.cache import content_key
        from xai_core.explainers.choices import replaced

        plan, settings = self.plan, replaced(choice.settings, self._hashes)
        metric = [list(plan.stages), plan.shuffles, plan.seed, plan.eps_max]
        facts = [plan.clf.fingerprint, photo.hash, photo.target, choice.method, settings, metric]
        return content_key("apem", choice.id, *facts)


def refused(method: str, stage: str, problem: str) -> dict[str, Any]:
    """The row of a method that gave no map."""
    from xai_core.apem.one_picture import COLUMNS

    return {**dict.fromkeys(COLUMNS), "method": method, "stage": stage, "problem": problem}
