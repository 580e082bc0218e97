"""``sanity-check``: do the heatmaps notice when the model loses what it learnt?"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from xai_core.cli.meter import Meter, duration
from xai_core.cli.options import Commands, add_command, add_photos

if TYPE_CHECKING:
    from xai_core.cache import Cache
    from xai_core.jobs import Task
    from xai_core.tasks import Inquiry, SweepResults


def add_to(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = add_command(
        commands,
        "sanity-check",
        run,
        "find out whether heatmaps notice that the model's weights are lost",
        ", layer by layer. Writes sanity.csv, curves.csv, verdicts.csv, curves.png, .svg and "
        ".pdf, heatmaps/*/*.png, maps.npz and run.json. Maps and scores that DIR already holds "
        "are not computed again.",
    )
    add_photos(parser)
    _add_networks(parser.add_argument_group("networks"))
    _add_comparison(parser.add_argument_group("comparison"))


def _add_networks(group: Any) -> None:
    group.add_argument(
        "--tests",
        default="cascading",
        metavar="NAMES",
        help="with commas between: cascading (one layer after the other), independent (one layer "
        "alone), labels (another model, trained on permuted labels) (default: %(default)s)",
    )
    group.add_argument(
        "--start",
        default="output",
        metavar="END",
        help="count layers from the output or the input (default: %(default)s)",
    )
    group.add_argument(
        "--init",
        default="default",
        metavar="NAME",
        help="new weights: default (as the layer begins its training), he_normal, or permute "
        "(the trained values, shuffled) (default: %(default)s)",
    )
    group.add_argument(
        "--seeds", type=int, default=5, metavar="N", help="how many (default: %(default)s)"
    )
    group.add_argument(
        "--target-class",
        default="published",
        metavar="NAME",
        help="the class that a destroyed network explains: fixed (the trained network's, which "
        "--target names), predicted (its own prediction), or published (predicted for LRP-αβ and "
        "RAP, as in the code that Nuzzo 2020 used for them, else fixed) (default: %(default)s)",
    )
    group.add_argument(
        "--other",
        metavar="ID|FILE",
        help="the second model for labels, whose facts, if it does not hold them itself, are "
        "those of --model (default: MODEL-permuted-labels, if there is one)",
    )


def _add_comparison(group: Any) -> None:
    group.add_argument(
        "--measures",
        default="ssim,spearman,spearman_absolute",
        metavar="NAMES",
        help="with commas between; also hog and complexity (default: %(default)s)",
    )
    group.add_argument(
        "--show",
        default="all,positive,absolute",
        metavar="NAMES",
        help="relevance that is compared, with commas between (default: %(default)s)",
    )
    group.add_argument(
        "--smooth",
        type=int,
        default=0,
        metavar="COPIES",
        help="average every map over noisy copies of the photo, the last without noise; 50 in "
        "Hedström et al. 2024, at least 2 (default: 0, off)",
    )
    group.add_argument(
        "--smooth-sigma",
        type=float,
        default=0.1,
        metavar="SHARE",
        help="their noise, in shares of the photo's range (default: %(default)s)",
    )
    group.add_argument(
        "--fails",
        type=float,
        default=0.95,
        metavar="SSIM",
        help="similarity from which a method fails when the layer at the output alone is new; "
        "for labels likewise (default: %(default)s)",
    )
    group.add_argument(
        "--weak", type=float, default=0.80, metavar="SSIM", help="(default: %(default)s)"
    )
    switch = {"action": argparse.BooleanOptionalAction, "default": True}
    text = "add an edge detector and random maps to the methods (default: yes)"
    group.add_argument("--controls", **switch, help=text)
    group.add_argument("--maps", **switch, help="write all maps to maps.npz (default: yes)")


def run(arguments: argparse.Namespace) -> int:
    """Compute what is missing, then write everything; 1 if a photo or a method failed."""
    from xai_core.cli.asked import kept_results
    from xai_core.cli.findings import Findings
    from xai_core.cli.plan import planned
    from xai_core.files import write_file

    began = time.perf_counter()
    out = arguments.out
    cache = kept_results(out)
    plan = planned(arguments, cache)
    out.mkdir(parents=True, exist_ok=True)
    sweeps, earlier = _computed(plan.inquiries, cache)
    findings = Findings(plan, sweeps, cache)
    for name, data in findings.files():
        write_file(out / name, data)
    if arguments.maps:
        findings.write_maps(out / "maps.npz")
    for sentence in findings.problems:
        print(sentence, file=sys.stderr)
    now = time.perf_counter() - began
    seconds = {"all": round(earlier + now, 1), "now": round(now, 1)}
    run_json = findings.run(arguments.maps).run_json(str(out), seconds=seconds)
    write_file(out / "run.json", run_json)
    print(findings.report())
    parts = f", {duration(now)} of them now" if earlier else ""
    print(f"Took {duration(earlier + now)}{parts}.")
    unread = len(set(arguments.photos)) - len(plan.photos)
    return 1 if unread or findings.problems else 0


def _computed(inquiries: Sequence[Inquiry], cache: Cache) -> tuple[list[SweepResults], float]:
    """What is known when everything is computed; and the seconds that all before took.

    Raises:
        XaiError: a network cannot be explained at all.
    """
    from xai_core.jobs.here import results_of
    from xai_core.randomization.stored_maps import SECONDS
    from xai_core.tasks import SweepResults

    facts: dict[str, Mapping[str, Any]] = {}  # of all tests, which share networks
    sweeps = [SweepResults(inquiry, facts) for inquiry in inquiries]
    tasks: dict[str, Task] = {}
    asked: set[str] = set()
    for sweep in sweeps:
        sweep.read(cache)
        for task in sweep.inquiry.tasks({*facts, *asked}.__contains__):
            tasks[task.key] = task
            asked |= {key for keys in task.arguments["keys"].values() for key in keys}
    earlier = sum(float(one[SECONDS]) for one in facts.values())
    if facts:
        print(f"{len(facts)} of {len(facts) + len(asked)} maps are there.", file=sys.stderr)

    def finish(some: Iterable[Task], meter: Meter) -> None:
        for result in results_of(list(some), cache, meter).values():
            sweeps[0].add(result.facts["parts"])

    finish(tasks.values(), Meter([task.cost for task in tasks.values()]))
    further = [(one, maps) for one in inquiries for maps in one.lacking(facts)]
    meter = Meter([float(len(maps)) for _, maps in further])
    for inquiry, maps in further:  # one by one, because each of these tasks holds all its maps
        again = inquiry.scoring(maps, cache)
        finish([] if again is None else [again], meter)
    return sweeps, earlier
