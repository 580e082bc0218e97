"""``localize`` on the command line: its files, what it leaves out, and how it goes on."""

import json
import math
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from PIL import Image

from tests.command_line import (
    CLASSES,
    facts_of,
    interrupted,
    picture,
    refused,
    repeated,
    rows_of,
    same_files,
    small,
    told,
    weighted,
    write_model,
)
from tests.localization.test_gathering import xml
from xai_core import charts
from xai_core.__main__ import main
from xai_core.annotations import Box, Region
from xai_core.cache import Cache
from xai_core.charts import chart_bytes, localization_chart
from xai_core.composites import drawn_quadrants, quadrant_masks, two_by_two
from xai_core.errors import MethodError
from xai_core.explainers import Panel, explain
from xai_core.images import image_hash, read_picture
from xai_core.localization import BASELINE_COLUMNS, baseline_maps, object_measures, pooled_area
from xai_core.localization.objects import seen_objects
from xai_core.localization.scoring import Asked, score_map
from xai_core.models import architectures, load_classifier, model_facts

METHODS = ("saliency", "gradcam")
MEASURES = list(object_measures())
COLUMNS = [*METHODS, *BASELINE_COLUMNS]
TABLES = (
    *("localization.csv", "runs.csv", "means.csv", "pooled.csv"),
    *("by_size.csv", "differences.csv"),
)
# Pictures of 32 x 16 pixels, of which the columns 8 to 23 are seen, one to one.
OBJECTS = {
    "a": [("ant", (10, 2, 14, 6)), ("ant", (4, 8, 12, 12))],
    "b": [("bee", (9, 1, 22, 15)), ("wasp", (10, 2, 14, 6))],
    "c": [("cat", (12, 4, 20, 12))],
    "d": [("bee", (0, 0, 6, 6))],
    "e": [("wasp", (10, 2, 14, 6))],
    "f": [("ant", (8, 0, 24, 4))],
    "g": [("bee", (9, 3, 12, 9))],
    "h": [("cat", (14, 2, 23, 7)), ("bee", (14, 2, 16, 4))],
}
SEEN = {"a": "ant", "b": "bee", "c": "cat", "f": "ant", "g": "bee", "h": "cat"}


@pytest.fixture(scope="module", autouse=True)
def models(tmp_path_factory):
    """Embedded models of small networks."""
    folder = tmp_path_factory.mktemp("models")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model_facts, "ASSETS", folder)
        patch.setitem(architectures.ARCHITECTURES, "small", small)
        network = weighted(small)
        write_model(folder, "small", network)
        write_model(folder, "odd", network, input_size=[15, 16])
        yield folder


@pytest.fixture(scope="module", autouse=True)
def _undrawn():
    """Charts take longer than the rest."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(charts, "localization_chart", lambda *tables: None)
        patch.setattr(charts, "chart_bytes", lambda chart, form: form.encode())
        yield


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A data set in PASCAL-VOC's layout."""
    root = tmp_path_factory.mktemp("data")
    (root / "images").mkdir()
    (root / "annotations").mkdir()
    for seed, (name, objects) in enumerate(OBJECTS.items()):
        picture(seed, (32, 16)).save(root / "images" / f"{name}.png")
        (root / "annotations" / f"{name}.xml").write_text(xml(*objects))
    picture(9, (32, 16)).save(root / "images" / "none.png")
    return root


def line(out, *more, model="small", methods=METHODS):
    words = ["localize", "--model", model, "--methods", ",".join(methods), "--out", str(out)]
    return [*words, *map(str, more)]


def photos(data, names):
    """Photos with their files of annotations."""
    return [
        *(data / "images" / f"{name}.png" for name in names),
        *(part for name in names for part in ("--boxes", data / "annotations" / f"{name}.xml")),
    ]


@pytest.fixture(scope="module")
def whole(data, models, _undrawn, tmp_path_factory):
    """The folder of a finished run of the data set, its status and its output."""
    out = tmp_path_factory.mktemp("whole") / "out"
    return out, *told(line(out, "--data", data, "--quadrants", "--seed", "3"))


