"""``apem`` on the command line: its files, and how it goes on after an interruption."""

import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.command_line import (
    CLASSES,
    dead,
    interrupted,
    refused,
    repeated,
    rows_of,
    same_files,
    single,
    small,
    told,
    weighted,
    write_model,
)
from xai_core import charts
from xai_core.__main__ import main
from xai_core.apem import apem_normalized
from xai_core.apem.result_files import tables
from xai_core.cache import Cache
from xai_core.charts import chart_bytes, reliability_charts
from xai_core.cli import photo_sets
from xai_core.explainers import explain
from xai_core.heatmaps import STAGES, relevance_map, upsample
from xai_core.images import sample_image
from xai_core.models import architectures, load_classifier, model_facts
from xai_core.tasks import apem as apem_tasks

METHODS = ("saliency", "gradcam")
# The classes that the network with the random weights gives them: 1, 0, 1, 0.
PHOTOS = ("sample:cat", "sample:motorcycle", "sample:rocket", "sample:coins")
SHUFFLES, MOST = 2, 40
NUMBERS = ("eps_minus", "eps_plus", "eps_minus_shuffle", "eps_plus_shuffle")


ARCHITECTURES = {"small": small, "single": single, "dead": dead}


@pytest.fixture(scope="module", autouse=True)
def models(tmp_path_factory):
    """Embedded models of small networks."""
    folder = tmp_path_factory.mktemp("models")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model_facts, "ASSETS", folder)
        for name, architecture in ARCHITECTURES.items():
            patch.setitem(architectures.ARCHITECTURES, name, architecture)
            write_model(folder, name, weighted(architecture), architecture=name)
        yield folder


@pytest.fixture(scope="module", autouse=True)
def _undrawn():
    """Charts take longer than the rest."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(charts, "reliability_charts", lambda *tables: {"boxes": lambda: None})
        patch.setattr(charts, "chart_bytes", lambda chart, form: form.encode())
        yield


def line(out, *more, photos=PHOTOS, methods=METHODS, model="small"):
    words = ["apem", *photos, "--model", model, "--methods", ",".join(methods)]
    return [*words, "--shuffles", str(SHUFFLES), "--eps-max", str(MOST), "--out", str(out), *more]


TRUE = ("bee", "2", "unknown", "ant")  # right, wrong, not known, right


def with_classes(words):
    return [part for word in words for part in ("--true", word)]


@pytest.fixture(scope="module")
def whole(models, _undrawn, tmp_path_factory):
    """The folder of an undisturbed run, its status and its output."""
    out = tmp_path_factory.mktemp("whole")
    return out, *told(line(out, *with_classes(TRUE)))


@pytest.fixture
def finished(whole, tmp_path):
    """A copy of the undisturbed run."""
    return shutil.copytree(whole[0], tmp_path / "copy")


@pytest.fixture
def measured(monkeypatch):
    """The methods that are measured, one after the other, of whichever picture."""
    calls, picture_rows = [], apem_tasks.picture_rows

    def counted(clf, x, relevances, *args, **settings):
        calls.extend(relevances)
        return picture_rows(clf, x, relevances, *args, **settings)

    monkeypatch.setattr(apem_tasks, "picture_rows", counted)
    return calls


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Sample pictures as small files, each twice, the second one mirrored."""
    folder = tmp_path_factory.mktemp("files")
    found = []
    for name in ("cat", "coffee", "motorcycle", "coins"):
        image = sample_image(name).resize((48, 48))
        for suffix, one in (("", image), ("-2", image.transpose(Image.Transpose.FLIP_LEFT_RIGHT))):
            one.save(folder / f"{name}{suffix}.png")
            found.append(folder / f"{name}{suffix}.png")
    return found


def number(word):
    return None if word == "" else float(word)


def predicted(path):
    clf = load_classifier("small")
    return int(clf.logits(clf.preprocess([Image.open(path).convert("RGB")])).argmax())


# ------------------------------------------------------------------ numbers and files


