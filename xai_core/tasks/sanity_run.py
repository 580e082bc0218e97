"""What a sanity check compared, so that it can be repeated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from xai_core.explainers.choices import Choice, options, recorded
from xai_core.provenance import ModelFacts, Option, Run
from xai_core.randomization.targets import target_of
from xai_core.randomization.verdicts import VERDICT, Thresholds
from xai_core.tasks.inquiry import Inquiry


def sanity_run(
    model: ModelFacts,
    images: Sequence[tuple[str, str, int, str]],
    inquiries: Sequence[Inquiry],
    thresholds: Thresholds,
    *,
    measures: Sequence[str],
    shows: Sequence[str],
    maps: bool = True,
) -> Run:
    """What repeats a sanity check.

    Args:
        model: the trained model.
        images: of every picture the name, the hash, and the class that the trained network
            explains: its index and its title.
        inquiries: what was asked; they differ in the mode of their tests alone.
        thresholds: of the verdicts.
        measures: which scores there are.
        shows: what the compared maps show.
        maps: whether all maps are written to a file.
    """
    asked = inquiries[0]
    test, target, smoothing = asked.test, asked.target, asked.smoothing
    modes = [inquiry.test.mode for inquiry in inquiries]
    choices = [Choice(one.method, asked.settings(one)) for one in asked.choices]
    seconds = (
        {"source": str(one.other["source"]), "fingerprint": one.other_fingerprint}
        for one in inquiries
        if one.other is not None
    )
    second = next(seconds, None)
    facts = {
        "model": model.described(),
        "other": second,
        "images": [
            dict(zip(("name", "hash", "target", "class"), image, strict=True)) for image in images
        ],
        "methods": [
            {**said, "target": target_of(choice, target)}
            for choice, said in zip(choices, recorded(choices), strict=True)
        ],
        "target": target,
        "tests": modes,
        "start": test.start,
        "init": test.init,
        "seeds": list(test.seeds),
        "layers": [asdict(layer) for layer in asked.layers],
        "measures": list(measures),
        "show": list(shows),
        "smoothing": None if smoothing is None else asdict(smoothing),
        "verdict": {"measure": VERDICT[0], "show": VERDICT[1], **asdict(thresholds)},
    }
    words: list[Option] = [
        *model.words(),
        *options(choices),
        ("--no-controls", None),  # they are among the methods
        *model.classes("--target", [target for _, _, target, _ in images]),
        ("--target-class", target),
        ("--tests", ",".join(modes)),
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
    if second is not None:
        words.append(("--other", second["source"]))
    if not maps:
        words.append(("--no-maps", None))
    return Run(("sanity-check",), facts, words, [name for name, *_ in images])
