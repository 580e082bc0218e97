"""Files of what is shown, and the run.json that repeats it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from pages.components.class_sensitivity.subjects import Looked
from pages.components.classified import Classified
from pages.components.cohort import Cohort
from pages.components.file_buttons import offer_row
from xai_core.class_sensitivity.pairs import CHOSEN
from xai_core.class_sensitivity.record import sensitivity_run
from xai_core.class_sensitivity.result_files import findings
from xai_core.explainers.choices import Choice, column_title
from xai_core.similarity import similarities

LABELS = {"class_sensitivity.csv": "CSV", "averages.csv": "Averages CSV"}


def show(
    classified: Classified,
    looked: Looked,
    choices: Sequence[Choice],
    chosen: Sequence[int],
    table: pd.DataFrame,
    ready: bool,
) -> None:
    """Of one picture; the buttons wait until all is there."""
    pictures = [(one.picture.source, one.picture.hash) for one in looked.pictures]
    run = sensitivity_run(
        classified.model_facts,
        classified.completed(choices),
        pictures,
        measures=list(similarities()),
        classes=chosen,
        rule=CHOSEN,
        joined=looked.joined,
    )
    _offer(table, choices, run.run_json, ready and not table.empty)


def of_many(
    classified: Classified,
    cohort: Cohort,
    choices: Sequence[Choice],
    pairs: Mapping[str, tuple[int, int]],
    rule: str,
    table: pd.DataFrame,
) -> None:
    """Of many pictures."""
    pictures = [(cohort.names[digest], digest) for digest in pairs]
    run = sensitivity_run(
        classified.model_facts,
        classified.completed(choices),
        pictures,
        measures=list(similarities()),
        rule=rule,
        classes=next(iter(pairs.values())) if rule == CHOSEN else (),
        true=[cohort.true[digest] for digest in pairs],
        data=cohort.data,
        folder=cohort.folder,
    )
    _offer(table, choices, run.run_json, not table.empty)


def _offer(
    table: pd.DataFrame, choices: Sequence[Choice], run_json: Callable[[], bytes], ready: bool
) -> None:
    titles = {choice.id: column_title(choice.id) for choice in choices}
    makers = findings(table, titles)
    files: dict[str, tuple[str, Callable[[], bytes]]] = {
        LABELS.get(name, name.rpartition(".")[2].upper()): (name, make)
        for name, make in makers.items()
    }
    offer_row({**files, "run.json": ("run.json", run_json)}, "class-sensitivity", ready)
