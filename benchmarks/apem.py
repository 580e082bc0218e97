"""The metric and the filter here and in literal loops: ``python -m benchmarks.apem``.

The loops are the definitions: one map, one question to the network a time, 1, 2, 3... steps
until the class changes. First the metric, of the sample pictures that change class within so
many steps. Then the filter, which measures thousands of maps: the loop walks a map rounded to a
few levels. Of the whole map our approximation is measured, and what the loop would take is
estimated from the way: its questions, times the seconds of one; ``--levels 0`` has the loop walk
the whole map instead, for half an hour or more. Last, how the metric grows with the picture's
side and with the number of steps. All results of the sides are compared.

The exit status is 1 if a result differs that is no approximation, whatever the speed.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any
from unittest import mock

import torch
from torch import Tensor
from torchvision.models import resnet18

from benchmarks.options import begin, keep, parser
from benchmarks.peers.literal_apem import Literal
from benchmarks.timing import CLOCKS, timed
from xai_core.allocation import keep_freed_memory
from xai_core.apem import Filtered, apem, filter_relevance
from xai_core.apem.one_picture import staged_map
from xai_core.apem.search import Asker
from xai_core.explainers import explain
from xai_core.heatmaps import STAGES
from xai_core.images import sample_images
from xai_core.models import Classifier, load_classifier

AIMS = {"metric": 10.0, "filter": 30.0}
METHODS = ("saliency", "gradcam", "input_x_gradient")
SIDES = (32, 64, 128)
EPSILONS = (25, 100, 400)
EXACT = "exact"
ANSWERS = Asker.answers


class Bench:
    """Everything that is measured, printed as it comes.

    Attributes:
        found: what was measured, by title.
        differ: what is not the same on both sides.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self.options, self.clock = options, CLOCKS[options.clock]
        self.clf = load_classifier("vgg-tiny")
        self.clf.module.to(options.device)
        self.found: dict[str, dict[str, Any]] = {}
        self.differ: list[str] = []

    def literal(self, x: Tensor) -> Literal:
        """The loop in front of a picture."""
        return Literal(self.clf.module, x, self.clf.std, self.options.eps_max)

    def check(self, what: str, same: bool) -> None:
        """Note a difference."""
        if not same:
            self.differ.append(what)
            print(f"DIFFERENT: {what}", flush=True)

    # -------------------------------------------------------------- the metric

    def pictures(self) -> list[tuple[str, Tensor]]:
        """Sample pictures that change class along their gradient and its opposite."""
        found = []
        for sample in sample_images():
            if len(found) < self.options.pictures:
                x = self.clf.preprocess([sample.loader()]).to(self.clf.device)
                y = self.clf.logits(x).argmax(1)
                r = staged_map(self.clf, x, explain(self.clf, x, y, method="saliency"), "map")
                if not apem(self.clf, x, y, r, eps_max=self.options.eps_max).censored[0]:
                    found.append((sample.id, x))
        return found

    def metric(self, pictures: list[tuple[str, Tensor]]) -> None:
        """Every map of every picture on both sides, the sides taking turns."""
        print(f"\n{'metric':34}{'questions':>10}{'here, s':>10}{'loop, s':>10}{'ratio':>8}")
        for name, x in pictures:
            y = self.clf.logits(x).argmax(1)
            for method in METHODS:
                raw = explain(self.clf, x, y, method=method)
                maps = [staged_map(self.clf, x, raw, stage) for stage in STAGES]
                loop = self.literal(x)
                several, classes = x.expand(len(maps), -1, -1, -1), y.expand(len(maps))
                together = torch.cat([one.expand(-1, 3, -1, -1) for one in maps])
                given = (self.clf, several, classes, together)
                ours, here = timed(self.clock, apem, *given, eps_max=self.options.eps_max)
                theirs, there = timed(self.clock, list, map(loop.apem, maps))
                both = zip(plain(ours.eps_minus), plain(ours.eps_plus), strict=True)
                self.check(f"metric {name} {method}", list(both) == theirs)
                self.tell(f"{name} {method}", "metric", loop.asked, here, there)
        self.verdict("metric")

    def tell(self, title: str, part: str, asked: int, here: float, loop: float) -> None:
        """Print and keep a line."""
        self.found.setdefault(part, {})[title] = {"asked": asked, "here": here, "loop": loop}
        print(f"{title:34}{asked:10}{here:10.2f}{loop:10.2f}{loop / here:8.1f}", flush=True)

    def verdict(self, part: str) -> None:
        """Print the sum of a part, and whether the aim is met."""
        rows = [row for title, row in self.found[part].items() if EXACT not in title]
        here, loop = (sum(row[side] for row in rows) for side in ("here", "loop"))
        print(aim(part, loop / here))
        self.found[part]["ratio"] = loop / here

    # -------------------------------------------------------------- the filter

    def filter(self, x: Tensor) -> None:
        """A map on both sides; if it is rounded, an estimate for the whole one too."""
        y, levels = self.clf.logits(x).argmax(1), self.options.levels
        r = staged_map(self.clf, x, explain(self.clf, x, y, method="saliency"), "map")
        walked = (r * levels).round() / levels if levels else r
        name = f"{levels} levels" if levels else "whole map"
        print(f"\n{'filter':34}{'questions':>10}{'here, s':>10}{'loop, s':>10}{'ratio':>8}")
        loop = self.literal(x)
        left, there = timed(self.clock, loop.filtered, walked)
        for exact in (True, False):
            ours, here = timed(self.clock, self.ours, x, y, walked, exact)
            title = f"{name}, {EXACT if exact else 'approximation'}"
            same = torch.equal(ours.map.double(), left) and steps(ours) == loop.found
            if exact:
                self.check(f"filter {title}", same)
            elif not same:
                print("the approximation filtered otherwise: it went past a fall")
            self.tell(title, "filter", loop.asked, here, there)
        self.verdict("filter")
        if levels:
            self.estimate(x, y, r, there / loop.asked)

    def estimate(self, x: Tensor, y: Tensor, r: Tensor, each: float) -> None:
        """The whole map here, and what the loop would take at so many seconds a question."""
        whole, here = timed(self.clock, self.ours, x, y, r, False)
        asked = sum(count or self.options.eps_max for both in steps(whole) for count in both)
        self.found["whole map"] = {
            "maps": len(whole.path[0]),
            "kept": float(whole.kept[0]),
            "here": here,
            "asked": asked,
            "estimate": asked * each,
        }
        print(
            f"the whole map: {len(whole.path[0])} maps, {whole.kept[0]:.0%} of the values kept, "
            f"{here:.1f} s here\n"
            f"ESTIMATE of the loop: {asked} questions of {1000 * each:.2f} ms, "
            f"{asked * each / 60:.0f} min\n"
            f"{aim('filter', asked * each / here)} (by that estimate)"
        )

    def ours(self, x: Tensor, y: Tensor, r: Tensor, exact: bool) -> Filtered:
        """The filter here."""
        return filter_relevance(self.clf, x, y, r, eps_max=self.options.eps_max, exact=exact)

    # -------------------------------------------------------------- growth

    def growth(self) -> None:
        """Questions and seconds of one map, by the side of the picture and the most steps."""
        torch.manual_seed(0)
        network = resnet18(num_classes=10).eval().to(self.options.device)
        print(f"\n{'resnet18, random weights':34}{'questions':>10}{'here, s':>10}{'ms each':>10}")
        for side in SIDES:
            clf = Classifier(network, [str(n) for n in range(10)], (side, side))
            x, r = (torch.rand(1, n, side, side).to(clf.device) for n in (3, 1))
            y = clf.logits(x).argmax(1)
            for most in EPSILONS:
                apem(clf, x, y, r, eps_max=1)  # what the first call alone takes
                watched = mock.patch.object(Asker, "answers", autospec=True, side_effect=ANSWERS)
                with watched as answers:
                    found, here = timed(self.clock, apem, clf, x, y, r, eps_max=most)
                asked = sum(len(call.args[1]) for call in answers.call_args_list)
                both = plain(found.eps_minus)[0], plain(found.eps_plus)[0]
                title = f"side {side:3}, at most {most:3}: {both}"
                self.found.setdefault("growth", {})[title] = {"asked": asked, "here": here}
                each = 1000 * here / max(1, asked)
                print(f"{title:34}{asked:10}{here:10.2f}{each:10.2f}", flush=True)