@contextmanager
def counted(owner, name):
    """The arguments by place of every call of a function within the block."""
    function, calls = getattr(owner, name), []

    def noting(*args, **kwargs):
        calls.append(args)
        return function(*args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, noting)
        yield calls


def value(word):
    return math.nan if word == "" else float(word)


def expected_scores(data, name, column, label, seed):
    """What the functions themselves give."""
    clf = load_classifier("small")
    image = read_picture(data / "images" / f"{name}.png")
    x, y = clf.preprocess([image]), CLASSES.index(label)
    own = [Region(kind, Box(*corners)) for kind, corners in OBJECTS[name] if kind == label]
    place = seen_objects(own, image.size, (16, 16), 1.0)
    if column in METHODS:
        relevance = explain(clf, x, y, method=column)[0].numpy()
    else:
        relevance = baseline_maps(column.removeprefix("baseline:"), clf.pixels(x).clamp(0, 1), seed)
    return score_map(relevance, place, MEASURES, seed, Asked(clf, x, y)), place


# ------------------------------------------------------------------ numbers and files


def test_the_table_has_the_numbers_of_the_functions(whole, data):
    out, status, _ = whole
    assert status == 0
    rows = [row for row in rows_of(out / "localization.csv") if row["measure"] in MEASURES]
    found = {(row["image"], row["method"], row["measure"]): row for row in rows}
    assert len(found) == len(rows) == len(SEEN) * len(COLUMNS) * len(MEASURES)
    runs = rows_of(out / "runs.csv")
    for name, label in SEEN.items():
        path = str(data / "images" / f"{name}.png")
        for column in COLUMNS:
            scores, place = expected_scores(data, name, column, label, 3)
            own = [found[path, column, measure] for measure in MEASURES]
            np.testing.assert_allclose([value(row["value"]) for row in own], scores.values, 1e-6)
            assert {row["class"] for row in own} == {label}
            assert {float(row["size"]) for row in own} == {place.size}
            assert {float(row["cut"]) for row in own} == {place.cut}
            each = [
                value(row["value"])
                for row in runs
                if (row["image"], row["method"]) == (path, column)
            ]
            np.testing.assert_allclose(each, scores.runs)


def test_negative_quadrants_are_those_of_the_composites(whole, data):
    images = {name: read_picture(data / "images" / f"{name}.png") for name in SEEN}
    names = {image_hash(image): name for name, image in images.items()}
    drawn = drawn_quadrants({digest: SEEN[name] for digest, name in names.items()}, 3)
    rows = {
        (row["image_hash"], row["method"]): float(row["value"])
        for row in rows_of(whole[0] / "localization.csv")
        if row["measure"] == "negative_quadrants"
    }
    assert len(rows) == len(SEEN) * len(COLUMNS)
    clf = load_classifier("small")
    for digest, name in names.items():
        one = drawn[digest]
        four = [images[names[other]] for other in one.names(digest)]
        pixels = torch.from_numpy(two_by_two(four, (16, 16), 1.0))[None]
        x = clf.network_input(pixels)
        raw = explain(clf, x, CLASSES.index(SEEN[name]), method="saliency")[0].double().sum(0)
        positive = raw.clamp(min=0).numpy()
        share = positive[quadrant_masks((16, 16))[one.quadrant]].sum() / positive.sum()
        assert rows[digest, "saliency"] == pytest.approx(1 - share, rel=1e-5)
        assert rows[digest, "baseline:whole"] == pytest.approx(0.75)


def test_the_pooled_area_is_that_of_all_maps(whole, data):
    out, _, text = whole
    found = {row["method"]: row for row in rows_of(out / "pooled.csv")}
    assert list(found) == COLUMNS
    for column in COLUMNS:
        scores = [expected_scores(data, name, column, label, 3)[0] for name, label in SEEN.items()]
        expected = pooled_area(sum(one.levels for one in scores))
        assert float(found[column]["pxap_pooled"]) == pytest.approx(expected)
        assert int(found[column]["pictures"]) == sum(bool(one.levels.any()) for one in scores)
        (line,) = (own for own in text.splitlines() if own.startswith(f"{column} "))
        assert float(line.split()[-1]) == round(float(found[column]["pxap_pooled"]), 2)
    assert "pooled, one area for the pixels of all pictures together" in text


