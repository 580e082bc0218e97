"""A study as data: a row for each answer, a row for each participant, and what was found.

Participants are numbers here. Their ids at platforms that recruited them, and the codes that such
platforms pay for, are not in any of these files.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from xai_core.files import csv_bytes
from xai_core.provenance import Run
from xai_core.study.analysis import codebook
from xai_core.study.analysis.counted import counted, real
from xai_core.study.analysis.results import Results, choice_titles
from xai_core.study.analysis.tabular import plain
from xai_core.study.analysis.times import attention, seconds
from xai_core.study.storage.records import Records

LIBRARIES = ("numpy", "pandas", "scipy", "statsmodels", "krippendorff", "pyarrow")
SECRET = ("completion_code", "screen_out_code", "failed_code", "completion_url")


def files(records: Records, results: Results, study: str) -> dict[str, bytes]:
    """Every file but the figures, by its name.

    Args:
        records: everything of a version.
        results: what was found in it.
        study: the study's slug.
    """
    data = data_tables(records, results)
    found: dict[str, bytes] = {}
    for name, table in data.items():
        found[f"{name}.csv"] = csv_bytes(table)
        found[f"{name}.parquet"] = parquet_bytes(table)
    for name, table in results.tables.items():
        found[f"results/{name}.csv"] = csv_bytes(table)
    tables = {**data, **{f"results/{name}": one for name, one in results.tables.items()}}
    found["study.json"] = json_bytes(records, results, study)
    found["codebook.md"] = codebook.as_markdown(tables, records).encode("utf-8")
    found["codebook.json"] = _json(codebook.columns(tables, records))
    found["run.json"] = study_run(records, results, study).run_json()
    return found


def data_tables(records: Records, results: Results) -> dict[str, pd.DataFrame]:
    """The tables of data: answers, participants, predictions, pictures, conditions."""
    design = records.design
    return {
        "answers": long_table(records, results.settings.who),
        "participants": wide_table(records),
        "predictions": records.predictions,
        "pictures": pd.DataFrame(
            [(one.id, one.name, one.true_class, one.kind, one.asset) for one in design.pictures],
            columns=["image", "name", "true_class", "kind", "sha256"],
        ),
        "conditions": pd.DataFrame(
            [
                (one.id, one.title, _compact(one.model), one.method, _compact(one.settings))
                for one in design.conditions
            ],
            columns=["model", "title", "network", "method", "settings"],
        ),
    }


def long_table(records: Records, who: str = "everyone") -> pd.DataFrame:
    """A row for each answer, of every kind of trial, with what its participant said before.

    Args:
        records: everything of a version.
        who: whose answers count, one of ``counted.WHO``.
    """
    own = records.answers
    names = {picture.id: picture.name for picture in records.design.pictures}
    right = records.predictions.set_index(["image", "model"])["correct"].to_dict()
    keys = zip(own["image"], own["choice"], strict=True)
    table = own.astype({"focus_losses": "Int64", "hidden_ms": "Int64"})
    for name in ("served_at", "answered_at"):
        table[name] = _iso(own[name])
    behind = own.columns.to_list().index("choice") + 1
    correct = pd.Series([right.get(key) for key in keys], own.index, dtype="boolean")
    table.insert(behind, "correct", correct)
    table.insert(behind, "choice_title", own["choice"].map(choice_titles(records)))
    table.insert(own.columns.to_list().index("image") + 1, "picture", own["image"].map(names))
    table["counted"] = own.index.isin(counted(records, who).index)
    said = pd.DataFrame(_background_columns(records, own.participant), index=own.index)
    return pd.concat([table, said], axis=1)


def long_csv(records: Records, who: str = "everyone") -> bytes:
    """``long_table`` as CSV."""
    return csv_bytes(long_table(records, who))


def wide_table(records: Records) -> pd.DataFrame:
    """A row for each participant: what was said before, and every choice and its time."""
    people = records.participants
    table = people.copy()
    table["ending"] = people.ending.astype("object")
    for name in [name for name in people.columns if name.endswith("_at")]:
        table[name] = _iso(people[name])
    care = attention(records)[["participant", "median", "failed", "hurried"]]
    care = care.rename(columns={"median": "median_seconds"})
    table = table.merge(care, how="left", on="participant")
    for name in ("failed", "hurried"):
        table[name] = table[name].astype("boolean")
    columns = _background_columns(records, table.participant)
    answers = real(records.answers).assign(seconds=lambda own: seconds(own))
    for picture in records.design.of_kind("trial"):
        own_answers = answers[answers["image"] == picture.id].set_index("participant")
        columns[f"choice_{picture.id}"] = table.participant.map(own_answers["choice"])
        columns[f"seconds_{picture.id}"] = table.participant.map(own_answers["seconds"])
    return pd.concat([table, pd.DataFrame(columns, index=table.index)], axis=1)


def wide_csv(records: Records) -> bytes:
    """``wide_table`` as CSV."""
    return csv_bytes(wide_table(records))


def json_bytes(records: Records, results: Results, study: str) -> bytes:
    """Everything in one file: design, data and results."""
    return _json(
        {
            "study": study,
            "version": records.version,
            "design": public_design(records),
            "visits": records.visits,
            "declined": records.declined,
            "data": {name: _rows(one) for name, one in data_tables(records, results).items()},
            "settings": results.settings.to_json(),
            "results": {name: _rows(one) for name, one in results.tables.items()},
        }
    )


def parquet_bytes(table: pd.DataFrame) -> bytes:
    """A table as Parquet."""
    stream = io.BytesIO()
    table.to_parquet(stream, engine="pyarrow", index=False)
    return stream.getvalue()


def study_run(records: Records, results: Results, study: str) -> Run:
    """What makes the same files again, as long as nobody answers in between."""
    chosen = results.settings
    facts = {
        "exported_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "study": study,
        "version": records.version,
        "participants": len(records.participants),
        "answers": len(records.answers),
        "settings": chosen.to_json(),
        "design": public_design(records),
    }
    given = {"version": records.version, **chosen.to_json()}
    options = [(f"--{name}", str(value)) for name, value in given.items()]
    return Run(("study", "export", study), facts, options, libraries=LIBRARIES)


def public_design(records: Records) -> dict[str, Any]:
    """The design without the codes that platforms pay for."""
    whole = records.design.to_json()
    return {name: value for name, value in whole.items() if name not in SECRET}


def _background_columns(records: Records, participants: pd.Series) -> dict[str, pd.Series]:
    """What these participants said of themselves, one column a question."""
    said = records.background
    columns = {}
    for question in records.design.background:
        own = said[said.question == question.id].set_index("participant")["value"]
        columns[f"question_{question.id}"] = participants.map(own)
    return columns


def _iso(moments: pd.Series) -> pd.Series:
    texts = [None if pd.isna(one) else one.isoformat(timespec="milliseconds") for one in moments]
    return pd.Series(texts, index=moments.index, dtype="object")


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows with None for what is missing, as JSON knows no NaN."""
    whole = plain(table)
    return [dict(zip(whole["columns"], row, strict=True)) for row in whole["rows"]]


def _compact(values: Mapping[str, Any]) -> str:
    return json.dumps(dict(values), ensure_ascii=False, sort_keys=True)


def _json(content: Mapping[str, Any] | Sequence[Any]) -> bytes:
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    return f"{text}\n".encode()
