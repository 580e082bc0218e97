"""Files of what is shown, and the run.json that repeats it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pages.components.classified import Classified
from pages.components.file_buttons import offer_row
from pages.components.work import Work
from xai_core.display import Display
from xai_core.explainers.choices import Choice, column_title, completed
from xai_core.export import Explanation, explain_run, relevance_npz, table
from xai_core.figures import grid_figure, to_png, to_svg
from xai_core.files import csv_bytes
from xai_core.jobs import Task


def finished(
    classified: Classified,
    choices: Sequence[Choice],
    asked: Mapping[tuple[str, str], Task],
    work: Work,
) -> list[Explanation]:
    """What has been computed, picture by picture."""
    explanations = []
    for image in classified.images:
        for choice in choices:
            result = work.results.get(asked[image.picture.hash, choice.id].key)
            if result is not None:
                explanations.append(
                    Explanation(
                        image_name=image.picture.source,
                        image=image.crop,
                        image_hash=image.picture.hash,
                        method=choice.method,
                        settings=completed(choice, classified.by_source),
                        target=image.target,
                        class_name=classified.class_titles[image.target],
                        probability=float(image.probabilities[image.target]),
                        relevance=result.arrays["relevance"],
                        seconds=result.facts["seconds"],
                        pixels=image.pixels,
                    )
                )
    return explanations


def show(classified: Classified, explanations: Sequence[Explanation], display: Display) -> None:
    """One button a format; each file is made when its button is pressed.

    Args:
        classified: the model.
        explanations: what has been computed; the buttons wait while there is nothing.
        display: how the maps are shown.
    """
    titles = {item.column: column_title(item.column) for item in explanations}

    def figure() -> Any:
        return grid_figure(explanations, display, titles)

    def run() -> bytes:
        return explain_run(classified.model_facts, explanations, display).run_json()

    files = {
        "PNG": ("heatmaps.png", lambda: to_png(figure())),
        "SVG": ("heatmaps.svg", lambda: to_svg(figure())),
        "NPZ": ("relevance.npz", lambda: relevance_npz(explanations)),
        "CSV": ("heatmaps.csv", lambda: csv_bytes(table(explanations))),
        "run.json": ("run.json", run),
    }
    offer_row(files, "download", ready=bool(explanations))
