"""Every method here and in the libraries that have it: ``python -m benchmarks.panel``.

The same network, picture and class in one run, the calls taking turns; medians of ``--repeat``
runs after one warm-up. A library is set up before the clock starts: of Zennit and
pytorch-grad-cam only the call is timed, here everything that ``explain`` does. The maps are
compared in float64. Then what is computed together, and the memory each method needs.

With ``--device cuda`` (or ``cuda:1``, ``mps``) every method is compared with itself on the
processor instead: the time, and the largest difference of the maps beside what rounding allows.

The exit status is 1 if a map differs more than its definition, or rounding, allows, whatever the
speed.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from benchmarks import devices, together
from benchmarks.memory import LIMITS, peaks
from benchmarks.options import begin, keep, parser
from benchmarks.peers import Peer, installed
from benchmarks.settings import settings
from benchmarks.subject import Subject, subject
from benchmarks.timing import alternating, difference
from xai_core import device
from xai_core.device import chosen
from xai_core.errors import XaiError
from xai_core.explainers import METHODS, explain
from xai_core.explainers.memory import VARIABLE

LIBRARY_FAILS = (
    *(RuntimeError, TypeError, ValueError, AssertionError, AttributeError, KeyError),
    *(IndexError, NotImplementedError),
)
NOISE = 0.05  # share by which two medians of the same call differ here


@dataclass(frozen=True)
class Row:
    """A method here, beside one library's.

    Attributes:
        method: its id.
        here: seconds here.
        library: title of the library, or "" if none has the method.
        there: seconds there.
        difference: largest difference of the maps in shares of the largest value; for random
            methods the difference of two maps, one from each, in units of that of two from one.
        agrees: whether that is within what the definitions allow; None where they differ.
        note: what differs, or why there is no number.
    """

    method: str
    here: float | None
    library: str = ""
    there: float | None = None
    difference: float | None = None
    agrees: bool | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """The library's time in units of ours."""
        return self.there / self.here if self.there and self.here else None


def main() -> int:
    options = _options()
    begin(options)
    dtype = getattr(torch, options.dtype)
    timed, exact = (
        subject(options.network, options.picture, kind, options.baselines)
        for kind in (dtype, torch.float64)
    )
    if options.device:
        return _on_device(options, timed, exact)
    libraries, missing = installed()
    print(
        f"One {timed.x.shape[2]}-pixel picture, {options.network}, {torch.get_num_threads()} "
        f"threads, {options.dtype}, torch {torch.__version__}, median of {options.repeat}",
        *missing,
        "",
        sep="\n",
    )
    rows = table(options.methods or list(METHODS), timed, exact, libraries, options.repeat)
    found: dict[str, Any] = {"machine": _machine(options), "rows": [asdict(row) for row in rows]}
    if not options.methods:
        sums = together.measure(timed, libraries, options.repeat)
        found["together"] = [asdict(one) for one in sums]
        found["verdicts"] = verdicts(rows, sums)
    if options.peaks:
        found["peaks"] = peaks(options, dict.fromkeys(row.method for row in rows if row.here))
    keep(options, found)
    wrong = [f"{row.method} ({row.library})" for row in rows if row.agrees is False]
    print(f"\nMaps that differ: {', '.join(wrong) or 'none'}")
    return 1 if wrong else 0


def _on_device(options: argparse.Namespace, timed: Subject, exact: Subject) -> int:
    """Every method on the processor and on ``--device``."""
    card = chosen()
    print(
        f"One {timed.x.shape[2]}-pixel picture, {options.network}, {torch.get_num_threads()} "
        f"threads and {card}, torch {torch.__version__}, median of {options.repeat}",
        "",
        sep="\n",
    )
    rows = devices.compared(options.methods or list(METHODS), timed, exact, card, options.repeat)
    keep(options, {"machine": _machine(options), "rows": [asdict(row) for row in rows]})
    wrong = [row.method for row in rows if not row.agrees]
    print(f"\nMaps that differ: {', '.join(wrong) or 'none'}")
    return 1 if wrong else 0


def _options() -> argparse.Namespace:
    words = parser(__doc__)
    add = words.add_argument
    add(
        "--network",
        default="vgg-tiny",
        help="id of an embedded model, or an architecture, which has weights of seed 0",
    )
    add("--picture", default="cat", help="id of a sample picture")
    add("--baselines", type=int, default=0, help="0 for as many as Captum has room for")
    add("--methods", nargs="+", metavar="ID", help="only these, and nothing together")
    add("--repeat", type=int, default=5, help="runs after one warm-up")
    add("--dtype", choices=("float32", "float64"), default="float32")
    add("--device", metavar="WORD", help="compare with this device, as in XAI_DEVICE, instead")
    add("--memory", metavar="SIZE", help='what internal batches may take, for example "512 MiB"')
    add("--peaks", action="store_true", help=f"also peak memory under {' and '.join(LIMITS)}")
    options = words.parse_args()
    if options.device:
        os.environ[device.VARIABLE] = options.device
        try:
            chosen()
        except XaiError as error:
            words.error(str(error))
        if options.dtype != "float32":
            words.error("--device compares float32")
    if options.memory:
        os.environ[VARIABLE] = options.memory
    unknown = set(options.methods or ()) - set(METHODS)
    if unknown:
        words.error(f"there is no method {', '.join(sorted(unknown))}")
    return options


