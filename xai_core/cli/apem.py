"""``apem``: how reliable are the heatmaps of many photos?"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xai_core.cli.meter import duration
from xai_core.cli.options import (
    add_methods,
    add_model,
    chosen,
    class_targets,
    described,
    kept_results,
    model_facts,
    model_keywords,
    working,
)
from xai_core.errors import MethodError, ModelError, XaiError

if TYPE_CHECKING:
    from xai_core.cli.measuring import Plan


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
    add_methods(parser)
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
    from xai_core.cli.measuring import measured
    from xai_core.cli.reliability import report, write
    from xai_core.explainers.presets import EVERYTHING

    began = time.perf_counter()
    plan = _planned(arguments)
    arguments.out.mkdir(parents=True, exist_ok=True)
    cache = kept_results(arguments.out)
    if EVERYTHING in _words(arguments.methods):
        kept = working(plan.model, plan.about["fingerprint"], plan.choices, cache)
        plan = replace(plan, choices=kept)
    table, unread = measured(plan, cache)
    seconds = time.perf_counter() - began
    write(plan, table, arguments.out, seconds)
    print(report(table))
    print(f"Took {duration(seconds)}.")
    problems = table[table.problem != ""]
    for row in problems[["method", "problem"]].drop_duplicates().itertuples():
        print(f"{row.method}: {row.problem}", file=sys.stderr)
    return 1 if unread or len(problems) else 0


def _planned(arguments: argparse.Namespace) -> Plan:
    """What is asked for.

    Raises:
        XaiError: it cannot be done; nothing has been written then.
    """
    from xai_core.cli.measuring import Plan
    from xai_core.cli.subjects import setting_pictures
    from xai_core.heatmaps import check_stage
    from xai_core.tasks import Metric

    stages = _words(arguments.stages)
    for stage in stages:
        check_stage(stage)
    for name, least in (("shuffles", 0), ("eps_max", 1), ("right", 0), ("wrong", 0)):
        value = getattr(arguments, name)
        if value is not None and value < least:
            option = name.replace("_", "-")
            raise MethodError(f"--{option} must be at least {least}, not {value}.")
    choices = chosen(_words(arguments.methods), arguments.param, arguments.layer)
    model = model_keywords(arguments)
    about = described(model)
    files = _files(about["class_names"], arguments)
    return Plan(
        model=model,
        about=about,
        recorded=model_facts(arguments, about),
        files=files,
        targets=_targets(about["class_names"], files, arguments),
        data=arguments.data,
        right=arguments.right,
        wrong=arguments.wrong,
        choices=choices,
        pictures=setting_pictures(choices, about),
        metric=Metric(tuple(stages), arguments.shuffles, arguments.seed, arguments.eps_max),
    )


def _words(text: str) -> list[str]:
    return list(dict.fromkeys(word.strip() for word in text.split(",")))


def _files(
    class_names: Sequence[str], arguments: argparse.Namespace
) -> list[tuple[str, int | None]]:
    from xai_core.classes import class_index
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
        known = [None if word == UNKNOWN else class_index(word, class_names) for word in words]
        return list(zip(files, known * len(files) if len(known) == 1 else known, strict=True))
    if arguments.true:
        raise ModelError("--true is for photos; the classes of --data are its folders' names.")
    if arguments.target:
        raise ModelError("--target is for photos; of --data the predicted classes are explained.")
    return [(str(path), true) for path, true in labelled(arguments.data, class_names)]


def _targets(
    class_names: Sequence[str],
    files: Sequence[tuple[str, int | None]],
    arguments: argparse.Namespace,
) -> dict[str, int]:
    """The explained class of the photos for which one is given, by their names."""
    if not arguments.target:
        return {}
    targets = class_targets(class_names, arguments.target, len(files))
    given = zip(files, targets, strict=True)
    return {name: target for (name, _), target in given if target is not None}
