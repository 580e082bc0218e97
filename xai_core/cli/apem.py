"""``apem``: how reliable are the heatmaps of many photos?"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from xai_core.cli.meter import duration
from xai_core.cli.options import Commands, add_command, add_maps, add_photos, words
from xai_core.cli.photo_sets import add_data, check_least, photo_set
from xai_core.errors import ModelError

if TYPE_CHECKING:
    from xai_core.cli.measuring import Plan


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
    add_data(parser.add_argument_group("pictures"))
    _add_metric(parser.add_argument_group("metric"))


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
    check_least(arguments, shuffles=0, eps_max=1)
    asked = asked_by(arguments)
    if arguments.data is not None and arguments.target:
        raise ModelError("--target is for photos; of --data the predicted classes are explained.")
    photos = photo_set(arguments, asked.about)
    targets = photo_targets(arguments, asked.about)
    return Plan(
        asked=asked.among([name for name, _ in photos.files]),
        photos=photos,
        targets={name: target for name, target in targets.items() if target is not None},
        metric=Metric(tuple(stages), arguments.shuffles, arguments.seed, arguments.eps_max),
    )