def test_the_table_has_the_numbers_of_the_functions(whole):
    out, status, _ = whole
    assert status == 0
    rows = rows_of(out / "apem.csv")
    clf = load_classifier("small")
    keys = [(photo, method, stage) for photo in PHOTOS for method in METHODS for stage in STAGES]
    assert [(row["image"], row["method"], row["stage"]) for row in rows] == keys
    known = 0
    for row in rows:
        x = clf.preprocess([sample_image(row["image"].removeprefix("sample:"))])
        y = int(clf.logits(x).argmax())
        raw = explain(clf, x, y, method=row["method"])
        r = relevance_map(upsample(raw, (16, 16)).double(), row["stage"], clf.pixels(x).double())
        options = {"shuffles": SHUFFLES, "eps_max": MOST}
        expected = apem_normalized(clf, x, y, r, **options)
        for name, value in [
            *((name, getattr(expected, name)[0]) for name in NUMBERS),
            ("apem", expected.eps_plus[0] - expected.eps_minus[0]),
            ("apem_normalized", expected.apem_normalized[0]),
            ("apem_shuffled", expected.eps_plus_shuffle[0] - expected.eps_minus_shuffle[0]),
        ]:
            assert number(row[name]) == (None if pd.isna(value) else value), (row, name)
            known += not pd.isna(value)
        assert row["problem"] == ""
    assert known > 50, "a network that changes no answer would compare nothing"


def test_each_picture_has_its_facts(whole):
    rows = {row["image"]: row for row in rows_of(whole[0] / "apem.csv")}
    assert [rows[photo]["true"] for photo in PHOTOS] == ["1", "2", "", "0"]
    assert [rows[photo]["predicted"] for photo in PHOTOS] == ["1", "0", "1", "0"]
    assert [rows[photo]["correct"] for photo in PHOTOS] == ["True", "False", "", "True"]
    clf = load_classifier("small")
    for photo, true in zip(PHOTOS, (1, 2, None, 0), strict=True):
        x = clf.preprocess([sample_image(photo.removeprefix("sample:"))])
        shares = clf.logits(x)[0].double().softmax(0)
        assert float(rows[photo]["confidence"]) == pytest.approx(float(shares.max()), rel=1e-6)
        loss = None if true is None else -float(shares[true].log())
        assert number(rows[photo]["loss"]) == (loss if loss is None else pytest.approx(loss))


def test_the_other_tables_follow_from_the_first(whole):
    out = whole[0]
    kinds = dict.fromkeys(("apem", "eps_minus", "eps_plus", "apem_shuffled"), "Int64")
    table = pd.read_csv(out / "apem.csv").astype({**kinds, "correct": "boolean"})
    table["problem"] = table.problem.astype(object).fillna("")
    for name, make in tables(table).items():
        found = pd.read_csv(out / f"{name}.csv", keep_default_na=False, na_values=[""])
        expected = make()
        assert list(found.columns) == list(expected.columns)
        assert len(found) == len(expected)
        assert len(found) > 0 or name == "unexpected", "on no picture is the weaker method better"
        for column in expected:
            if expected[column].dtype == float:
                np.testing.assert_allclose(found[column], expected[column], rtol=1e-9)
            else:
                words = found[column].fillna("").astype(str)
                assert list(words) == list(expected[column].astype(str))


def test_all_figures_are_there(tmp_path, monkeypatch):
    monkeypatch.setattr(charts, "reliability_charts", reliability_charts)
    monkeypatch.setattr(charts, "chart_bytes", chart_bytes)
    assert main(line(tmp_path, "--stages", "map,channels", photos=PHOTOS[1:2])) == 0
    for name in ("boxes", "pairs", "irrelevance", "stages", "shuffled"):
        Image.open(tmp_path / f"{name}.png").load()
        assert b"<svg" in (tmp_path / f"{name}.svg").read_bytes()
        assert (tmp_path / f"{name}.pdf").read_bytes().startswith(b"%PDF")
    assert not list(tmp_path.rglob("*.part"))


def test_the_summary_is_printed(whole):
    lines = whole[2].splitlines()
    for group in ("rightly classified", "wrongly classified", "all pictures"):
        assert f"APEM, {group}:" in lines
    assert "Spearman's correlation with the loss:" in lines
    assert lines[-1].startswith("Took ")
    one = rows_of(whole[0] / "summary.csv")[0]
    assert any(
        text.split()[:4] == ["saliency", "channels", one["pictures"], one["censored"]]
        and [float(word) for word in text.split()[4:6]]
        == [round(float(one[name]), 2) for name in ("apem", "median")]
        for text in lines
    )


# ------------------------------------------------------------------ again


def test_a_second_run_computes_nothing(whole, finished, measured, capsys):
    (finished / "apem.csv").unlink()
    assert main(line(finished, *with_classes(TRUE))) == 0
    assert measured == []
    assert capsys.readouterr().err.count("already there") == len(PHOTOS) * len(METHODS)
    same_files(finished, whole[0], "apem.csv", "summary.csv", "pairwise.csv", "correlations.csv")


