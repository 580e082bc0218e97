"""A data set localised by the command, and the measures beside Quantus's.

``python -m benchmarks.localization --data tiny-imagenet-100`` runs ``localize`` over the
validation pictures in a process of its own, kills it when a part is done, and runs it again: what
was kept must not be computed again. It tells the time, how much of it passed outside of the
network (that is, not in making maps nor in asking the model), and the memory on the way. Negative
quadrants need composites, so that every picture is explained twice.

Then the measures that Quantus has are timed here and there on the same maps, and PxAP beside
scikit-learn's average precision, the sides taking turns; the scores are compared.

The exit status is 1 if a score differs more than its definition allows, or if work was done twice,
whatever the speed.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.load.watched import command
from benchmarks.options import begin, keep, parser
from benchmarks.timing import alternating, verdict
from xai_core.cli.asked import KEPT, chosen
from xai_core.composites import two_by_two
from xai_core.datasets import annotated
from xai_core.explainers import Panel
from xai_core.heatmaps import Floats, signed_map, upsample
from xai_core.localization import quadrant_objects
from xai_core.localization.gathering import LeftOut, Rule, gathered, in_turn
from xai_core.localization.scoring import QUADRANTS
from xai_core.measure_registry import MEASURES as TABLE
from xai_core.models import Classifier, load_classifier

MINUTES, OUTSIDE = 10.0, 0.15  # aims
KILLED_AT = 0.4  # of the results
# Of one or two passes each: S's first group, one of C's, one of A's.
METHODS = "group-1,fullgrad,lrp_epsilon"
MEASURES = f"pointing_game,stochastic_pointing_game,content_heatmap,pxap,box_iou,{QUADRANTS}"
LOOK_S = 0.05
SHOWN = 20  # every so many lines of the log
REPEAT = 5  # of every measure, the sides taking turns


def main() -> int:
    options = _options()
    begin(options)
    print(f"{options.model}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    found: dict[str, Any] = {}
    if options.pictures:
        found["run"] = interrupted_run(options)
    found["measures"], wrong = beside_others(options) if options.compared else ({}, [])
    if found.get("run", {}).get("twice"):
        wrong.append("work was done twice")
    print(f"\nWrong: {', '.join(wrong) or 'nothing'}")
    keep(options, {**found, "wrong": wrong})
    return 1 if wrong else 0


def _options() -> argparse.Namespace:
    words = parser(__doc__)
    add = words.add_argument
    add("--data", type=Path, required=True, help="the data set's folder")
    add("--model", default="vgg-tiny", help="(default: %(default)s)")
    add("--methods", default=METHODS, help="(default: %(default)s)")
    add("--measures", default=MEASURES, help="(default: %(default)s)")
    add("--pictures", type=int, default=3000, metavar="N", help="0: none (default: %(default)s)")
    add("--compared", type=int, default=60, metavar="N", help="pictures for the comparison")
    return words.parse_args()


# ------------------------------------------------------------------ the command


def interrupted_run(options: argparse.Namespace) -> dict[str, Any]:
    """Run the command, kill it, run it again, and tell."""
    measures = options.measures.split(",")
    columns = len(chosen(options.methods.split(","), [], None))
    expected = options.pictures * columns * (1 + (QUADRANTS in measures))
    with tempfile.TemporaryDirectory() as folder:
        out, results = Path(folder) / "out", Path(folder) / "out" / KEPT
        words = [
            *("localize", "--model", options.model, "--data", str(options.data)),
            *("--most", str(options.pictures), "--methods", options.methods, "--no-baselines"),
            *("--measures", ",".join(name for name in measures if name != QUADRANTS)),
            *(["--quadrants"] if QUADRANTS in measures else []),
            *("--out", str(out)),
        ]
        print(f"\n{'results':>10}{'s':>10}{'processor s':>14}{'network s':>12}{'MB':>8}")
        first = _run(words, Path(folder) / "first", KILLED_AT * expected)
        before = len(list(results.glob("*.npz")))
        print(f"killed; {before} of {expected} maps were scored and kept")
        second = _run(words, Path(folder) / "second")
        after = len(list(results.glob("*.npz")))
    if second[-1].get("status") != 0:
        raise SystemExit("localize failed.")
    return _told([first, second], before, after)


def _run(words: Sequence[str], log: Path, kill_at: float = float("inf")) -> list[dict[str, Any]]:
    """What a command wrote down; killed when it has so many results."""
    errors = log.with_suffix(".errors")
    process = get_context("spawn").Process(target=command, args=(words, str(log), str(errors)))
    process.start()
    lines: list[dict[str, Any]] = []
    while process.is_alive():
        process.join(LOOK_S)
        written = log.read_text(encoding="utf-8") if log.exists() else ""
        complete = [json.loads(line) for line in written.split("\n")[:-1]]
        for line in complete[len(lines) :]:
            if len(lines) % SHOWN == 0 or "status" in line:
                print(
                    f"{line['kept']:10}{line['seconds']:10.1f}{line['processor']:14.1f}"
                    f"{line['network']:12.1f}{line['megabytes']:8.0f}",
                    flush=True,
                )
            lines.append(line)
        if lines and lines[-1]["kept"] >= kill_at:
            process.kill()
            process.join()
    if not lines:
        raise SystemExit(errors.read_text(encoding="utf-8"))
    return lines


def _told(runs: Sequence[list[dict[str, Any]]], before: int, after: int) -> dict[str, Any]:
    """Print the sums of both runs, and whether the aims are met."""
    ends = [lines[-1] for lines in runs]
    seconds, processor, network = (
        sum(end[name] for end in ends) for name in ("seconds", "processor", "network")
    )
    outside = 1 - network / seconds
    word = "within" if outside <= OUTSIDE else "ABOVE"
    print(verdict("both runs", seconds, 60 * MINUTES), f"({processor:.0f} s of the processor)")
    print(f"outside of the network: {outside:.1%}, {word} the aim of {OUTSIDE:.0%}")
    scoring = [line for line in runs[1] if "status" not in line]
    taken, within = (scoring[-1][name] - scoring[0][name] for name in ("seconds", "network"))
    if taken:
        print(f"without starting, finding what was kept, and tables: {1 - within / taken:.1%}")
    held = [line["megabytes"] for line in scoring]
    early, late, tables = held[len(held) // 10], held[-1], ends[1]["megabytes"]
    print(
        f"memory of the second run: {early:.0f} MB after a tenth of its maps, {late:.0f} MB after "
        f"the last ({late - early:+.0f}), {tables:.0f} MB after the tables"
    )
    twice = before + ends[1]["kept"] - after
    print(f"kept before the kill and computed again: {twice}")
    sums = {"seconds": seconds, "processor": processor, "outside": outside}
    return {**sums, "grown": late - early, "twice": twice, "lines": runs}


# ------------------------------------------------------------------ the measures


def beside_others(options: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    """Time every measure that is elsewhere too, and compare the scores."""
    try:
        peers = importlib.import_module("benchmarks.peers.quantus")
    except ModuleNotFoundError as error:
        print(
            f"\nQuantus is left out: there is no module '{error.name}' "
            "(pip install -r benchmarks/requirements.txt)."
        )
        return {}, []
    clf = load_classifier(options.model)
    singles, composites = _given(clf, options, peers.Given)
    print(f"\n{len(singles.maps)} maps of {options.compared} pictures; milliseconds a map")
    print(f"{'':48}{'here':>8}{'there':>8}{'ratio':>8}{'apart by':>10}")
    found, wrong = {}, []
    for peer in peers.PEERS:
        given = composites if peer.measure == QUADRANTS else singles
        against = given.quadrants if peer.measure == QUADRANTS else given.masks
        here = partial(TABLE[peer.measure].function, given.maps, against)
        there = partial(peer.scores, given)
        taken = alternating({"here": here, "there": there}, REPEAT)
        ours, theirs = here(), there()
        defined = ~np.isnan(ours)
        apart = float(np.abs(peer.seen_as(ours) - theirs)[defined].max())
        each = {side: 1e3 * value / len(given.maps) for side, value in taken.items()}
        ratio = each["there"] / each["here"]
        title = f"{peer.measure}, {peer.title}"
        print(f"{title:48}{each['here']:8.3f}{each['there']:8.3f}{ratio:8.1f}{apart:10.0e}")
        if peer.note:
            print(f"    {peer.note}")
        if not apart <= peer.tolerance:
            wrong.append(title)
        undefined = int((~defined).sum())
        found[title] = {**each, "apart": apart, "undefined": undefined}
    return found, wrong


def _given(clf: Classifier, options: argparse.Namespace, made: Any) -> tuple[Any, Any]:
    """Maps of pictures, and of composites of four neighbours in the list."""
    rule = Rule(clf.class_names, clf.input_size, clf.crop, clf.squash)
    pictures = in_turn(annotated(options.data), LeftOut())
    some = list(gathered(pictures, rule, lambda images: [], LeftOut(), options.compared))
    methods = [choice.method for choice in chosen(options.methods.split(","), [], None)]
    singles: list[tuple[Any, ...]] = []
    composites: list[tuple[Any, ...]] = []
    for number, one in enumerate(some):
        x = clf.preprocess([one.image])
        singles += [
            (relevance, one.objects.mask, 0) for relevance in _maps(clf, x, one.target, methods)
        ]
        quadrant = number % 4
        four = [some[(number + place - quadrant) % len(some)].image for place in range(4)]
        pixels = two_by_two(four, clf.input_size, clf.crop, clf.resample, clf.squash)
        x = clf.network_input(torch.from_numpy(pixels)[None])
        mask = quadrant_objects(quadrant, clf.input_size).mask
        composites += [
            (relevance, mask, quadrant) for relevance in _maps(clf, x, one.target, methods)
        ]
    both = [[np.array(part) for part in zip(*rows, strict=True)] for rows in (singles, composites)]
    return made(*both[0]), made(*both[1])


def _maps(clf: Classifier, x: Tensor, target: int, methods: Sequence[str]) -> list[Floats]:
    """The positive parts of all methods' maps of one picture, [H, W] each."""
    panel = Panel(clf, x, target, {method: {} for method in methods})
    raw = [panel.explain(method).double().numpy() for method in methods]
    return [signed_map(upsample(one, clf.input_size), "positive")[0] for one in raw]


if __name__ == "__main__":
    sys.exit(main())
