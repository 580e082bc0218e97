"""The exported files: complete, readable again, and described."""

import csv
import io
import json
import shlex
import subprocess
import sys
from dataclasses import replace

import pandas as pd
import pytest
from sqlalchemy import update

from tests.pages import little_study
from tests.study.small import arguments
from tests.study.synthetic import fill, records
from xai_core.charts import chart_bytes, study_charts
from xai_core.cli.study import report as command
from xai_core.study.analysis import codebook, data_files
from xai_core.study.analysis.cases import CASES, case_table
from xai_core.study.analysis.results import Results, Settings, analyse, choice_titles
from xai_core.study.design import Condition
from xai_core.study.storage.records import Records
from xai_core.study.storage.schema import background

FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx")


@pytest.fixture(scope="module")
def made():
    return records(participants=8, images=4)


@pytest.fixture(scope="module")
def found(made):
    return analyse(made, Settings(replicates=100))


@pytest.fixture(scope="module")
def files(made, found):
    return data_files.files(made, found, "some-study")


def table(content):
    return pd.read_csv(io.BytesIO(content))


def test_one_row_for_each_answer(made, files):
    read = table(files["answers.csv"])
    assert len(read) == len(made.answers)
    for name in ("participant", "position", "kind", "image", "choice", "arrangement"):
        assert read[name].tolist() == made.answers[name].tolist()
    assert read.duration_ms.tolist() == made.answers.duration_ms.tolist()
    assert read.shown_position.isna().tolist() == made.answers.shown_position.isna().tolist()
    assert (read.counted == (read.kind == "trial")).all()
    right = made.predictions.set_index(["image", "model"]).correct
    for row in read.itertuples():
        escape = row.choice in ("same", "cannot_distinguish")
        assert pd.isna(row.correct) if escape else row.correct == right[row.image, row.choice]


def test_the_cases_can_be_made_again_from_the_files(files, found):
    answers, predictions = table(files["answers.csv"]), table(files["predictions.csv"])
    again = case_table(answers[answers.counted], predictions)
    assert again["count"].tolist() == found.tables["cases"]["count"].tolist()
    written = table(files["results/cases.csv"])
    assert written.high.tolist() == pytest.approx(found.tables["cases"].high.tolist())


def test_one_row_for_each_participant(made, files):
    read = table(files["participants.csv"])
    assert read.participant.tolist() == made.participants.participant.tolist()
    for row in made.answers[made.answers.kind == "trial"].itertuples():
        own = read[read.participant == row.participant].iloc[0]
        assert own[f"choice_{row.image}"] == row.choice
        assert own[f"seconds_{row.image}"] == pytest.approx(row.duration_ms / 1000)
    for row in made.background.itertuples():
        own = read[read.participant == row.participant].iloc[0]
        assert own[f"question_{row.question}"] == row.value


def test_who_did_not_answer_has_a_row_too(made):
    fewer = replace(made, answers=made.answers[made.answers.participant != 2])
    wide = data_files.wide_table(fewer)
    assert len(wide) == 8
    assert pd.isna(wide.set_index("participant").loc[2, "choice_p1"])


@pytest.mark.parametrize("name", ["answers", "participants", "predictions", "pictures"])
def test_parquet_holds_the_same(made, found, files, name):
    read = pd.read_parquet(io.BytesIO(files[f"{name}.parquet"]))
    expected = data_files.data_tables(made, found)[name]
    assert list(read.columns) == list(expected.columns)
    for column in read:
        one, other = read[column], expected[column]
        assert one.isna().tolist() == other.isna().tolist(), column
        assert one.dropna().tolist() == other.dropna().tolist(), column


def test_json_holds_everything(made, found, files):
    read = json.loads(files["study.json"])
    assert (read["study"], read["version"]) == ("some-study", 1)
    assert len(read["data"]["answers"]) == len(made.answers)
    assert {len(read["results"][name]) == len(one) for name, one in found.tables.items()} == {True}
    assert read["results"]["cases"][0]["case"] == 1
    assert read["design"]["question"] == made.design.question


