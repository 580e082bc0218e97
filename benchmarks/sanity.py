"""A randomisation sweep here and in a loop over libraries: ``python -m benchmarks.sanity``.

The loop is the one that a user writes over Captum and Zennit: copy the trained network, give it
the new weights, and explain, method by method, all pictures at once; for every depth of the
cascade and every seed. Here it is ``Sweep``, group by group, once as it is and once without the
recorded run of the trained network. The sides take turns network by network and part by part,
and the maps are checked equal. To generate new weights counts as our time only; the loop is
given them. The recorded run counts as ours too. RAP is in neither library and left out.

In float32 the maps of a network with random weights differ wherever rounding takes a ReLU or a
maximum to its other side; so what the two sides compute is compared once more in float64, on the
first picture and the networks of the first seed, which is not timed.

The exit status is 1 if a map differs, whatever the speed.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections import ChainMap
from collections.abc import Sequence

import numpy as np
import torch

from benchmarks.options import begin, keep, parser
from benchmarks.peers.loop import COLUMNS
from benchmarks.race import DEEPSHAP, HERE, SIDES, Found, Race, parts_of
from benchmarks.timing import CLOCKS, in_new_process
from xai_core.explainers.baselines import reference_set
from xai_core.images import sample_images
from xai_core.models import Classifier, load_classifier
from xai_core.randomization.layer_groups import randomizable_layers
from xai_core.randomization.steps import TRAINED_LABEL, Step, Test, seeds_of
from xai_core.randomization.sweep import TRAINED, Sweep

AIM = 3.0
TOLERANCE = 1e-4  # of the largest value of a map
MANY = (5, 20)  # pictures


def main() -> int:
    options = _options()
    begin(options)
    print(
        f"vgg-tiny, {torch.get_num_threads()} threads, {options.dtype}, torch {torch.__version__}"
    )
    if options.memory:
        return memory(options)
    found = exact = measure(options)
    if options.dtype != "float64":
        fewer = {"dtype": "float64", "pictures": 1, "seeds": 1}
        exact = measure(argparse.Namespace(**{**vars(options), **fewer}), timed=False)
    wrong = report(found, exact, options)
    keep(options, {**found.plain(), "differences_float64": exact.differences})
    return 1 if wrong else 0


def _options() -> argparse.Namespace:
    words = parser(__doc__)
    add = words.add_argument
    add("--pictures", type=int, choices=range(1, 9), default=5, metavar="N", help="at most 8")
    add("--seeds", type=int, default=5, metavar="N")
    add("--layers", type=int, metavar="N", help="so many depths, evenly spread; all by default")
    add("--groups", default="1,2,4", help="of Nuzzo's four, such as 1,4")
    add("--dtype", choices=("float32", "float64"), default="float32")
    add("--clock", choices=CLOCKS, default="wall", help="processor: for a machine in use")
    add("--memory", action="store_true", help=f"only our peak memory with {MANY} pictures")
    return words.parse_args()


def steps_of(clf: Classifier, options: argparse.Namespace) -> list[Step]:
    """The trained network, then seed by seed those of some depths."""
    layers = randomizable_layers(clf)
    count = min(options.layers or len(layers), len(layers))
    middles = (np.arange(count) + 0.5) * len(layers) / count
    depths = {int(middle) + 1 for middle in middles}
    steps = Test(seeds=seeds_of(options.seeds)).steps(layers)
    return [Step(0, TRAINED_LABEL, 0, TRAINED), *(step for step in steps if step.depth in depths)]


def measure(options: argparse.Namespace, timed: bool = True) -> Found:
    """Run the sweep, and print every network when it is done, or how far it is if untimed."""
    clf = load_classifier("vgg-tiny")
    dtype = getattr(torch, options.dtype)
    clf.module.to(dtype)
    x = clf.preprocess([one.loader() for one in sample_images()[: options.pictures]]).to(dtype)
    parts, steps = parts_of(options.groups), steps_of(clf, options)
    print(f"{len(x)} pictures, {len(steps)} networks with the trained one, {options.seeds} seeds")
    # What is loaded and chosen at the first use, before the clock starts.
    Race(clf, x[:1], parts, options.clock).run(steps[0], 0)
    race = Race(clf, x, parts, options.clock)
    began = time.perf_counter()
    for done, step in enumerate(steps, start=1):
        before = {side: race.found.of(side) for side in SIDES}
        race.run(step, done)
        each = "  ".join(f"{side} {race.found.of(side) - before[side]:6.2f} s" for side in SIDES)
        name = f"seed {step.seed}, depth {step.depth:2} {step.layer:8}"
        if timed:
            print(f"{name}  {each}  so far {race.found.ratio():.2f}", flush=True)
        left = (time.perf_counter() - began) / done * (len(steps) - done)
        print(f"{done} of {len(steps)} networks, {left / 60:.0f} min left", file=sys.stderr)
    return race.found


def report(found: Found, exact: Found, options: argparse.Namespace) -> list[str]:
    """Print the sums and the verdicts; the methods whose maps differ in float64."""
    sides = "".join(f"{side:>10}" for side in SIDES)
    print(f"\n{'seconds':26}{sides}{'ratio':>8}  reuse saves")

    def line(title: str, seconds: Sequence[float]) -> None:
        here, unaided, loop = seconds
        numbers = "".join(f"{one:10.2f}" for one in seconds)
        print(f"{title:26}{numbers}{loop / here:8.2f}  {1 - here / unaided:.0%}")

    for part in dict.fromkeys(part for part, _ in found.seconds):
        line(part, [found.seconds[part, side] for side in SIDES])
    line("panel", [found.of(side) for side in SIDES])
    if (DEEPSHAP, HERE) in found.seconds:
        line("panel without DeepSHAP", [found.of(side, [DEEPSHAP]) for side in SIDES])
    print(f"\n{'method':34}{'loop, s':>10}  {options.dtype}  float64")
    for name, seconds in found.methods.items():
        known = (one.differences.get(name) for one in (found, exact))
        apart = "".join(f"{'' if one is None else f'{one:.0e}':9}" for one in known)
        print(f"{name:34}{seconds:10.2f}  {apart}{COLUMNS[name].note}".rstrip())
    wrong = [name for name, apart in exact.differences.items() if not apart <= TOLERANCE]
    print(f"Maps that differ by more than {TOLERANCE:g} in float64: {', '.join(wrong) or 'none'}")
    whole = (options.pictures, options.seeds, options.layers, options.groups)
    word = "" if whole == (5, 5, None, "1,2,4") else " (of a shorter sweep)"
    met = "met" if found.ratio() >= AIM else "NOT met"
    print(f"at least {AIM:g} times as fast as the loop: {met}, {found.ratio():.2f}{word}")
    return wrong


# ------------------------------------------------------------------ memory


def memory(options: argparse.Namespace) -> int:
    """Print how large the process of our sweep becomes, by the number of pictures."""
    for count in MANY:
        before, after = in_new_process(swept, options, count)
        print(
            f"{count:3} pictures: at most {after:.0f} MB, {before:.0f} before the sweep", flush=True
        )
    return 0


def swept(options: argparse.Namespace, count: int) -> tuple[float, float]:
    """Most memory of this process in MB before and after a sweep of crops of sample pictures."""
    begin(options)
    clf = load_classifier("vgg-tiny")
    x = reference_set(clf, count, seed=1)
    with torch.no_grad():
        targets = clf.logits(x[:1]).argmax(1).expand(count)
    requests = dict(ChainMap(*parts_of(options.groups).values()))
    before = _most_mb()
    sweep = Sweep(clf, x, targets)
    for step in steps_of(clf, options):
        sweep.maps(sweep.network(step.state), requests)
    return before, _most_mb()


def _most_mb() -> float:
    # Linux counts in kilobytes.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


if __name__ == "__main__":
    sys.exit(main())