def test_a_further_method_leaves_the_others_alone(finished, measured):
    assert main(line(finished, methods=("gradcam", "edges"))) == 0
    assert measured == ["edges"] * len(PHOTOS)


@pytest.mark.parametrize(
    "change", [["--seed", "1"], ["--eps-max", "30"], ["--shuffles", "1"], ["--stages", "map"]]
)
def test_other_settings_are_measured_anew(finished, measured, change):
    assert main([*line(finished, photos=PHOTOS[:1]), *change]) == 0
    assert sorted(measured) == sorted(METHODS)


def test_the_recorded_command_repeats_the_run(whole, tmp_path):
    facts = repeated((whole[0] / "run.json").read_text(), tmp_path)
    same_files(tmp_path, whole[0], "apem.csv")
    assert facts["model"]["fingerprint"] == load_classifier("small").fingerprint
    assert [image["name"] for image in facts["images"]] == list(PHOTOS)
    assert [image["true"] for image in facts["images"]] == [1, 2, None, 0]
    assert [method["id"] for method in facts["methods"]] == list(METHODS)
    assert facts["stages"] == list(STAGES)
    assert (facts["shuffles"], facts["seed"], facts["eps_max"]) == (SHUFFLES, 0, MOST)


def test_a_killed_run_goes_on_where_it_stopped(whole, tmp_path, capsys, measured):
    words = line(tmp_path, *with_classes(TRUE))
    interrupted(words, len(PHOTOS) + 3)  # the predictions, and three measurements
    assert "the same command goes on from here" in capsys.readouterr().err
    assert not (tmp_path / "apem.csv").exists()
    once = measured[: len(METHODS)]
    measured.clear()
    assert main(words) == 0
    assert measured == (once * len(PHOTOS))[3:]
    same_files(tmp_path, whole[0], "apem.csv")


def test_a_damaged_result_is_measured_again(whole, finished, measured, caplog):
    kept = (finished / ".results").iterdir()
    next(path for path in kept if b"rows" in path.read_bytes()).write_bytes(b"PK nothing")
    assert main(line(finished, *with_classes(TRUE))) == 0
    assert len(measured) == 1
    same_files(finished, whole[0], "apem.csv")


def test_what_cannot_be_kept_is_written_all_the_same(whole, tmp_path, monkeypatch):
    monkeypatch.setattr(Cache, "put", lambda self, key, result: None)  # as on a full disk
    assert main(line(tmp_path, *with_classes(TRUE))) == 0
    same_files(tmp_path, whole[0], "apem.csv")


# ------------------------------------------------------------------ data sets


def folders(root, files):
    """The files in one folder a class: the predicted one, but of every second the next one."""
    data = root / "data"
    for place, path in enumerate(files):
        true = (predicted(path) + place % 2) % len(CLASSES)
        folder = data / CLASSES[true]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / path.name).write_bytes(path.read_bytes())
    return data


def pictures_of(out):
    """Image, true class and whether it is right, a picture a line."""
    once = {row["image"]: row for row in rows_of(out / "apem.csv")}
    return [(name, row["true"], row["correct"]) for name, row in once.items()]


QUICK = ["--shuffles", "0", "--eps-max", "3", "--stages", "map"]


@pytest.mark.parametrize("limits", [(None, None), (1, 2), (0, 3), (2, 0), (None, 1), (9, 9)])
def test_one_folder_a_class(files, tmp_path, limits):
    root = folders(tmp_path, files)
    options = [
        part
        for name, limit in zip(("--right", "--wrong"), limits, strict=True)
        if limit is not None
        for part in (name, str(limit))
    ]
    out = tmp_path / "out"
    words = line(out, "--data", str(root), *options, *QUICK, photos=(), methods=("edges",))
    assert main(words) == 0
    expected, seen = [], {True: 0, False: 0}
    for path in sorted(root.rglob("*.png")):
        true = CLASSES.index(path.parent.name)
        right = predicted(path) == true
        limit = limits[0] if right else limits[1]
        if limit is None or seen[right] < limit:
            seen[right] += 1
            expected.append((str(path), str(true), str(right)))
    assert pictures_of(out) == expected
    if limits == (None, None):
        assert seen == {True: 4, False: 4}