def test_the_codebook_names_every_column(made, found, files):
    tables = data_files.data_tables(made, found)
    tables |= {f"results/{name}": one for name, one in found.tables.items()}
    named = {(row["table"], row["name"]): row for row in json.loads(files["codebook.json"])}
    assert set(named) == {(name, str(column)) for name, one in tables.items() for column in one}
    for row in named.values():
        assert row["type"], row
        assert row["meaning"].endswith((".", "?")), row
    assert named["participants", "choice_p1"]["levels"] == [
        "c1",
        "c2",
        "cannot_distinguish",
        "same",
    ]
    assert named["answers", "question_degree"]["levels"] == ["yes", "no"]
    assert "file 1.png" in named["participants", "choice_p1"]["meaning"]
    for name in tables:
        assert f"## {name}\n" in files["codebook.md"].decode()


def test_levels_hold_what_occurs(made, found, files):
    tables = data_files.data_tables(made, found)
    for row in json.loads(files["codebook.json"]):
        if row["levels"] and row["table"] in tables:
            occurs = set(tables[row["table"]][row["name"]].dropna().astype(str))
            assert occurs <= set(row["levels"]), row


def test_codes_that_platforms_pay_for_are_not_in_the_files(files):
    assert not [name for name, content in files.items() if b"PAID" in content]


def test_run_json_has_the_command_that_repeats_it(files):
    run = json.loads(files["run.json"])
    words = shlex.split(run["command"])
    assert words[:4] == ["python", "-m", "xai_core", "study"]
    assert {"some-study", "--version", "1", "--seed"} <= set(words)
    assert run["settings"]["replicates"] == 100
    assert run["exported_at"].endswith("+00:00")


@pytest.mark.parametrize("text", FORMULAS)
def test_text_from_outside_is_no_formula(made, text):
    said = made.background.assign(value=text)
    pictures = tuple(replace(one, name=text, true_class=text) for one in made.design.pictures)
    conditions = tuple(Condition(one.id, text, {}, "x") for one in made.design.conditions)
    hostile = replace(
        made,
        design=replace(made.design, pictures=pictures, conditions=conditions),
        background=said,
        answers=made.answers.assign(true_class=text),
    )
    written = data_files.files(hostile, analyse(hostile, Settings(replicates=100)), "s")
    for name, content in written.items():
        if not name.endswith(".csv"):
            continue
        for row in csv.reader(io.StringIO(content.decode(), newline="")):
            for cell in row:
                assert not cell.startswith(("=", "+", "@", "\t", "\r")), (name, cell)
                assert not cell.startswith("-") or float(cell) <= 0, (name, cell)


def test_the_codebook_keeps_strange_text_in_its_cell(made):
    text = "a|b\n# <script>x</script> [l](http://e)"
    question = replace(made.design.background[0], text=text)
    other = replace(made, design=replace(made.design, background=(question,)))
    tables = {"answers": data_files.long_table(other)}
    written = codebook.as_markdown(tables, other)
    assert "<script>" not in written
    assert "\n#" not in written.partition("## answers")[2]
    line = next(one for one in written.splitlines() if "script" in one)
    assert line.replace("\\|", "").count("|") == 6


def test_figures_are_drawn_and_repeat(made, found):
    cases = {str(case): title for case, title in CASES.items()}
    titles = dict.fromkeys(choice_titles(made), "$x^2 & <b>")
    charts = study_charts(found.tables, titles, cases)
    assert set(charts) == {"cases", "case_intervals", "shares", "positions", "funnel"}
    for name, chart in charts.items():
        assert chart_bytes(chart, "png").startswith(b"\x89PNG"), name
    again = study_charts(found.tables, titles, cases)
    assert chart_bytes(charts["cases"], "svg") == chart_bytes(again["cases"], "svg")