def _machine(options: argparse.Namespace) -> dict[str, Any]:
    names = ("network", "picture", "dtype", "repeat", "memory", "device")
    return {
        **{name: getattr(options, name) for name in names},
        "threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


# ------------------------------------------------------------------ one method at a time


def table(
    methods: Sequence[str],
    timed: Subject,
    exact: Subject,
    libraries: dict[str, dict[str, Peer]],
    repeat: int,
) -> list[Row]:
    """Time and compare every method, and print it when it is done."""
    print(f"{'method':22}{'here, ms':>10}  {'library':18}{'ms':>9}{'ratio':>8}  difference")
    rows: list[Row] = []
    notes: dict[str, int] = {}
    for method in methods:
        peers = {title: found[method] for title, found in libraries.items() if method in found}
        for place, row in enumerate(rows_of(method, peers, timed, exact, repeat)):
            rows.append(row)
            if row.note:
                notes.setdefault(row.note, len(notes) + 1)
            print(line(row, notes.get(row.note), shown=not place))
    print(f"deepshap and expected_gradients: {len(timed.baselines)} baselines.")
    for note, number in notes.items():
        print(f"[{number}] {note}")
    print("difference: of the maps in shares of the largest value, in float64; of random methods")
    print("(~) that of two maps, one from each, in units of that of two maps from one: 1 is equal.")
    return rows


def line(row: Row, note: int | None, shown: bool) -> str:
    """A row of the table; the time here stands in the first row of its method only."""
    here = f"{1e3 * row.here:.1f}" if row.here and shown else ""
    there = f"{1e3 * row.there:.1f}" if row.there else ""
    ratio = f"{row.ratio:.2f}" if row.ratio else ""
    found = ""
    if row.difference is not None:
        is_random = "seed" in {param.name for param in METHODS[row.method].params}
        found = f"~{row.difference:.2f}" if is_random else f"{row.difference:.0e}"
    word = " DIFFERS" if row.agrees is False else ""
    mark = f" [{note}]" if note else ""
    name = row.method if shown else ""
    return f"{name:22}{here:>10}  {row.library:18}{there:>9}{ratio:>8}  {found}{word}{mark}"


def rows_of(
    method: str, peers: dict[str, Peer], timed: Subject, exact: Subject, repeat: int
) -> list[Row]:
    """One row for every library that has the method, or a row without one."""
    try:
        ours(method, timed)()
    except XaiError as error:
        return [Row(method, None, note=str(error))]
    calls = {"": ours(method, timed)}
    failed = {}
    with ExitStack() as contexts:
        for title, peer in peers.items():
            try:
                call = contexts.enter_context(peer.prepared(timed))
                call()
            except LIBRARY_FAILS as error:
                failed[title] = f"{title} fails on this network: {str(error).splitlines()[0]}"
            else:
                calls[title] = call
        seconds = alternating(calls, repeat)
    here = seconds.pop("")
    rows = [Row(method, here, title, note=note) for title, note in failed.items()]
    for title, there in seconds.items():
        peer = peers[title]
        apart = compared(method, peer, exact)
        judged = peer.tolerance is not None and peer.judged(exact)
        agrees = apart <= peer.tolerance if judged else None
        rows.append(Row(method, here, title, there, apart, agrees, peer.note))
    return rows or [Row(method, here)]


def ours(method: str, on: Subject, **given: Any) -> Callable[[], Tensor]:
    chosen = settings(method, on) | given
    return lambda: explain(on.clf, on.x, on.target, method=method, **chosen)


def compared(method: str, peer: Peer, on: Subject) -> float:
    """How far the two maps are apart; see ``Row.difference``."""
    with (peer.compared or peer.prepared)(on) as call:
        # Seeds that are not ours: some libraries draw in the same order.
        torch.manual_seed(100)
        theirs = call().detach()
        if not peer.random:
            return difference(peer.seen_as(ours(method, on)(), theirs), theirs)
        torch.manual_seed(101)
        again = call().detach()
    mine, other = ours(method, on, seed=0)(), ours(method, on, seed=1)()
    own = ((mine - other).square().mean() + (theirs - again).square().mean()) / 2
    return ((mine - theirs).square().mean() / own).sqrt().item()


# ------------------------------------------------------------------ verdicts


def verdicts(rows: Sequence[Row], sums: Sequence[together.Sum]) -> dict[str, bool]:
    """What was aimed at, as measured in this run."""
    ratios = {(row.method, row.library): row.ratio for row in rows if row.ratio}
    slower = {
        f"{method} ({title}, {ratio:.2f})": ratio
        for (method, title), ratio in ratios.items()
        if ratio < 1
    }
    clearly = [name for name, ratio in slower.items() if ratio < 1 - NOISE]
    found = {}
    for one in sums:
        if one.title == together.PRESETS and one.libraries:
            found["seven αβ presets together < one in Zennit"] = one.together < one.libraries
    for method, title in (("deepshap", "DeepSHAP"), ("expected_gradients", "expected gradients")):
        if (method, "Captum") in ratios:
            found[f"{title} ≥ 3× Captum"] = ratios[method, "Captum"] >= 3
    found["nothing slower than the library"] = not clearly
    print()
    for what, met in found.items():
        print(f"{what}: {'met' if met else 'NOT met'}")
    if slower:
        print(f"  ratio below 1: {', '.join(slower)}")
        print(f"  a ratio above {1 - NOISE} counts as equal: so far medians of one call differ.")
    return found


if __name__ == "__main__":
    sys.exit(main())
