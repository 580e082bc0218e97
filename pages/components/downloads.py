"""Files of what is shown, and the run.json that repeats it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from pages.components.scene import Scene
from pages.components.work import Work
from xai_core.display import Display
from xai_core.explainers.choices import Choice, column_title, completed
from xai_core.export import Explanation, explain_run, relevance_npz, table
from xai_core.figures import grid_figure, to_png, to_svg
from xai_core.files import csv_bytes
from xai_core.jobs import Task


def finished(
    scene: Scene,
    choices: Sequence[Choice],
    orders: Mapping[tuple[str, str], Task],
    work: Work,
) -> list[Explanation]:
    """What has been computed, picture by picture."""
    explanations = []
    for view in scene.views:
        for choice in choices:
            result = work.results.get(orders[view.picture.hash, choice.id].key)
            if result is not None:
                explanations.append(
                    Explanation(
                        image_name=view.picture.source,
                        image=view.crop,
                        image_hash=view.picture.hash,
                        method=choice.method,
                        settings=completed(choice, scene.pictures),
                        target=view.target,
                        class_name=scene.class_titles[view.target],
                        probability=float(view.probabilities[view.target]),
                        relevance=result.arrays["relevance"],
                        seconds=result.facts["seconds"],
                        pixels=view.pixels,
                    )
                )
    return explanations


def show(scene: Scene, explanations: Sequence[Explanation], display: Display) -> None:
    """One button a format; each file is made when its button is pressed."""
    titles = {item.column: column_title(item.column) for item in explanations}
    run = explain_run(scene.model_facts, explanations, display)

    def figure() -> Any:
        return grid_figure(explanations, display, titles)

    files = {
        "PNG": ("heatmaps.png", "image/png", lambda: to_png(figure())),
        "SVG": ("heatmaps.svg", "image/svg+xml", lambda: to_svg(figure())),
        "NPZ": ("relevance.npz", "application/octet-stream", lambda: relevance_npz(explanations)),
        "CSV": ("heatmaps.csv", "text/csv", lambda: csv_bytes(table(explanations))),
        "run.json": ("run.json", "application/json", run.run_json),
    }
    row = st.container(horizontal=True, vertical_alignment="center")
    row.markdown("**Download**")
    for label, (name, mime, make) in files.items():
        row.download_button(label, make, name, mime, key=f"download {label}", on_click="ignore")
