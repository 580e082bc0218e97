"""Files of a sanity check: its table, its curves, every map, and what repeats it."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import streamlit as st
from numpy.typing import NDArray

from pages.components.classified import Classified
from pages.components.file_buttons import offer_row
from pages.components.sanity.sweep_results import SweepResults
from pages.components.work import owner
from xai_core.errors import JobError
from xai_core.explainers.choices import column_title
from xai_core.export import write_npz
from xai_core.files import csv_bytes
from xai_core.heatmaps import SHOWS
from xai_core.jobs import shared_engine
from xai_core.measures import Needs, titles_of
from xai_core.randomization.stored_maps import PROBLEM
from xai_core.randomization.verdicts import Thresholds, curves
from xai_core.tasks.sanity_run import sanity_run

FORMS = ("png", "svg", "pdf")


def show(
    classified: Classified, sweep: SweepResults, thresholds: Thresholds, shown: str, ready: bool
) -> None:
    """One button a file; each file is made when its button is pressed.

    Args:
        classified: the model and the pictures.
        sweep: what is known.
        thresholds: of the verdict.
        shown: what the maps show whose curves are drawn.
        ready: whether all has been computed that will be; the buttons wait for it.
    """
    names = [image.picture.source for image in classified.images]
    asker = owner()  # asked here: a file is made outside of the visitor's run
    files: dict[str, tuple[str, Callable[[], bytes]]] = {
        "CSV": ("sanity.csv", lambda: csv_bytes(sweep.table(names))),
        "Curves CSV": ("curves.csv", lambda: csv_bytes(curves(sweep.table(names)))),
        **{
            f"Curves {form.upper()}": (f"curves.{form}", partial(_chart, sweep, names, shown, form))
            for form in FORMS
        },
        "Maps NPZ": ("maps.npz", lambda: _npz(sweep, names, asker)),
        "run.json": ("run.json", lambda: _run(classified, sweep, thresholds)),
    }
    offer_row(files, "sanity", ready)
    if ready and (missing := len(sweep.missing())):
        asked = sum(map(len, sweep.inquiry.keys.values()))
        st.caption(f"{missing} of {asked} maps have not been computed. No file has them.")


def _chart(sweep: SweepResults, names: Sequence[str], shown: str, form: str) -> bytes:
    """The curves of all measures, as the command line draws them."""
    from xai_core.charts import chart_bytes, curve_chart

    inquiry = sweep.inquiry
    table = sweep.table(names, shows=[shown])
    lines = curves(table[table.depth >= 0]).assign(test=inquiry.test.mode)
    titles = {choice.id: column_title(choice.id) for choice in inquiry.choices}
    chart = curve_chart(lines, titles, titles_of(Needs.TWO_MAPS), sweep.noise_floors(shown))
    return chart_bytes(chart, form)


def _npz(sweep: SweepResults, names: Sequence[str], asker: str) -> bytes:
    """Every map that the page knows, [C, h, w] float32, under the command line's names."""
    stream = io.BytesIO()
    write_npz(stream, _maps(sweep, names, asker), packed=True)
    return stream.getvalue()


def _maps(
    sweep: SweepResults, names: Sequence[str], asker: str
) -> Iterator[tuple[str, NDArray[Any]]]:
    engine = shared_engine()
    # The cache drops what was longest unused, and a full disk keeps nothing.
    dropped = sweep.inquiry.tasks(lambda key: key not in sweep.facts or key in engine.cache)
    engine.submit(dropped, asker).wait()
    for name, key in sweep.named(names):
        if key not in sweep.facts or sweep.facts[key][PROBLEM]:
            continue
        found = engine.cache.get(key)
        if found is None:
            raise JobError(f"The map {name} could not be kept. Is the disk full?")
        yield name, found.arrays["map"]


def _run(classified: Classified, sweep: SweepResults, thresholds: Thresholds) -> bytes:
    """Everything that decides the results, and the command that repeats them."""
    inquiry = sweep.inquiry
    images = [
        (one.picture.source, one.picture.hash, one.target, classified.class_titles[one.target])
        for one in classified.images
    ]
    run = sanity_run(
        classified.model_facts,
        images,
        [inquiry],
        thresholds,
        measures=inquiry.measures,
        shows=SHOWS,
    )
    names = [image.picture.source for image in classified.images]
    missing = [name for name, key in sweep.named(names) if key not in sweep.facts]
    return run.run_json(missing=missing)