def test_means_by_hand(whole):
    rows = rows_of(whole[0] / "localization.csv")
    runs = rows_of(whole[0] / "runs.csv")
    for row in rows_of(whole[0] / "means.csv"):
        own = [
            value(one["value"])
            for one in rows
            if (one["method"], one["measure"]) == (row["method"], row["measure"])
        ]
        defined = [one for one in own if not math.isnan(one)]
        assert int(row["pictures"]) == len(defined)
        assert int(row["undefined"]) == len(own) - len(defined)
        if defined:
            assert float(row["mean"]) == pytest.approx(sum(defined) / len(defined))
        if row["measure"] == "stochastic_pointing_game":
            each = [
                np.mean([
                    float(one["value"])
                    for one in runs
                    if (one["method"], one["run"]) == (row["method"], str(run))
                ])
                for run in range(1, 6)
            ]  # fmt: skip
            assert float(row["sd_runs"]) == pytest.approx(np.std(each, ddof=1))
        else:
            assert row["sd_runs"] == ""
    pairs = {(row["method"], row["other"]) for row in rows_of(whole[0] / "differences.csv")}
    assert len(pairs) == len(COLUMNS) * (len(COLUMNS) - 1) / 2


def test_what_is_left_out_is_told(whole, data):
    out, _, text = whole
    found = rows_of(out / "left_out.csv")
    assert [(row["name"], row["count"]) for row in found if row["name"]] == [("wasp", "2")]
    reasons = {row["image"]: row["reason"] for row in found if row["image"]}
    assert reasons == {
        str(data / "images" / "d.png"): "The crop cuts off its objects.",
        str(data / "images" / "e.png"): "None of its objects is of a class that the model has.",
        str(data / "images" / "none.png"): "It has no annotation, or one that could be another "
        "picture's.",
    }
    lines = text.splitlines()
    assert "Left out: 2 objects. The model has no class 'wasp'." in lines
    assert "Left out: 1 picture. The crop cuts off its objects." in lines
    assert "Means over 6 pictures, 95 % intervals." in lines
    assert "Lower is better: Saliency metric, Negative quadrants heatmap." in lines


def test_the_report_has_the_means(whole):
    means = {
        (row["method"], row["measure"]): float(row["mean"])
        for row in rows_of(whole[0] / "means.csv")
    }
    for column in COLUMNS:
        (text,) = (own for own in whole[2].splitlines() if own.startswith(f"{column} "))
        assert float(text.split()[1]) == round(means[column, "pointing_game"], 2)


def test_figures_are_there(data, tmp_path, monkeypatch):
    monkeypatch.setattr(charts, "localization_chart", localization_chart)
    monkeypatch.setattr(charts, "chart_bytes", chart_bytes)
    status, _ = told(line(tmp_path, *photos(data, "ab")))
    assert status == 0
    Image.open(tmp_path / "localization.png").load()
    assert b"<svg" in (tmp_path / "localization.svg").read_bytes()
    assert (tmp_path / "localization.pdf").read_bytes().startswith(b"%PDF")
    Image.open(tmp_path / "heatmaps.png").load()
    assert b"<svg" in (tmp_path / "heatmaps.svg").read_bytes()
    with np.load(tmp_path / "relevance.npz") as maps:
        assert set(maps) == {
            *("a__saliency", "a__gradcam", "a__pixels"),
            *("b__saliency", "b__gradcam", "b__pixels"),
        }
    assert not list(tmp_path.rglob("*.part"))


# ------------------------------------------------------------------ pictures and objects


def test_photos_have_the_numbers_of_the_data_set(whole, data, tmp_path):
    status, _ = told(line(tmp_path, *photos(data, SEEN), "--seed", "3"))
    assert status == 0
    expected = [
        row
        for row in rows_of(whole[0] / "localization.csv")
        if row["measure"] != "negative_quadrants"
    ]

    def key(row):
        return row["image"], row["method"], row["measure"]

    assert sorted(rows_of(tmp_path / "localization.csv"), key=key) == sorted(expected, key=key)


