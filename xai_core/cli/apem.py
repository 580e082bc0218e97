"""``apem``: how reliable are the heatmaps of many photos?"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xai_core.cli.meter import duration
from xai_core.cli.options import Commands, add_command, add_maps, add_photos, words
from xai_core.errors import MethodError, ModelError, XaiError

if TYPE_CHECKING:
    from xai_core.cli.measuring import Plan
    from xai_core.cli.subjects import Facts


def add_to(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = add_command(
        commands,
        "apem",
        run,
        "measure how reliable heatmaps are: steps along them, and around them, to another class",
        " (APEM). Writes apem.csv, summary.csv, pairwise.csv, correlations.csv, figures as .png, "
        ".svg and .pdf, and run.json. Numbers that DIR already holds are not computed again.",
    )
    add_photos(parser, "*")
    add_maps(parser)
    _add_pictures(parser.add_argument_group("pictures"))
    _add_metric(parser.add_argument_group("metric"))


def _add_pictures(group: Any) -> None:
    group.add_argument(
        "--data",
        type=Path,
        metavar="FOLDER",
        help="a data set: one folder a class, pictures alone, or the layout of Tiny-ImageNet or "
        "ImageNet (their validation pictures), PASCAL-VOC or COCO",
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
    from xai_core.cli.asked import kept_results
    from xai_core.cli.measuring import measured
    from xai_core.cli.reliability import report, write

    began = time.perf_counter()
    plan = _planned(arguments)
    arguments.out.mkdir(parents=True, exist_ok=True)
    cache = kept_results(arguments.out)
    plan = replace(plan, asked=plan.asked.working(cache))
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
    from xai_core.cli.asked import asked_by, photo_targets
    from xai_core.cli.measuring import Plan
    from xai_core.heatmaps import check_stage
    from xai_core.tasks import Metric

    stages = words(arguments.stages)
    for stage in stages:
        check_stage(stage)
    for name, least in (("shuffles", 0), ("eps_max", 1), ("right", 0), ("wrong", 0)):
        value = getattr(arguments, name)
        if value is not None and value < least:
            option = name.replace("_", "-")
            raise MethodError(f"--{option} must be at least {least}, not {value}.")
    asked = asked_by(arguments)
    files = _files(arguments, asked.about)
    targets = photo_targets(arguments, asked.about)
    return Plan(
        asked=asked.among([name for name, _ in files]),
        files=files,
        targets={name: target for name, target in targets.items() if target is not None},
        data=arguments.data,
        right=arguments.right,
        wrong=arguments.wrong,
        metric=Metric(tuple(stages), arguments.shuffles, arguments.seed, arguments.eps_max),
    )


def _files(arguments: argparse.Namespace, about: Facts) -> list[tuple[str, int | None]]:
    """Every picture's name with its true class, None if unknown."""
    from xai_core.cli.asked import photo_classes
    from xai_core.datasets import labelled
    from xai_core.provenance import UNKNOWN

    if (arguments.data is None) == (not arguments.photos):
        raise XaiError("Name photos, or a data set by --data; one of the two.")
    if arguments.data is None:
        for option in ("right", "wrong"):
            if getattr(arguments, option) is not None:
                raise XaiError(f"--{option} is for --data; of photos, name those that you want.")
        files = list(dict.fromkeys(arguments.photos))
        given = arguments.true or [UNKNOWN]
        true = photo_classes(files, given, about["class_names"], UNKNOWN, "true classes")
        return list(true.items())
    if arguments.true:
        raise ModelError("--true is for photos; the classes of --data are its folders' names.")
    if arguments.target:
        raise ModelError("--target is for photos; of --data the predicted classes are explained.")
    return [(str(path), true) for path, true in labelled(arguments.data, about["class_names"])]
