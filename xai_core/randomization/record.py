"""What a sanity check compared, so that it can be repeated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from xai_core.explainers.choices import Choice, options
from xai_core.provenance import ModelFacts, Option, Run
from xai_core.randomization.layer_groups import Layer
from xai_core.randomization.steps import Test
from xai_core.randomization.sweep import Smoothing
from xai_core.randomization.targets import target_of
from xai_core.randomization.verdicts import VERDICT, Thresholds


def sanity_run(
    model: ModelFacts,
    images: Sequence[Mapping[str, Any]],
    choices: Sequence[Choice],
    *,
    target: str,
    tests: Sequence[Test],
    layers: Sequence[Layer],
    measures: Sequence[str],
    shows: Sequence[str],
    smoothing: Smoothing | None,
    thresholds: Thresholds,
    other: Mapping[str, Any] | None = None,
    maps: bool = True,
) -> Run:
    """What repeats a sanity check.

    Args:
        model: the trained model.
        images: of every picture "name", "hash", and "target" and "class", index and title of
            the class that the trained network explains.
        choices: the methods, with all their settings.
        target: the class that destroyed networks explain, key of ``targets.TARGETS``.
        tests: which networks are compared; they differ in their mode alone.
        layers: what can be randomised, from output to input.
        measures: which scores there are.
        shows: what the compared maps show.
        smoothing: noisy copies that every map is averaged over, or None.
        thresholds: of the verdicts.
        other: "source" and "fingerprint" of the second model, or None.
        maps: whether all maps are written to a file.
    """
    test = tests[0]
    facts = {
        "model": model.described(),
        "other": None if other is None else dict(other),
        "images": [dict(image) for image in images],
        "methods": [
            {
                "id": choice.id,
                "method": choice.method,
                "settings": dict(choice.settings),
                "target": target_of(choice, target),
            }
            for choice in choices
        ],
        "target": target,
        "tests": [test.mode for test in tests],
        "start": test.start,
        "init": test.init,
        "seeds": list(test.seeds),
        "layers": [asdict(layer) for layer in layers],
        "measures": list(measures),
        "show": list(shows),
        "smoothing": None if smoothing is None else asdict(smoothing),
        "verdict": {"measure": VERDICT[0], "show": VERDICT[1], **asdict(thresholds)},
    }
    words: list[Option] = [
        *model.words(),
        *options(choices),
        ("--no-controls", None),  # they are among the methods
        *model.classes("--target", [image["target"] for image in images]),
        ("--target-class", target),
        ("--tests", ",".join(test.mode for test in tests)),
        ("--start", test.start),
        ("--init", test.init),
        ("--seeds", str(len(test.seeds))),
        ("--measures", ",".join(measures)),
        ("--show", ",".join(shows)),
        ("--fails", str(thresholds.fails)),
        ("--weak", str(thresholds.weak)),
    ]
    if smoothing is not None:
        words.append(("--smooth", str(smoothing.copies)))
        words.append(("--smooth-sigma", str(smoothing.sigma)))
    if other is not None:
        words.append(("--other", str(other["source"])))
    if not maps:
        words.append(("--no-maps", None))
    return Run(("sanity-check",), facts, words, [str(image["name"]) for image in images])