def test_run_json_tells_the_boxes_that_the_model_sees(data, tmp_path):
    told(line(tmp_path, *photos(data, "a")))
    (one,) = facts_of(tmp_path)["images"]
    # Of 4 x 4 pixels all is seen, of 8 x 4 the half.
    assert one["boxes"] == [[2, 2, 6, 6], [0, 8, 4, 12]]
    assert one["size"] == 32 / 256
    assert one["cut"] == pytest.approx(16 / 48)
    assert (one["target"], one["class"]) == (0, "ant")


def annotations(root, kind):
    """Files in which the objects of "a" and "c" are marked, and their options."""
    names, options = ("a", "c"), []
    for name in names:
        picture(ord(name), (32, 16)).save(root / f"{name}.jpg")
    if kind == "json":
        boxes = [(0, OBJECTS["a"][0][1], 1), (1, OBJECTS["c"][0][1], 2)]
        content = {
            "images": [
                {"id": k, "file_name": f"train/{name}.jpg", "width": 32, "height": 16}
                for k, name in enumerate(names)
            ],
            "annotations": [
                {"image_id": k, "category_id": c, "bbox": [x0, y0, x1 - x0, y1 - y0]}
                for k, (x0, y0, x1, y1), c in boxes
            ],
            "categories": [{"id": 1, "name": "ant"}, {"id": 2, "name": "cat"}],
        }
        (root / "all.json").write_text(json.dumps(content))
        options = ["--boxes", root / "all.json"]
    else:
        for name in names:
            x0, y0, x1, y1 = OBJECTS[name][0][1]
            mask = np.zeros((16, 32), np.uint8)
            mask[y0:y1, x0:x1] = 255
            if kind == "png":
                Image.fromarray(mask).save(root / f"{name}.png")
            else:
                (root / f"{name}.xml").write_text(xml(OBJECTS[name][0]))
    return [root / f"{name}.jpg" for name in names], options


@pytest.mark.parametrize("kind", ["json", "xml", "png"])
def test_every_kind_of_annotation(tmp_path, kind):
    files, options = annotations(tmp_path, kind)
    out = tmp_path / "out"
    status, _ = told(line(out, *files, *options, "--class", "bee", "--no-baselines"))
    assert status == 0
    found = facts_of(out)["images"]
    assert [one["boxes"] for one in found] == [[[2, 2, 6, 6]], [[4, 4, 12, 12]]]
    expected = ["bee", "bee"] if kind == "png" else ["ant", "cat"]  # a mask names no class
    assert [one["class"] for one in found] == expected
    assert {row["method"] for row in rows_of(out / "means.csv")} == set(METHODS)


def test_a_sample_with_a_mask(tmp_path):
    Image.new("L", (451, 300), 255).save(tmp_path / "mask.png")
    status, _ = told(line(tmp_path / "out", "sample:cat", "--boxes", tmp_path / "mask.png"))
    assert status == 0
    (one,) = facts_of(tmp_path / "out")["images"]
    assert (one["name"], one["size"], one["boxes"]) == ("sample:cat", 1, [[0, 0, 16, 16]])


def test_the_predicted_class(data, tmp_path):
    clf = load_classifier("small")
    images = {name: read_picture(data / "images" / f"{name}.png") for name in OBJECTS}
    said = {name: int(clf.logits(clf.preprocess([one])).argmax()) for name, one in images.items()}
    expected = {
        str(data / "images" / f"{name}.png"): CLASSES[said[name]]
        for name, objects in OBJECTS.items()
        if name != "d" and CLASSES[said[name]] in [label for label, _ in objects]
    }
    assert 0 < len(expected) < len(SEEN), "some are found, and some are not"
    words = ("--data", data, "--explain", "predicted", "--no-baselines")
    assert told(line(tmp_path, *words, methods=("saliency",)))[0] == 0
    rows = rows_of(tmp_path / "localization.csv")
    assert {row["image"]: row["class"] for row in rows} == expected


