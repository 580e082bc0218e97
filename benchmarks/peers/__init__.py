"""The same methods in other libraries, each through its public interface."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from torch import Tensor

from benchmarks.subject import Subject

LIBRARIES = {"captum": "Captum", "zennit": "Zennit", "gradcam": "pytorch-grad-cam"}

RELU6 = "Captum and Zennit know nn.ReLU alone: where there are ReLU6, the maps are not judged."

# Within the context the library is set up; the call computes one map, and alone is timed.
Prepared = Callable[[Subject], AbstractContextManager[Callable[[], Tensor]]]


@dataclass(frozen=True)
class Peer:
    """A method in another library.

    Attributes:
        prepared: sets it up on a subject.
        compared: the same where other code is needed for a map that should equal ours, because
            of a known error of the library; None if it is the same.
        seen_as: our map in the form of the library's, from both.
        tolerance: how far the maps may differ, in shares of the largest value; None where the
            definitions differ. For random methods a factor.
        judged: whether the definitions are the same on this network.
        random: the maps come from random numbers that cannot be made the same.
        note: what differs.
    """

    prepared: Prepared
    compared: Prepared | None = None
    seen_as: Callable[[Tensor, Tensor], Tensor] = lambda ours, theirs: ours
    tolerance: float | None = 1e-6
    judged: Callable[[Subject], bool] = lambda subject: True
    random: bool = False
    note: str = ""


def installed() -> tuple[dict[str, dict[str, Peer]], list[str]]:
    """Methods of every library that is there, by its id here; and a line on each missing one."""
    found: dict[str, dict[str, Peer]] = {}
    missing = []
    for name, title in LIBRARIES.items():
        try:
            found[title] = importlib.import_module(f"benchmarks.peers.{name}").PEERS
        except ModuleNotFoundError as error:
            missing.append(
                f"{title} is left out: there is no module '{error.name}' "
                "(pip install -r benchmarks/requirements.txt)."
            )
    return found, missing