def test_no_answers_can_be_exported_and_drawn(made):
    empty = replace(made, answers=made.answers[:0], background=made.background[:0])
    nothing = analyse(empty, Settings(replicates=100))
    assert table(data_files.files(empty, nothing, "s")["results/cases.csv"])["count"].sum() == 0
    charts = study_charts(
        nothing.tables, choice_titles(empty), {str(case): one for case, one in CASES.items()}
    )
    assert all(chart_bytes(chart, "png") for chart in charts.values())


@pytest.fixture
def published(sqlite_store):
    slug = little_study.publish(sqlite_store, little_study.design(trials=3))
    fill(sqlite_store, slug, 5)
    with sqlite_store.database.writing() as connection:
        connection.execute(update(background).values(value="=1+1"))
    return sqlite_store, slug


def test_the_command_writes_what_the_package_computes(published, tmp_path, capsys):
    store, slug = published
    words = arguments(command, "export", slug, "--out", tmp_path / "out", "--replicates", 100)
    assert words.run(words) == 0
    assert "15 answers of 5 participants" in capsys.readouterr().out
    own = store.records(slug)
    assert isinstance(own, Records)
    expected = data_files.files(own, analyse(own, Settings(replicates=100)), slug)
    for name, content in expected.items():
        if name != "run.json":
            assert (tmp_path / "out" / name).read_bytes() == content, name
    assert (tmp_path / "out" / "figures" / "cases.svg").exists()


def test_the_command_prints_the_tables(published, capsys):
    store, slug = published
    words = arguments(command, "results", slug, "--replicates", 100, "--interval", "normal")
    assert words.run(words) == 0
    shown = capsys.readouterr().out
    counts = case_table(store.records(slug).answers, store.records(slug).predictions)
    assert "15 answers of 5 participants to 3 pictures (version 1)" in shown
    assert f"{counts['count'][0]}" in shown
    assert "hushtitle 0" in shown
    words = arguments(command, "results", slug, "--json", "--replicates", 100)
    assert words.run(words) == 0
    assert json.loads(capsys.readouterr().out)["study"] == slug


def test_the_analysis_needs_neither_torch_nor_streamlit():
    code = (
        "import sys\n"
        "import xai_core.study.analysis.data_files, xai_core.study.storage.pulse\n"
        "sys.exit(bool({'torch', 'streamlit', 'matplotlib'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_words_of_the_command_line_are_those_of_the_package():
    from xai_core.study.analysis.counted import WHO
    from xai_core.study.analysis.intervals import INTERVALS
    from xai_core.study.analysis.votes import RULES

    assert (tuple(RULES), tuple(INTERVALS), tuple(WHO)) == (
        command.RULES,
        command.INTERVALS,
        command.WHO,
    )


def test_maps_computed_elsewhere_have_everything_but_cases(made):
    """The same answers, with no predictions: every table is as before, and cases have no rows."""
    without = replace(made, predictions=made.predictions[:0])
    some = replace(made, predictions=made.predictions[made.predictions.model == "c1"])
    whole = analyse(made, Settings(replicates=100))
    for records_ in (without, some):
        found = Results.from_json(analyse(records_, Settings(replicates=100)).to_json())
        for name in ("cases", "background_cases", "sensitivity"):
            assert found.tables[name].empty
            assert len(whole.tables[name])
        for name in set(whole.tables) - {"cases", "background_cases", "sensitivity"}:
            pd.testing.assert_frame_equal(found.tables[name], whole.tables[name])
        files = data_files.files(records_, found, "s")
        assert set(table(files["answers.csv"])) == set(
            table(data_files.files(made, whole, "s")["answers.csv"])
        )
        charts = study_charts(found.tables, choice_titles(records_), {})
        assert set(charts) == {"shares", "positions", "funnel"}
