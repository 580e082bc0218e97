"""What was localised, so that it can be repeated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from xai_core.classes import class_word
from xai_core.explainers.choices import Choice, options, recorded
from xai_core.localization.gathering import Rule
from xai_core.provenance import ModelFacts, Option, Run


def localization_run(
    model: ModelFacts,
    choices: Sequence[Choice],
    pictures: Sequence[Mapping[str, object]],
    rule: Rule,
    *,
    measures: Sequence[str],
    seed: int,
    baselines: bool,
    quadrants: bool,
    data: Sequence[Option] = (),
    boxes: Sequence[str] = (),
    photos: Sequence[str] = (),
) -> Run:
    """What repeats a table of scores.

    Args:
        model: the model.
        choices: the methods, with all their settings.
        pictures: what is told of each, such as its name, hash, class and boxes.
        rule: which class of each was explained.
        measures: of a map and objects.
        seed: of all that is drawn.
        baselines: whether there are baselines among the methods.
        quadrants: whether composites were explained as well.
        data: a data set as options of the command line; none for photos by name.
        boxes: files of annotations.
        photos: names of photos.
    """
    facts = {
        "model": model.described(),
        "images": list(pictures),
        "methods": recorded(choices),
        "explain": rule.explain,
        "measures": list(measures),
        "seed": seed,
        "baselines": baselines,
        "quadrants": quadrants,
    }
    words: list[Option] = [("--measures", ",".join(measures)), ("--explain", rule.explain)]
    words += [
        ("--means", f"{name}={class_word(index, model.class_names)}")
        for name, index in rule.meant.items()
    ]
    if rule.unnamed is not None:
        words.append(("--class", class_word(rule.unnamed, model.class_names)))
    words.append(("--seed", str(seed)))
    words.append(("--baselines" if baselines else "--no-baselines", None))
    words += [("--quadrants", None)] if quadrants else []
    words += [("--boxes", file) for file in boxes]
    return Run(
        ("localize",), facts, [*model.words(), *options(choices), *words, *data], list(photos)
    )