def aim(part: str, ratio: float) -> str:
    """A line about an aim in units of our time."""
    word = "met" if ratio >= AIMS[part] else "NOT met"
    return f"{part}: at least {AIMS[part]:g} times as fast as the loop: {word}, {ratio:.1f}"


def plain(values: Any) -> list[int | None]:
    """Numbers with None for missing ones."""
    return [
        None if missing else int(one) for one, missing in zip(values, values.isna(), strict=True)
    ]


def steps(filtered: Filtered) -> list[tuple[int | None, int | None]]:
    """Both numbers of all maps on the first picture's way."""
    path = filtered.path[0]
    return list(zip(plain(path.eps_minus.array), plain(path.eps_plus.array), strict=True))


def main() -> int:
    options = _options()
    begin(options)
    keep_freed_memory()  # as the workers and the command line do; the loops gain from it, too
    print(
        f"vgg-tiny, {options.device}, {torch.get_num_threads()} threads, {options.clock} clock, "
        f"torch {torch.__version__}"
    )
    bench = Bench(options)
    pictures = bench.pictures()
    if not pictures:
        print(f"No sample picture changes class within {options.eps_max} steps.", file=sys.stderr)
        return 1
    print(f"{len(pictures)} pictures that change class: {', '.join(name for name, _ in pictures)}")
    if "metric" in options.parts:
        bench.metric(pictures)
    if "filter" in options.parts:
        bench.filter(pictures[0][1])
    if "growth" in options.parts:
        bench.growth()
    print(f"\nResults that differ: {', '.join(bench.differ) or 'none'}")
    keep(options, {**bench.found, "differ": bench.differ})
    return 1 if bench.differ else 0


def _options() -> argparse.Namespace:
    words = parser(__doc__)
    add = words.add_argument
    add("--pictures", type=int, choices=range(1, 9), default=3, metavar="N", help="at most 8")
    add("--eps-max", type=int, default=300, metavar="N", help="most steps (default: %(default)s)")
    about = "of the map that both filter; 0: as it is"
    add("--levels", type=int, default=64, metavar="N", help=about)
    add("--parts", default="metric,filter,growth", help="with commas between; all by default")
    add("--device", default="cpu", help="of torch (default: %(default)s)")
    add("--clock", choices=CLOCKS, default="wall", help="processor: for a machine in use")
    options = words.parse_args()
    options.parts = options.parts.split(",")
    return options


if __name__ == "__main__":
    sys.exit(main())