def test_no_more_pictures_are_read_than_are_needed(files, tmp_path, capsys, monkeypatch):
    root = folders(tmp_path, files)
    monkeypatch.setattr(photo_sets, "CHUNK", 3)
    kinds = [
        predicted(path) == CLASSES.index(path.parent.name) for path in sorted(root.rglob("*.png"))
    ]
    needed = kinds.index(not kinds[0]) // 3 + 1  # chunks
    for path in sorted(root.rglob("*.png"))[3 * needed :]:
        path.write_bytes(b"no picture")
    words = ["--data", str(root), "--right", "1", "--wrong", "1", *QUICK]
    assert main(line(tmp_path / "out", *words, photos=(), methods=("edges",))) == 0
    assert len(pictures_of(tmp_path / "out")) == 2
    assert "is not a picture" not in capsys.readouterr().err


def test_pictures_alone_have_no_class(files, tmp_path):
    out = tmp_path / "out"
    folder = str(files[0].parent)
    words = line(out, "--data", folder, *QUICK, "--right", "1", photos=(), methods=("edges",))
    assert main(words) == 0
    assert pictures_of(out) == [(str(path), "", "") for path in sorted(files)]
    assert rows_of(out / "correlations.csv") == []
    assert {row["group"] for row in rows_of(out / "summary.csv")} == {"all"}


def test_one_true_class_is_that_of_every_photo(tmp_path):
    assert main(line(tmp_path, "--true", "bee", *QUICK, methods=("edges",))) == 0
    assert [facts[1] for facts in pictures_of(tmp_path)] == ["1"] * len(PHOTOS)


# ------------------------------------------------------------------ what goes wrong


def test_an_unreadable_photo_is_named_and_the_rest_is_done(tmp_path, capsys):
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no picture")
    photos = [PHOTOS[0], str(bad), str(tmp_path / "none.png"), PHOTOS[1]]
    out = tmp_path / "out"
    assert main(line(out, *QUICK, photos=photos, methods=("edges",))) == 1
    errors = capsys.readouterr().err
    assert "bad.png" in errors
    assert "none.png" in errors
    assert "2/2" in errors
    assert [facts[0] for facts in pictures_of(out)] == [PHOTOS[0], PHOTOS[1]]
    assert (out / "run.json").exists()


def test_nothing_but_unreadable_photos_is_status_two(tmp_path, capsys):
    photos = [str(tmp_path / "none.png")]
    assert main(line(tmp_path / "out", photos=photos)) == 2
    assert "Nothing could be measured." in capsys.readouterr().err
    assert not (tmp_path / "out" / "run.json").exists()


def test_a_method_that_does_not_work_is_named_and_the_others_are_done(tmp_path, capsys):
    words = line(tmp_path, photos=PHOTOS[:2], model="single", methods=("gradcam", "saliency"))
    assert main(words) == 1
    rows = rows_of(tmp_path / "apem.csv")
    refused = [row for row in rows if row["method"] == "gradcam"]
    assert len(refused) == len(rows) / 2 == 2 * len(STAGES)
    (problem,) = {row["problem"] for row in refused}
    assert problem.endswith(".")
    assert f"gradcam: {problem}" in capsys.readouterr().err
    assert all(row["eps_minus"] == row["apem"] == "" for row in refused)
    assert {row["problem"] for row in rows if row["method"] == "saliency"} == {""}
    assert any(row["eps_minus"] for row in rows)
    found = {row["method"]: row for row in rows_of(tmp_path / "summary.csv")}
    assert (found["gradcam"]["pictures"], found["gradcam"]["failed"]) == ("0", "2")
    # It is not tried again.
    assert main(words) == 1
    assert "already there" in capsys.readouterr().err


def test_an_empty_map_is_a_problem_and_no_number(tmp_path, capsys):
    words = line(tmp_path, photos=PHOTOS[:1], model="dead", methods=("saliency", "edges"))
    assert main(words) == 1
    assert "saliency: Map 0 is zero everywhere" in capsys.readouterr().err
    rows = rows_of(tmp_path / "apem.csv")
    assert [bool(row["problem"]) for row in rows] == [True] * 3 + [False] * 3
    # Nothing changes this network's answer.
    assert all(row[name] == "" for row in rows for name in NUMBERS)
    edges = [row for row in rows_of(tmp_path / "summary.csv") if row["method"] == "edges"]
    assert all((row["pictures"], row["censored"]) == ("0", "1") for row in edges)