def test_a_name_may_be_told_to_mean_a_class(data, tmp_path):
    words = ("--data", data, "--means", "wasp=bee", "--most", "5", "--no-baselines")
    assert told(line(tmp_path, *words, methods=("saliency",)))[0] == 0
    classes = {row["image"][-5]: row["class"] for row in rows_of(tmp_path / "localization.csv")}
    assert classes == {"a": "ant", "b": "bee", "c": "cat", "e": "bee", "f": "ant"}
    assert [row["count"] for row in rows_of(tmp_path / "left_out.csv") if not row["image"]] == ["2"]
    facts = repeated((tmp_path / "run.json").read_text(), tmp_path / "again")
    assert "--means wasp=1-bee" in facts["command"]
    same_files(tmp_path, tmp_path / "again", *TABLES, "left_out.csv")


# ------------------------------------------------------------------ again


def test_a_second_run_computes_nothing(data, tmp_path, capsys):
    words = line(tmp_path, *photos(data, "ab"))
    assert main(words) == 0
    before = {name: (tmp_path / name).read_bytes() for name in TABLES}
    capsys.readouterr()
    assert main(words) == 0
    steps = 2 * (2 * len(METHODS) + len(BASELINE_COLUMNS))
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == steps
    assert all(" already there" in own for own in errors)
    assert errors[-1].startswith(f"{steps}/{steps} ")
    assert before == {name: (tmp_path / name).read_bytes() for name in TABLES}


def test_the_recorded_command_repeats_the_run(whole, tmp_path):
    facts = repeated((whole[0] / "run.json").read_text(), tmp_path)
    same_files(tmp_path, whole[0], *TABLES, "left_out.csv")
    assert facts["model"]["fingerprint"] == load_classifier("small").fingerprint
    assert [one["class"] for one in facts["images"]] == list(SEEN.values())
    assert (facts["explain"], facts["seed"]) == ("annotated", 3)
    assert (facts["quadrants"], facts["baselines"]) == (True, True)
    assert set(facts["measures"]) == set(MEASURES), "every measure is asked for if none is named"


def test_a_killed_run_goes_on_where_it_stopped(whole, data, tmp_path, capsys):
    words = line(tmp_path, "--data", data, "--quadrants", "--seed", "3")
    interrupted(words, 9)
    assert "the same command goes on from here" in capsys.readouterr().err
    assert not (tmp_path / "localization.csv").exists()
    with counted(Cache, "put") as kept:
        assert main(words) == 0
    # Of both methods and four baselines, one picture is complete and half of the next.
    assert capsys.readouterr().err.count("already there") == 1
    assert len(kept) == 2 * len(SEEN) * len(COLUMNS) - 9
    same_files(tmp_path, whole[0], *TABLES)


def test_a_further_method_is_computed_alone(data, tmp_path):
    words = ("--data", data, "--most", "2")
    assert main(line(tmp_path, *words, methods=METHODS[:1])) == 0
    with counted(Panel, "explain") as explained:
        assert main(line(tmp_path, *words)) == 0
    assert [name for _, name in explained] == [METHODS[1]] * 2
    assert {row["method"] for row in rows_of(tmp_path / "means.csv")} == set(COLUMNS)


def test_a_method_that_fails_costs_the_others_nothing(data, tmp_path, capsys, monkeypatch):
    def failing(panel, name):
        if name == METHODS[0]:
            raise MethodError("It does not work here.")
        return whole(panel, name)

    whole = Panel.explain
    monkeypatch.setattr(Panel, "explain", failing)
    assert main(line(tmp_path, "--data", data, "--most", "2")) == 1
    assert f"{METHODS[0]}: It does not work here." in capsys.readouterr().err
    assert {row["method"] for row in rows_of(tmp_path / "means.csv")} == {*COLUMNS} - {METHODS[0]}


# ------------------------------------------------------------------ what goes wrong


