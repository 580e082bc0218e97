"""What methods cost together, beside one after the other here and in the libraries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import Tensor

from benchmarks.peers import Peer
from benchmarks.settings import settings
from benchmarks.subject import Subject
from benchmarks.timing import alternating
from xai_core.explainers import Panel, explain
from xai_core.explainers.support import supported
from xai_core.models import Classifier

PRESETS = "seven αβ presets, and one in Zennit"
ALPHA_BETA = tuple(f"lrp_alpha{beta + 1}_beta{beta}" for beta in (0, 1, 2, 3, 4, 5, 8))
# The groups of S section 7.2, but for the two methods with SmoothGrad around others.
GROUPS = {
    "group 1 of S": (
        *("saliency", "input_x_gradient", "deconvnet", "guided_backprop", "gradcam"),
        "guided_gradcam",
    ),
    "group 2 of S": ("deeplift", "deepshap"),
    "group 3 of S": ("integrated_gradients", "expected_gradients"),
    "group 4 of S": (*ALPHA_BETA, "rap"),
}


@dataclass(frozen=True)
class Sum:
    """Seconds of several methods.

    Attributes:
        title: which.
        methods: how many.
        together: in one panel.
        apart: one call after the other.
        libraries: in libraries, one after the other; None if a library has none of them.
        elsewhere: how many of them are in a library.
    """

    title: str
    methods: int
    together: float
    apart: float
    libraries: float | None
    elsewhere: int


def in_one_panel(
    clf: Classifier, x: Tensor, target: Tensor, requests: Mapping[str, Mapping[str, Any]]
) -> None:
    """Every method with its settings, sharing what they can."""
    panel = Panel(clf, x, target, requests)
    for name in panel.methods:
        panel.explain(name)


def measure(on: Subject, libraries: Mapping[str, Mapping[str, Peer]], repeat: int) -> list[Sum]:
    """Time the presets and the groups, and print them."""
    print(f"\n{'together':46}{'one panel':>12}{'one by one':>12}{'libraries':>12}   ms")
    sums = []
    if "Zennit" in libraries:
        one = {"lrp_alpha2_beta1": libraries["Zennit"]["lrp_alpha2_beta1"]}
        sums.append(_sum(PRESETS, on, ALPHA_BETA, one, repeat))
    refused = supported(on.clf)
    for title, names in GROUPS.items():
        there = [name for name in names if not refused[name]]
        if there:
            # The first library that has the method: Captum, Zennit, pytorch-grad-cam.
            peers = {
                name: next(found[name] for found in libraries.values() if name in found)
                for name in there
                if any(name in found for found in libraries.values())
            }
            sums.append(_sum(title, on, there, peers, repeat))
    return sums


def _sum(
    title: str, on: Subject, names: Sequence[str], peers: Mapping[str, Peer], repeat: int
) -> Sum:
    requests: dict[str, dict[str, Any]] = {name: settings(name, on) for name in names}

    def one_by_one() -> None:
        for name, given in requests.items():
            explain(on.clf, on.x, on.target, method=name, **given)

    with ExitStack() as contexts:
        calls = [contexts.enter_context(peer.prepared(on)) for peer in peers.values()]

        def in_libraries() -> None:
            for call in calls:
                call()

        together = partial(in_one_panel, on.clf, on.x, on.target, requests)
        turns = {"together": together, "apart": one_by_one, "libraries": in_libraries}
        seconds = alternating(turns, repeat)
    there = seconds["libraries"] if calls else None
    found = Sum(title, len(names), seconds["together"], seconds["apart"], there, len(calls))
    shown = "" if there is None else f"{1e3 * there:.1f}"
    print(
        f"{title + f' ({len(names)} maps)':46}{1e3 * found.together:12.1f}"
        f"{1e3 * found.apart:12.1f}{shown:>12}   libraries have {len(calls)}"
    )
    return found
