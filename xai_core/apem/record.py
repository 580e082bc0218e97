"""What was measured, so that it can be measured again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from xai_core.apem.one_picture import Metric
from xai_core.explainers.choices import Choice, options, recorded
from xai_core.provenance import ModelFacts, Option, Run


def apem_run(
    model: ModelFacts,
    choices: Sequence[Choice],
    table: pd.DataFrame,
    metric: Metric,
    *,
    targets: Mapping[str, int],
    data: Sequence[Option] = (),
    folder: str = "",
) -> Run:
    """What repeats a table of numbers.

    Args:
        model: the model.
        choices: the methods, with all their settings.
        table: the numbers, as ``summary.as_table`` gives them.
        metric: how maps were measured.
        targets: the explained class by a picture's name; the predicted one where there is none.
        data: a data set as options of the command line; none for photos by name.
        folder: where photos are whose names do not say it.
    """
    images = _images(table, targets)
    facts = {
        "model": model.described(),
        "images": images,
        "methods": recorded(choices),
        **asdict(metric),
    }
    measured = [
        ("--stages", ",".join(metric.stages)),
        ("--shuffles", str(metric.shuffles)),
        ("--seed", str(metric.seed)),
        ("--eps-max", str(metric.eps_max)),
    ]
    source = data or [
        *model.classes("--true", [image["true"] for image in images]),
        *model.classes("--target", [image["target"] for image in images]),
    ]
    names = [image["name"] for image in images]
    photos = [str(Path(folder, name)) for name in names] if folder else names
    return Run(
        ("apem",),
        facts,
        [*model.words(), *options(choices), *measured, *source],
        [] if data else photos,
    )


def _images(table: pd.DataFrame, targets: Mapping[str, int]) -> list[dict[str, Any]]:
    """The pictures of a table: name, hash, and the indices of their classes."""
    once = table.drop_duplicates(["image", "image_hash"])
    return [
        {
            "name": row["image"],
            "hash": row["image_hash"],
            "true": None if pd.isna(row["true"]) else int(row["true"]),
            "predicted": int(row["predicted"]),
            "target": targets.get(row["image"], int(row["predicted"])),
        }
        for row in once.to_dict("records")
    ]