@pytest.mark.parametrize(
    ("photos", "more", "sentence"),
    [
        ((), [], "Name photos, or a data set"),
        (PHOTOS, ["--data", "."], "one of the two"),
        (PHOTOS, ["--stages", "map,none"], "no stage 'none'"),
        (PHOTOS, ["--shuffles", "-1"], "--shuffles must be at least 0, not -1"),
        (PHOTOS, ["--eps-max", "0"], "--eps-max must be at least 1, not 0"),
        (PHOTOS, ["--right", "3"], "--right is for --data"),
        (PHOTOS, ["--true", "bee", "--true", "ant"], "2 true classes were given for 4 photos"),
        (PHOTOS, ["--true", "wasp"], "no class 'wasp'"),
        (PHOTOS, ["--methods", "none"], "none"),
        (PHOTOS, ["--model", "none"], "none"),
        ((), ["--data", "nowhere"], "There is no folder nowhere"),
        ((), ["--data", "{empty}"], "no pictures"),
        ((), ["--data", "{strange}"], "no class 'wasp'"),
        ((), ["--data", "{strange}", "--true", "bee"], "--true is for photos"),
        ((), ["--data", "{strange}", "--target", "bee"], "--target is for photos"),
        ((), ["--data", "{strange}", "--wrong", "-2"], "--wrong must be at least 0"),
    ],
)
def test_mistakes_give_one_sentence_and_status_two(files, tmp_path, capsys, photos, more, sentence):
    (tmp_path / "empty").mkdir()
    (tmp_path / "strange" / "wasp").mkdir(parents=True)
    (tmp_path / "strange" / "wasp" / "a.png").write_bytes(files[0].read_bytes())
    names = {"empty": str(tmp_path / "empty"), "strange": str(tmp_path / "strange")}
    words = [word.format(**names) for word in more]
    out = tmp_path / "out"
    refused(line(out, *words, photos=photos), sentence, out, capsys)


# ------------------------------------------------------------------ maps computed elsewhere


def test_a_map_from_a_file_has_the_numbers_of_the_method_that_gave_it(tmp_path):
    clf = load_classifier("small")
    for name in ("cat", "rocket"):
        x = clf.preprocess([sample_image(name)])
        raw = explain(clf, x, int(clf.logits(x).argmax()), method="saliency")
        np.save(tmp_path / f"{name}.npy", raw[0].numpy())
    np.save(tmp_path / "rocket.npy", np.ones((5, 5)))  # of a size that fits nothing
    np.save(tmp_path / "unicorn.npy", np.ones((16, 16)))
    out, maps = tmp_path / "out", ("--maps", f"Mine too={tmp_path}")
    photos = ("sample:cat", "sample:rocket")
    status, _ = told(line(out, *maps, photos=photos, methods=("saliency",)))
    assert status == 1
    rows = {(row["image"], row["method"], row["stage"]): row for row in rows_of(out / "apem.csv")}
    for stage in STAGES:
        found = rows["sample:cat", "maps:Mine too", stage]
        expected = rows["sample:cat", "saliency", stage]
        assert {**found, "method": "", "seconds": ""} == {**expected, "method": "", "seconds": ""}
        assert "fits nothing" in rows["sample:rocket", "maps:Mine too", stage]["problem"]
        assert rows["sample:rocket", "saliency", stage]["problem"] == ""
    assert "--maps 'Mine too=Mine too'" in (out / "run.json").read_text()


def test_a_study_of_maps_alone_needs_no_method(tmp_path):
    np.save(tmp_path / "cat.npy", np.eye(16))
    maps = ("--maps", f"Mine={tmp_path}")
    status, _ = told(line(tmp_path / "out", *maps, photos=PHOTOS[:1], methods=()))
    assert status == 0
    assert {row["method"] for row in rows_of(tmp_path / "out" / "apem.csv")} == {"maps:Mine"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--maps", "Mine"), "must have the form NAME=FOLDER"),
        (("--maps", "Mine=nowhere"), "no folder of maps at nowhere"),
        (("--maps", "a,b=."), "need a name of letters"),
        (("--maps-cover", "Mine=seen"), "names maps that --maps leaves out"),
        (("--methods-from", "nowhere.py"), "no file of methods at nowhere.py"),
    ],
)
def test_what_is_no_map_is_refused_before_anything_is_measured(words, said, tmp_path, capsys):
    refused(line(tmp_path / "out", *words), said, tmp_path / "out", capsys)