def test_a_photo_that_cannot_be_used_is_named_and_the_rest_is_done(data, tmp_path, capsys):
    files = [data / "images" / f"{name}.png" for name in ("a", "d", "none")]
    for file in files[:2]:
        (tmp_path / file.name).write_bytes(file.read_bytes())
        note = data / "annotations" / f"{file.stem}.xml"
        (tmp_path / note.name).write_text(note.read_text())
    (tmp_path / "bad.png").write_bytes(b"no picture")
    (tmp_path / "bad.xml").write_text(xml())
    wanted = [*(tmp_path / file.name for file in files[:2]), tmp_path / "bad.png", files[2]]
    out = tmp_path / "out"
    assert main(line(out, *wanted, methods=("saliency",))) == 1
    errors = capsys.readouterr().err
    for name, why in (
        ("d.png", "The crop cuts off its objects."),
        ("bad.png", "not a picture"),
        ("none.png", "It has no annotation"),
    ):
        (said,) = (own for own in errors.splitlines() if f"/{name} is left out" in own)
        assert why in said
    assert {row["image"] for row in rows_of(out / "localization.csv")} == {str(tmp_path / "a.png")}


def test_a_method_that_does_not_work_is_named_and_the_others_are_done(data, tmp_path, capsys):
    np.save(tmp_path / "b.npy", np.ones((16, 16)))
    maps = ("--maps", f"Mine={tmp_path}")
    out = tmp_path / "out"
    assert main(line(out, *photos(data, "ab"), *maps, methods=("saliency",))) == 1
    assert "maps:Mine: " in capsys.readouterr().err
    own = [row for row in rows_of(out / "localization.csv") if row["method"] == "maps:Mine"]
    assert {row["image"][-5] for row in own} == {"b"}
    # A constant map is the baseline of the whole picture.
    whole = [
        row["value"]
        for row in rows_of(out / "localization.csv")
        if row["method"] == "baseline:whole" and row["image"][-5] == "b"
    ]
    assert [row["value"] for row in own] == whole


def test_too_few_pictures_for_composites_are_told_and_the_rest_is_done(data, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(line(out, *photos(data, "abc"), "--quadrants", methods=("saliency",))) == 1
    assert "--quadrants: A composite needs three pictures" in capsys.readouterr().err
    assert {row["measure"] for row in rows_of(out / "means.csv")} == set(MEASURES)


def test_nothing_that_can_be_scored_is_status_two(data, tmp_path, capsys):
    assert main(line(tmp_path / "out", *photos(data, "e"))) == 2
    assert "no class 'wasp'. --means 'wasp=CLASS'" in capsys.readouterr().err
    assert not (tmp_path / "out" / "run.json").exists()


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ([], "Name photos, or a data set"),
        (["{a}", "--data", "{data}"], "one of the two"),
        (["--data", "{data}", "--boxes", "{a_xml}"], "--boxes is for photos"),
        (["{a}", "--most", "3"], "--most is for --data"),
        (["--data", "{data}", "--most", "0"], "--most must be at least 1, not 0"),
        (["{a}", "{b}", "--boxes", "{a_xml}"], "'a.xml' is of one photo"),
        (["{a}", "--boxes", "{a_xml}", "--boxes", "{a_xml}"], "2 files of --boxes were given"),
        (["{a}", "--boxes", "nowhere.xml"], "no file of annotations at nowhere.xml"),
        (["{a}", "--boxes", "{model}"], "is no file of annotations"),
        (["{a}", "--measures", "pxap,ssim"], "no measure 'ssim'"),
        (["{a}", "--means", "wasp"], "must have the form NAME=CLASS"),
        (["{a}", "--means", "wasp=fly"], "no class 'fly'"),
        (["{a}", "--class", "fly"], "no class 'fly'"),
        (["{a}", "--seed", "-1"], "seed"),
        (["{a}", "--model", "odd", "--quadrants"], "15 pixels of the model's input are odd"),
    ],
)
def test_mistakes_give_one_sentence_and_status_two(models, data, tmp_path, capsys, more, sentence):
    names = {
        "a": data / "images" / "a.png",
        "b": data / "images" / "b.png",
        "a_xml": data / "annotations" / "a.xml",
        "data": data,
        "model": models / "small.json.txt",
    }
    names["model"].write_text("no annotation")
    out = tmp_path / "out"
    refused(line(out, *(word.format(**names) for word in more)), sentence, out, capsys)
