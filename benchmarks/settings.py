"""Settings with which a method here computes what the libraries compute."""

from __future__ import annotations

from typing import Any

from benchmarks.subject import Subject
from xai_core.explainers import METHODS

EXPECTED_SAMPLES = 20  # Captum takes all of them through the network at once


def settings(method: str, on: Subject) -> dict[str, Any]:
    """Settings that differ from the method's defaults."""
    names = {param.name for param in METHODS[method].params}
    found: dict[str, Any] = {}
    if "baseline" in names:
        found["baseline"] = "black"
    if "baselines" in names and method != "pattern_attribution":
        found["baselines"] = on.baselines
    if method == "expected_gradients":
        found["samples"] = EXPECTED_SAMPLES
    return found
