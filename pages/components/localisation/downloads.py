"""Files of the scores, and the run.json that repeats them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import PurePath

import pandas as pd

from pages.components.classified import Classified, ClassifiedImage, seen
from pages.components.file_buttons import offer_row
from pages.components.localisation.set_pictures import Marked
from pages.components.localisation.set_scores import MEASURES, Found
from xai_core.annotations import Region, coco_file
from xai_core.explainers.choices import Choice
from xai_core.files import zip_bytes
from xai_core.localization.columns import localized_title
from xai_core.localization.gathering import LeftOut, Rule
from xai_core.localization.record import localization_run
from xai_core.localization.result_files import findings

BOXES = "objects.json"
CHARTS = ("png", "svg", "pdf")
Files = dict[str, tuple[str, Callable[[], bytes]]]


def of_one(
    classified: Classified,
    choices: Sequence[Choice],
    image: ClassifiedImage,
    regions: Sequence[Region],
    found: Found,
    ready: bool,
) -> None:
    """Of one picture, with what is marked on it; the buttons wait until all is there."""
    picture, name = image.picture, classified.class_names[image.target]
    size, crop, _, squash = seen(classified.facts)
    told = {"name": picture.source, "hash": picture.hash, "target": image.target, "class": name}
    run = localization_run(
        classified.model_facts,
        classified.completed(choices),
        [told],
        Rule(classified.class_names, size, crop, squash),
        measures=MEASURES,
        seed=0,
        baselines=True,
        quadrants=False,
        boxes=[BOXES],
        photos=[picture.source],
    )
    file = PurePath(picture.source).name
    more: Files = {
        "Boxes (COCO)": (BOXES, lambda: coco_file(file, picture.size, regions, name)),
        "run.json": ("run.json", run.run_json),
    }
    files = _files(found, LeftOut().table())
    offer_row({**files, **more}, "localisation", ready and not found.table.empty)


def of_set(
    classified: Classified,
    choices: Sequence[Choice],
    marked: Marked,
    found: Found,
) -> None:
    """Of a data set."""
    run = localization_run(
        classified.model_facts,
        classified.completed(choices),
        marked.facts(classified.class_titles),
        marked.rule,
        measures=MEASURES,
        seed=marked.seed,
        baselines=True,
        quadrants=marked.quadrants,
        data=[("--data", marked.folder), ("--most", str(marked.most))],
    )
    files = _files(found, marked.left_out)
    record: Files = {"run.json": ("run.json", run.run_json)}
    offer_row({**files, **record}, "localisation", not found.table.empty)


def _files(found: Found, left_out: pd.DataFrame) -> Files:
    titles = {name: localized_title(name) for name in dict.fromkeys(found.table["method"])}
    makers = findings(found.table, found.runs, found.pooled, left_out, titles)
    charts = {name: make for name, make in makers.items() if name.endswith(CHARTS)}
    csv = {name: make for name, make in makers.items() if name not in charts}
    return {
        "CSV": ("localization.csv", makers["localization.csv"]),
        "All tables (ZIP)": (
            "localization.zip",
            lambda: zip_bytes({name: make() for name, make in csv.items()}),
        ),
        **{name.rpartition(".")[2].upper(): (name, make) for name, make in charts.items()},
    }
