"""``class-sensitivity`` on the command line: its files, and how it goes on once interrupted."""

import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from tests.command_line import (
    CLASSES,
    dead,
    facts_of,
    few_random_maps,
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
from xai_core.class_sensitivity import compare_classes
from xai_core.class_sensitivity.joined import joined, joined_parts
from xai_core.explainers import explain
from xai_core.heatmaps import SHOWS
from xai_core.images import sample_image
from xai_core.models import architectures, load_classifier, model_facts
from xai_core.similarity import similarities
from xai_core.tasks import class_sensitivity as comparisons
from xai_core.tasks import explanations

METHODS = {"saliency": True, "gradcam": False}  # with whether they give negative values
MEASURES = ("ssim", "spearman")
SIZE = (16, 16)
# The classes that the network with the random weights gives them: 1, 0, 1, 0.
PHOTOS = ("sample:cat", "sample:motorcycle", "sample:rocket", "sample:coins")
QUICK = {"photos": PHOTOS[:2], "methods": ("saliency",)}
TABLES = ("class_sensitivity.csv", "averages.csv")


ARCHITECTURES = {"small": small, "single": single, "dead": dead}


@pytest.fixture(scope="module", autouse=True)
def models(tmp_path_factory):
    """Embedded models of small networks."""
    folder = tmp_path_factory.mktemp("models")
    with few_random_maps() as patch:
        patch.setattr(model_facts, "ASSETS", folder)
        for name, architecture in ARCHITECTURES.items():
            patch.setitem(architectures.ARCHITECTURES, name, architecture)
            write_model(folder, name, weighted(architecture), architecture=name)
        write_model(folder, "one-class", weighted(small, 1), class_names=CLASSES[:1])
        write_model(folder, "sigmoid", weighted(small), outputs="sigmoid")
        yield folder


@pytest.fixture(scope="module", autouse=True)
def _undrawn():
    """Charts take longer than the rest."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(charts, "class_chart", lambda *given: None)
        patch.setattr(charts, "chart_bytes", lambda chart, form: form.encode())
        yield


def line(out, *more, photos=PHOTOS, methods=tuple(METHODS), model="small"):
    words = ["class-sensitivity", *photos, "--model", model, "--methods", ",".join(methods)]
    return [*words, "--measures", ",".join(MEASURES), "--out", str(out), *more]


@pytest.fixture(scope="module")
def whole(models, _undrawn, tmp_path_factory):
    """The folder of an undisturbed run, its status and its output."""
    out = tmp_path_factory.mktemp("whole")
    return out, *told(line(out))


@pytest.fixture
def finished(whole, tmp_path):
    """A copy of the undisturbed run."""
    return shutil.copytree(whole[0], tmp_path / "copy")


@pytest.fixture
def explained(monkeypatch):
    """The methods that are asked for maps, one after the other."""
    calls, explain_once = [], explanations.run_explain

    def counted(*given, **options):
        calls.append(options["method"])
        return explain_once(*given, **options)

    # The tasks hold the function itself.
    monkeypatch.setattr(explanations, "run_explain", counted)
    monkeypatch.setattr(comparisons, "run_explain", counted)
    return calls


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Four sample pictures as small files, in one folder a class: the first two rightly."""
    root = tmp_path_factory.mktemp("files")
    for place, photo in enumerate(PHOTOS):
        name = photo.removeprefix("sample:")
        predicted = CLASSES[(place + 1) % 2]
        folder = root / (predicted if place < 2 else "cat")
        folder.mkdir(exist_ok=True)
        sample_image(name).save(folder / f"{name}.png")
    return root


def seen(photo):
    clf = load_classifier("small")
    return clf, clf.preprocess([sample_image(photo.removeprefix("sample:"))])


def expected(clf, x, classes, parts):
    """Scores by method."""
    maps = {
        name: [explain(clf, x, index, method=name)[0].numpy() for index in classes]
        for name in METHODS
    }
    return {
        name: compare_classes(own, SIZE, METHODS[name], MEASURES, parts)
        for name, own in maps.items()
    }


def number(word):
    return float(word) if word else float("nan")


def approx(value):
    return pytest.approx(value, abs=1e-6, nan_ok=True)


# ------------------------------------------------------------------ numbers and files


def test_the_table_has_the_numbers_of_the_functions(whole):
    out, status, _ = whole
    assert status == 0
    rows = rows_of(out / "class_sensitivity.csv")
    assert len(rows) == len(PHOTOS) * len(METHODS) * len(MEASURES) * len(SHOWS)
    for photo in PHOTOS:
        clf, x = seen(photo)
        pair = clf.logits(x)[0].argsort(descending=True)[:2].tolist()
        found = expected(clf, x, pair, np.zeros((0, *SIZE), bool))
        for row in (row for row in rows if row["image"] == photo):
            place = MEASURES.index(row["measure"]), SHOWS.index(row["show"])
            assert [int(row["class_a"]), int(row["class_b"])] == pair
            scores = found[row["method"]]
            assert number(row["value"]) == approx(scores.scores[place][0, 1])
            assert [number(row["noise"]), number(row["noise_sd"])] == approx(scores.floors[place])
            assert row["inside_a"] == row["inside_b"] == ""
    assert len({row["value"] for row in rows}) > len(rows) / 2


def test_the_averages_follow_from_the_table(whole):
    rows = pd.read_csv(whole[0] / "class_sensitivity.csv")
    means = rows.groupby(["measure", "show", "method"]).value.mean()
    found = pd.read_csv(whole[0] / "averages.csv").set_index(["measure", "show", "method"])
    assert len(found) == len(means) == len(METHODS) * len(MEASURES) * len(SHOWS)
    assert np.allclose(found["mean"], means.loc[found.index])
    assert set(found.pictures) == {len(PHOTOS)}


def test_the_maps_are_written(whole):
    clf, x = seen(PHOTOS[0])
    Image.open(whole[0] / "heatmaps.png").load()
    assert b"<svg" in (whole[0] / "heatmaps.svg").read_bytes()
    with np.load(whole[0] / "relevance.npz") as archive:
        maps = [archive[name] for name in archive.files if not name.endswith("__pixels")]
    assert len(maps) == len(PHOTOS) * len(METHODS) * 2
    own = explain(clf, x, int(clf.logits(x).argmax()), method="saliency")[0].numpy()
    assert any(one.shape == own.shape and np.allclose(one, own, atol=1e-6) for one in maps)
    for form in ("png", "svg", "pdf"):
        assert (whole[0] / f"class_sensitivity.{form}").read_text() == form


def test_the_averages_are_printed(whole):
    head, *lines = whole[2].splitlines()
    for title in ("method", "SSIM", "95 % interval", "random maps", "Nuzzo 2020, SSIM"):
        assert title in head
    assert "own part" not in head
    (row,) = [
        row
        for row in rows_of(whole[0] / "averages.csv")
        if (row["measure"], row["show"], row["method"]) == ("ssim", "all", "saliency")
    ]
    (said,) = [line for line in lines if line.startswith("saliency")]
    assert said.split()[1] == f"{float(row['mean']):.2f}"
    assert said.endswith("close to 0.5")


# ------------------------------------------------------------------ again


def test_a_second_run_computes_nothing(whole, finished, explained, capsys):
    (finished / TABLES[0]).unlink()
    assert main(line(finished)) == 0
    assert explained == []
    assert capsys.readouterr().err.count("already there") == len(PHOTOS) * len(METHODS) * 2
    same_files(finished, whole[0], *TABLES)


def test_a_further_class_leaves_the_other_maps_alone(finished, explained):
    clf, x = seen(PHOTOS[0])
    third = CLASSES[int(clf.logits(x).argmin())]
    words = [part for name in CLASSES for part in ("--class", name)]
    assert main(line(finished, *words, photos=PHOTOS[:1], methods=("saliency",))) == 0
    assert explained == ["saliency"]
    rows = rows_of(finished / TABLES[0])
    assert {(row["class_a"], row["class_b"]) for row in rows} == {
        *(("0", "1"), ("0", "2"), ("1", "2"))
    }
    assert facts_of(finished)["classes"] == ["0-ant", "1-bee", "2-cat"]
    assert third in CLASSES


def test_the_recorded_command_repeats_the_run(whole, tmp_path):
    facts = repeated((whole[0] / "run.json").read_text(), tmp_path)
    same_files(tmp_path, whole[0], *TABLES, "relevance.npz")
    assert facts["model"]["fingerprint"] == load_classifier("small").fingerprint
    assert [image["name"] for image in facts["images"]] == list(PHOTOS)
    assert [method["id"] for method in facts["methods"]] == list(METHODS)
    assert (facts["classes"], facts["joined"]) == ("top", "")
    assert facts["measures"] == list(MEASURES)


def test_a_killed_run_goes_on_where_it_stopped(whole, tmp_path, capsys, explained):
    interrupted(line(tmp_path), len(PHOTOS) + 3)  # the predictions, and three maps
    assert "the same command goes on from here" in capsys.readouterr().err
    assert not (tmp_path / TABLES[0]).exists()
    explained.clear()
    assert main(line(tmp_path)) == 0
    assert len(explained) == len(PHOTOS) * len(METHODS) * 2 - 3
    same_files(tmp_path, whole[0], *TABLES)


# ------------------------------------------------------------------ joined photos


@pytest.mark.parametrize(
    ("way", "photos"), [("side-by-side", PHOTOS[:2]), ("crosswise", PHOTOS[:2]), ("2x2", PHOTOS)]
)
def test_joined_photos(way, photos, tmp_path):
    out = tmp_path / "out"
    status, said = told(line(out, "--join", way, photos=photos))
    assert status == 0
    clf = load_classifier("small")
    pictures = [sample_image(photo.removeprefix("sample:")) for photo in photos]
    pixels = joined(pictures, way, SIZE, clf.crop, clf.resample, clf.squash)
    x = clf.normalise(torch.from_numpy(pixels)[None])
    parts = joined_parts(way, SIZE)
    found = expected(clf, x, [1, 0], parts)  # what the photos are, alone
    rows = rows_of(out / "class_sensitivity.csv")
    assert len(rows) == len(METHODS) * len(MEASURES) * len(SHOWS)
    for row in rows:
        scores = found[row["method"]]
        place = MEASURES.index(row["measure"]), SHOWS.index(row["show"])
        assert number(row["value"]) == approx(scores.scores[place][0, 1])
        # Of four photos the first and third are of class 1, the others of class 0.
        assert number(row["inside_a"]) == approx(scores.inside[0, 0::2].sum())
        assert number(row["inside_b"]) == approx(scores.inside[1, 1::2].sum())
    assert "on its own part" in said
    facts = repeated((out / "run.json").read_text(), tmp_path / "again")
    same_files(tmp_path / "again", out, *TABLES)
    assert (facts["classes"], facts["joined"]) == ("alone", way)


def test_two_photos_of_one_class_are_both_its_own(tmp_path):
    words = line(tmp_path, "--join", "side-by-side", photos=PHOTOS[::2], methods=("saliency",))
    assert main(words) == 0
    row = rows_of(tmp_path / "class_sensitivity.csv")[0]
    assert row["class_a"] == "1"
    assert number(row["inside_a"]) == approx(1)
    assert row["inside_b"] == "", "nothing of another class is in the picture"


def test_classes_that_are_named_are_compared_in_joined_photos(tmp_path):
    words = ("--join", "crosswise", "--class", "cat", "--class", "1-bee", "--class", "cat")
    assert main(line(tmp_path, *words, **QUICK)) == 0
    row = rows_of(tmp_path / "class_sensitivity.csv")[0]
    assert (row["class_a"], row["class_b"], row["inside_a"]) == ("2", "1", "")
    assert 0 < number(row["inside_b"]) < 1


# ------------------------------------------------------------------ true classes, data sets


def test_the_true_class_and_the_most_probable_other(tmp_path, capsys):
    words = ("--pair", "true", "--true", "cat", "--true", "unknown")
    assert main(line(tmp_path, *words, **QUICK)) == 0
    rows = rows_of(tmp_path / "class_sensitivity.csv")
    assert {(row["image"], row["class_a"], row["class_b"]) for row in rows} == {
        (PHOTOS[0], "2", "1")
    }
    assert "1 of 2 pictures, of unknown class, are left out." in capsys.readouterr().err


def test_a_data_set_has_the_numbers_of_its_photos(files, tmp_path):
    paths = sorted(str(path) for path in files.rglob("*.png"))
    assert main(line(tmp_path / "photos", photos=paths)) == 0
    assert main(line(tmp_path / "data", "--data", str(files), photos=())) == 0
    tables = [
        pd.read_csv(tmp_path / name / TABLES[0]).sort_values(
            ["image", "method", "measure", "show"], ignore_index=True
        )
        for name in ("photos", "data")
    ]
    numbers = ["value", "noise", "noise_sd"]
    assert tables[0].drop(columns=numbers).equals(tables[1].drop(columns=numbers))
    assert np.allclose(*(table[numbers] for table in tables), atol=1e-6, equal_nan=True)
    assert not (tmp_path / "data" / "relevance.npz").exists()
    assert (tmp_path / "photos" / "relevance.npz").exists()


def test_a_data_set_tells_true_classes(files, tmp_path):
    words = ("--pair", "true", "--data", str(files), "--right", "1", "--wrong", "2")
    out = tmp_path / "out"
    assert main(line(out, *words, photos=(), methods=("saliency",))) == 0
    rows = rows_of(out / "class_sensitivity.csv")
    # Of the two that are rightly classified the first one, the motorcycle as an ant.
    found = {row["image"].rpartition("/")[2]: row["class_a"] for row in rows}
    assert found == {"motorcycle.png": "0", "coins.png": "2", "rocket.png": "2"}
    facts = repeated((out / "run.json").read_text(), tmp_path / "again")
    same_files(tmp_path / "again", out, *TABLES)
    assert [image["true"] for image in facts["images"]] == [0, 2, 2]


def test_an_interrupted_data_set_goes_on(files, tmp_path, explained):
    words = line(tmp_path, "--data", str(files), photos=())
    interrupted(words, len(PHOTOS) + 3)
    explained.clear()
    assert main(words) == 0
    assert len(explained) == (len(PHOTOS) * len(METHODS) - 3) * 2


# ------------------------------------------------------------------ what goes wrong


def test_every_measure_of_two_maps_is_among_the_defaults(capsys):
    with pytest.raises(SystemExit):
        main(["class-sensitivity", "--help"])
    said = "".join(capsys.readouterr().out.split())
    assert f"(default:{','.join(similarities())})" in said


def test_an_unreadable_photo_is_named_and_the_rest_is_done(tmp_path, capsys):
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no picture")
    photos = [PHOTOS[0], str(bad), PHOTOS[1]]
    out = tmp_path / "out"
    assert main(line(out, photos=photos, methods=("saliency",))) == 1
    assert "bad.png" in capsys.readouterr().err
    rows = rows_of(out / "class_sensitivity.csv")
    assert list(dict.fromkeys(row["image"] for row in rows)) == list(PHOTOS[:2])


def test_joined_photos_must_all_be_readable(tmp_path, capsys):
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no picture")
    words = line(tmp_path / "out", "--join", "side-by-side", photos=[PHOTOS[0], str(bad)])
    assert main(words) == 2
    errors = capsys.readouterr().err
    assert "bad.png" in errors
    assert "'side-by-side' needs 2 pictures, not 1" in errors
    assert not (tmp_path / "out" / "run.json").exists()


def test_two_photos_of_one_name_are_two(files, tmp_path):
    photos = []
    for folder, name in (("one", PHOTOS[0]), ("other", PHOTOS[1])):
        (tmp_path / folder).mkdir()
        photos.append(str(tmp_path / folder / "photo.png"))
        sample_image(name.removeprefix("sample:")).save(photos[-1])
    assert main(line(tmp_path / "out", photos=photos, methods=("saliency",))) == 0
    assert {row["pictures"] for row in rows_of(tmp_path / "out" / "averages.csv")} == {"2"}
    assert {row["image"] for row in rows_of(tmp_path / "out" / TABLES[0])} == set(photos)


@pytest.mark.parametrize("data", [False, True])
def test_a_method_that_does_not_work_is_named_and_the_others_are_done(
    data, files, tmp_path, capsys
):
    given = (("--data", str(files)), ()) if data else ((), PHOTOS[:2])
    words = line(tmp_path / "out", *given[0], photos=given[1], model="single")
    assert main(words) == 1
    assert capsys.readouterr().err.splitlines()[-1].startswith("gradcam: ")
    rows = rows_of(tmp_path / "out" / "class_sensitivity.csv")
    assert {row["method"] for row in rows} == {"saliency"}


def test_where_no_method_works_it_is_said_why(tmp_path, capsys):
    words = line(tmp_path / "out", photos=PHOTOS[:1], methods=("gradcam",), model="single")
    assert main(words) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert "Nothing could be compared. gradcam: " in last


def test_empty_maps_have_no_number(tmp_path):
    status, said = told(line(tmp_path, photos=PHOTOS[:1], model="dead", methods=("saliency",)))
    assert status == 0
    assert {row["value"] for row in rows_of(tmp_path / "class_sensitivity.csv")} == {""}
    assert said.splitlines()[1].split()[:2] == ["saliency", "–"]
    (row, *_) = rows_of(tmp_path / "averages.csv")
    assert (row["pictures"], row["undefined"], row["mean"]) == ("0", "1", "")


def test_probabilities_of_their_own_change_no_pair(tmp_path):
    for model in ("small", "sigmoid"):
        assert main(line(tmp_path / model, model=model, **QUICK)) == 0
    same_files(tmp_path / "small", tmp_path / "sigmoid", *TABLES)
    assert facts_of(tmp_path / "sigmoid")["model"]["outputs"] == "sigmoid"


@pytest.mark.parametrize(
    ("photos", "more", "sentence"),
    [
        ((), [], "Name photos, or a data set"),
        (PHOTOS, ["--data", "."], "one of the two"),
        (PHOTOS, ["--measures", "none"], "no measure 'none'; there are: ssim"),
        (PHOTOS, ["--measures", "complexity"], "no measure 'complexity'"),
        (PHOTOS, ["--class", "ant"], "needs two classes at least"),
        (PHOTOS, ["--class", "ant", "--class", "0-ant"], "needs two classes at least"),
        (PHOTOS, ["--class", "ant", "--class", "wasp"], "no class 'wasp'"),
        (PHOTOS, ["--class", "ant", "--class", "bee", "--pair", "top"], "one of the two"),
        (PHOTOS, ["--pair", "true"], "--pair true needs true classes"),
        (PHOTOS, ["--true", "ant"], "--true is for --pair true"),
        (PHOTOS, ["--pair", "true", "--true", "wasp"], "no class 'wasp'"),
        (PHOTOS, ["--join", "2x2", "--pair", "top"], "needs neither --data nor --pair"),
        ((), ["--join", "2x2", "--data", "."], "needs neither --data nor --pair"),
        (PHOTOS, ["--right", "3"], "--right is for --data"),
        ((), ["--data", ".", "--wrong", "-1"], "--wrong must be at least 0"),
        ((), ["--data", "nowhere"], "There is no folder nowhere"),
        (PHOTOS, ["--methods", "none"], "none"),
    ],
)
def test_mistakes_give_one_sentence_and_status_two(tmp_path, capsys, photos, more, sentence):
    out = tmp_path / "out"
    refused(line(out, *more, photos=photos), sentence, out, capsys)


@pytest.mark.parametrize("more", [[], ["--join", "side-by-side"]])
def test_a_model_with_one_class_is_refused(tmp_path, capsys, more):
    assert main(line(tmp_path / "out", *more, model="one-class", **QUICK)) == 2
    assert "The model has one class; two are compared." in capsys.readouterr().err
    assert not (tmp_path / "out" / "run.json").exists()
