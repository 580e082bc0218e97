"""The command line, from its words to its files."""

import io
import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from tests.command_line import facts_of, picture, refused, repeated, rows_of, same_files, told
from xai_core.__main__ import main
from xai_core.cli.meter import Meter, duration
from xai_core.cli.tables import aligned
from xai_core.datasets import tiny_imagenet
from xai_core.explainers import METHODS, explain, presets
from xai_core.explainers.pattern_estimation import estimate_by_layer
from xai_core.explainers.pattern_files import stored_patterns
from xai_core.images import read_picture
from xai_core.jobs.cluster import Local
from xai_core.models import available_models, load_classifier
from xai_core.models.registry import weights_stamp

RECIPE = "vgg-tiny"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Two classes in Tiny-ImageNet's layout, four pictures each, and two to validate on."""
    root = tmp_path_factory.mktemp("data")
    (root / "wnids.txt").write_text("n1\nn2\n")
    (root / "words.txt").write_text("n1\tred fox, fox\nn2\t=owl\n")
    for index, wnid in enumerate(("n1", "n2")):
        folder = root / "train" / wnid / "images"
        folder.mkdir(parents=True)
        for number in range(4):
            picture(10 * index + number).save(folder / f"{wnid}_{number}.JPEG")
    folder = root / "val" / "images"
    folder.mkdir(parents=True)
    for number in range(2):
        picture(100 + number).save(folder / f"val_{number}.JPEG")
    boxes = "".join(f"val_{n}.JPEG\tn{n + 1}\t0\t0\t63\t63\n" for n in range(2))
    (root / "val" / "val_annotations.txt").write_text(boxes)
    return root


class Interrupting(io.StringIO):
    """An error output whose reader presses Ctrl-C when a text appears."""

    def __init__(self, text):
        super().__init__()
        self.text = text

    def write(self, line):
        super().write(line)
        if self.text in line:
            raise KeyboardInterrupt
        return len(line)


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    """A run of two epochs that was interrupted after the first; its folder and both outputs."""
    out = tmp_path_factory.mktemp("trained")
    words = ["train", RECIPE, "--data", str(data), "--out", str(out), "--epochs", "2"]
    outputs, statuses = [Interrupting("epoch 1/2"), io.StringIO()], []
    for output in outputs:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "stderr", output)
            statuses.append(main(words))
    assert statuses == [130, 0]
    return out, [output.getvalue() for output in outputs]


@pytest.fixture
def photos(tmp_path):
    """Two photos with names that need care."""
    paths = [tmp_path / "a photo.png", tmp_path / "=b.jpg"]
    picture(1, (90, 70)).save(paths[0])
    picture(2, (64, 64)).save(paths[1])
    return [str(path) for path in paths]


@pytest.fixture
def words(trained, photos, tmp_path):
    """A command that explains both photos with two methods, and the folder it writes to."""
    out = tmp_path / "out"
    model = str(trained[0] / f"{RECIPE}.safetensors")
    line = ["explain", *photos, "--model", model, "--methods", "saliency,gradcam"]
    return [*line, "--out", str(out)], out


def test_an_interrupted_training_goes_on_after_its_last_epoch(trained):
    out, (first, second) = trained
    assert "epoch 1/2" in first
    assert "Stopped; the same command goes on" in first
    assert "epoch 1/2" not in second
    assert "epoch 2/2" in second
    assert "min left" in second
    assert len(json.loads((out / "history.json").read_text())) == 2


def test_training_gives_a_checkpoint_that_loads_and_agrees_with_its_facts(trained, data):
    out, _ = trained
    path = out / f"{RECIPE}.safetensors"
    facts = json.loads((out / f"{RECIPE}.json").read_text())
    clf = load_classifier(path)
    assert clf.class_names == facts["class_names"] == ["red fox", "=owl"]
    assert clf.input_size == tuple(facts["input_size"]) == (64, 64)
    right = []
    for number in range(2):
        image = read_picture(data / "val" / "images" / f"val_{number}.JPEG")
        right.append(int(clf.logits(clf.preprocess([image])).argmax()) == number)
    assert facts["metrics"]["top1"] == sum(right) / 2
    assert facts["metrics"]["per_class"] == [float(r) for r in right]
    stored = load_file(path)
    assert {t.dtype for n, t in stored.items() if re.search(r"(conv|fc)\d+\.", n)} == {
        torch.float16
    }
    assert stored["bn1.running_mean"].dtype == torch.float32
    assert stored["bn1.num_batches_tracked"].dtype == torch.int64
    card = (out / "MODEL_CARD.md").read_text()
    assert f"{facts['metrics']['top1']:.1%} of 2 validation pictures" in card
    assert "| 0 | red fox |" in card


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (["--seed", "5"], "other settings or data"),
        (["--epochs", "0"], "at least 1"),
    ],
)
def test_training_refuses_another_run_in_the_same_folder(trained, data, capsys, changes, sentence):
    line = ["train", RECIPE, "--data", str(data), "--out", str(trained[0]), "--epochs", "2"]
    assert main([*line, *changes]) == 2
    assert sentence in capsys.readouterr().err


def test_training_refuses_unknown_recipes_and_missing_data(tmp_path, capsys):
    out = ["--out", str(tmp_path / "out")]
    assert main(["train", "alexnet", "--data", str(tmp_path), *out]) == 2
    assert main(["train", RECIPE, "--data", str(tmp_path), *out]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert errors[0].startswith("There is no recipe 'alexnet'")
    assert "wnids.txt" in errors[1]


def test_training_refuses_pictures_that_do_not_fit_the_network(data, tmp_path, capsys):
    for path in data.rglob("*.JPEG"):
        small = tmp_path / "data" / path.relative_to(data)
        small.parent.mkdir(parents=True, exist_ok=True)
        Image.open(path).resize((32, 32)).save(small)
    for path in data.rglob("*.txt"):
        (tmp_path / "data" / path.relative_to(data)).write_text(path.read_text())
    line = ["train", RECIPE, "--data", str(tmp_path / "data"), "--out", str(tmp_path / "out")]
    assert main(line) == 2
    assert "32×32 pixels do not fit" in capsys.readouterr().err


def test_explain_writes_what_python_computes(words, photos, capsys):
    line, out = words
    assert main(line) == 0
    assert "4/4" in capsys.readouterr().err
    clf = load_classifier(line[line.index("--model") + 1])
    with np.load(out / "relevance.npz", allow_pickle=False) as stored:
        arrays = dict(stored)
    assert sorted(arrays) == sorted(
        f"{name}__{what}" for name in ("a_photo", "b") for what in ("gradcam", "saliency", "pixels")
    )
    x = clf.preprocess([read_picture(Path(photos[0]))])
    target = int(clf.logits(x).argmax())
    for method in ("saliency", "gradcam"):
        expected = explain(clf, x, target, method=method)[0].numpy()
        np.testing.assert_array_equal(arrays[f"a_photo__{method}"], expected)
    heatmaps = sorted(path.name for path in (out / "heatmaps").iterdir())
    assert heatmaps == sorted(f"{name}.png" for name in arrays if not name.endswith("__pixels"))
    for path in ("heatmaps.png", "heatmaps/a_photo__saliency.png"):
        Image.open(out / path).load()
    assert (out / "heatmaps.svg").read_text().startswith("<svg")
    assert not list(out.rglob("*.part"))


def test_the_table_has_a_row_per_photo_and_method_and_no_formula(words, photos):
    line, out = words
    assert main([*line, "--target", "=owl"]) == 0
    rows = rows_of(out / "heatmaps.csv")
    assert [(row["image"], row["method"]) for row in rows] == [
        (photo, method) for photo in photos for method in ("saliency", "gradcam")
    ]
    assert {row["class"] for row in rows} == {"'=owl"}
    assert {row["target"] for row in rows} == {"1"}


def test_the_recorded_command_repeats_the_run(words, tmp_path):
    line, out = words
    settings = ["--param", "gradcam.relu=false", "--layer", "conv9", "--clip", "99"]
    assert main([*line, *settings, "--target", "auto", "--target", "red fox"]) == 0
    facts = repeated((out / "run.json").read_text(), tmp_path / "again")
    assert facts["results"][1]["settings"] == {"layer": "conv9", "relu": False}
    assert "0-red fox" in shlex.split(facts["command"])
    same_files(out, tmp_path / "again", "relevance.npz", "heatmaps.png", "heatmaps.svg")


def test_a_preset_stands_for_methods_with_settings(words):
    line, out = words
    line[line.index("--methods") + 1] = "group-2"
    few = ["--param", "smoothgrad-deeplift.samples=2"]
    assert main([*line[:2], *line[3:], *few]) == 0
    results = facts_of(out)["results"][:3]
    assert [row["method"] for row in results] == ["deeplift", "deepshap", "smoothgrad"]
    assert results[0]["settings"] == {"baseline": "blurred"}
    assert results[2]["settings"]["base"] == "deeplift"
    assert (results[2]["settings"]["samples"], results[2]["settings"]["sigma"]) == (2, 0.7)
    assert results[2]["file"] == "a_photo__smoothgrad-deeplift"


def test_a_baseline_can_be_a_picture(words, photos, tmp_path):
    line, out = words
    line[line.index("--methods") + 1] = "deeplift"
    baseline = f"deeplift.baseline=black,{photos[1]}"
    assert main([*line[:2], *line[3:], "--param", baseline]) == 0
    clf = load_classifier(line[line.index("--model") + 1])
    x, other = (clf.preprocess([read_picture(Path(photo))]) for photo in photos)
    target = int(clf.logits(x).argmax())
    expected = explain(clf, x, target, "deeplift", baseline=["black", other])[0].numpy()
    with np.load(out / "relevance.npz", allow_pickle=False) as stored:
        np.testing.assert_array_equal(stored["a_photo__deeplift"], expected)
    facts = facts_of(out)
    assert facts["results"][0]["settings"] == {"baseline": ["black", photos[1]]}
    assert baseline in shlex.split(facts["command"])


def test_everything_leaves_out_what_does_not_work(words, capsys, monkeypatch):
    line, out = words
    kept = {name: METHODS[name] for name in ("saliency", "cam", "edges")}
    monkeypatch.setattr(presets, "METHODS", kept)
    line[line.index("--methods") + 1] = "everything"
    assert main([*line[:2], *line[3:]]) == 0
    assert "cam is left out: CAM is defined for" in capsys.readouterr().err
    assert [row["method"] for row in facts_of(out)["results"]] == ["saliency", "edges"]


def test_an_interrupted_run_goes_on_where_it_stopped(words, capsys, monkeypatch):
    line, out = words
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", Interrupting("2/4"))
        assert main(line) == 130
    assert not (out / "run.json").exists()
    assert main(line) == 0
    steps = capsys.readouterr().err.splitlines()
    assert ["already there" in step for step in steps] == [True, True, False, False]


@pytest.mark.worker
def test_a_cluster_that_is_named_gives_the_same_files(words, tmp_path, capsys, monkeypatch):
    line, out = words
    assert main(line) == 0
    there = str(tmp_path / "there")
    workers = Local(1, 2**31)
    try:
        monkeypatch.setenv("XAI_SCHEDULER", workers.address)
        assert main([*line[: line.index("--out")], "--out", there]) == 0
    finally:
        workers.close()
    assert capsys.readouterr().err.count("4/4") == 2
    with np.load(out / "relevance.npz") as here, np.load(f"{there}/relevance.npz") as found:
        assert sorted(here.files) == sorted(found.files)
        for name in here.files:
            np.testing.assert_allclose(found[name], here[name], rtol=1e-5, atol=1e-7)
    tables = (rows_of(Path(folder) / "heatmaps.csv") for folder in (out, there))
    one, other = ([row["probability"] for row in rows] for rows in tables)
    assert one == other


def test_a_bad_photo_is_named_and_the_others_are_done(words, tmp_path, capsys):
    line, out = words
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    photos = [str(tmp_path / "missing.png"), str(broken)]
    assert main([line[0], *photos, *line[1:]]) == 1
    errors = capsys.readouterr().err
    assert "missing.png' cannot be read: No such file" in errors
    assert "'broken.png' is not a picture that can be read" in errors
    assert "Traceback" not in errors
    assert len(facts_of(out)["results"]) == 4


def test_a_method_that_fails_is_named_and_the_others_are_done(words, capsys):
    line, out = words
    line[line.index("--methods") + 1] = "gradcam,saliency"
    assert main([*line, "--layer", "fc1"]) == 1
    assert "gradcam: " in capsys.readouterr().err
    assert {result["method"] for result in facts_of(out)["results"]} == {"saliency"}


def test_an_unsigned_stage_can_be_drawn(words):
    line, out = words
    assert main([*line, "--stage", "map*image"]) == 0
    facts = facts_of(out)
    assert facts["display"]["stage"] == "map*image"
    assert facts["display"]["colormap"] == "viridis"
    assert "--stage map*image" in " ".join(shlex.split(facts["command"]))
    signed = (out / "heatmaps.png").read_bytes()
    assert main(line) == 0
    assert (out / "heatmaps.png").read_bytes() != signed


def test_sample_pictures_need_no_file(words, photos, tmp_path):
    line, out = words
    assert main(["explain", "sample:cat", *line[3:], "--methods", "edges"]) == 0
    assert facts_of(out)["images"][0]["name"] == "sample:cat"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (["--methods", "magic"], "no method 'magic'"),
        (["--param", "gradcam.relu=maybe"], "true or false"),
        (["--param", "gradcam.depth=3"], "no setting 'depth'"),
        (["--param", "smoothgrad.samples=3"], "--methods leaves out"),
        (["--param", "relu"], "METHOD.NAME=VALUE"),
        (["--methods", "group-9"], "no method 'group'"),
        (["--methods", "gradcam-deeplift"], "averages no other method"),
        (["--methods", "smoothgrad-edges"], "must be one of"),
        (["--methods", "deeplift", "--param", "deeplift.baseline=nowhere.png"], "must be one of"),
        (["--methods", "smoothgrad", "--param", "smoothgrad.samples=many"], "whole number"),
        (["--methods", "saliency", "--layer", "conv1"], "has a layer"),
        (["--target", "unicorn"], "no class 'unicorn'"),
        (["--target", "0", "--target", "1", "--target", "0"], "3 targets were given for 2"),
        (["--model", "no-such-model"], "no model 'no-such-model'"),
        (["--mean", "1,2"], "--mean needs 1 or 3 numbers"),
        (["--input-size", "64x"], "--input-size needs 1 or 2 numbers, not '64x'"),
        (["--input-size", "64.5"], "--input-size needs whole numbers, not '64.5'"),
        (["--classes-file", "nowhere.txt"], "no file of class names"),
        (["--colormap", "viridis"], "negative relevance"),
        (["--opacity", "2"], "opacity"),
        (["--clip", "0"], "percentile"),
    ],
)
def test_mistakes_give_one_sentence_and_status_two(words, capsys, changes, sentence):
    line, out = words
    refused([*line, *changes], sentence, out, capsys)


def test_a_folder_that_cannot_be_written_is_found_before_computing(words, tmp_path, capsys):
    line, _ = words
    file = tmp_path / "file"
    file.write_text("")
    line[line.index("--out") + 1] = str(file / "out")
    assert main(line) == 2
    assert capsys.readouterr().err == f"{file / 'out'}: Not a directory.\n"


def test_nothing_but_bad_photos_is_status_two(words, capsys):
    line, out = words
    assert main([line[0], "missing.png", *line[3:]]) == 2
    assert "Nothing could be explained." in capsys.readouterr().err
    assert not (out / "run.json").exists()


def test_a_checkpoint_can_be_told_its_facts(trained, photos, tmp_path):
    weights = tmp_path / "plain.safetensors"
    weights.write_bytes((trained[0] / f"{RECIPE}.safetensors").read_bytes())
    classes = tmp_path / "classes.txt"
    # As an editor on Windows leaves it.
    classes.write_bytes("\ufefffox \r\n\r\nowl\r\n".encode())
    line = ["explain", photos[0], "--model", str(weights), "--methods", "saliency"]
    line += ["--architecture", "vgg-tiny", "--classes-file", str(classes), "--input-size", "64"]
    line += ["--mean", "0.5,0.5,0.5", "--std", "0.25,0.25,0.25", "--out", str(tmp_path / "o")]
    line += ["--outputs", "sigmoid"]
    assert main(line) == 0
    facts = facts_of(tmp_path / "o")
    assert facts["model"]["options"]["--mean"] == "0.5,0.5,0.5"
    assert facts["model"]["options"]["--outputs"] == facts["model"]["outputs"] == "sigmoid"
    clf = load_classifier(
        weights,
        architecture="vgg-tiny",
        class_names=["fox", "owl"],
        input_size=(64, 64),
        mean=(0.5, 0.5, 0.5),
        std=(0.25, 0.25, 0.25),
        outputs="sigmoid",
    )
    assert facts["model"]["fingerprint"] == clf.fingerprint
    (row,) = rows_of(tmp_path / "o" / "heatmaps.csv")
    x = clf.preprocess([read_picture(Path(photos[0]))])
    score = clf.logits(x).max()
    assert float(row["probability"]) == pytest.approx(float(score.sigmoid()), rel=1e-5)


def test_the_tables_list_everything_there_is():
    models = available_models()
    assert sum(model.local for model in models) < 20 < 1000 < len(models)
    for command, ids, shown in (
        ("methods", METHODS, METHODS),
        ("models", [m.id for m in models], [m.id for m in models if m.local]),
    ):
        status, text = told([command])
        assert status == 0
        assert [line.split()[0] for line in text.partition("\n\n")[0].splitlines()] == [
            "id",
            *shown,
        ]
        status, text = told([command, "--json"])
        assert status == 0
        assert [row["id"] for row in json.loads(text)] == [*ids]


def test_models_are_searched_by_words_of_their_names():
    assert told(["models"])[1].rstrip().endswith("models WORD … searches their names.")
    status, text = told(["models", "ResNet50", "A1_"])
    assert status == 0
    found = [line.split()[0] for line in text.splitlines()[1:]]
    assert "resnet50.a1_in1k" in found
    assert all("resnet50" in name and "a1_" in name for name in found)
    assert "No model has these words" in told(["models", "nonsense"])[1]


def test_the_tables_as_json_hold_every_fact():
    methods = json.loads(told(["methods", "--json"])[1])
    gradcam = next(method for method in methods if method["id"] == "gradcam")
    assert gradcam["citation"] == METHODS["gradcam"].citation
    assert [param["name"] for param in gradcam["params"]] == ["layer", "relu"]


COMMANDS = {
    "models": [],
    "methods": [],
    "explain": [],
    "train": [],
    "patterns": [],
    "study": [],
    "sanity-check": ["independent", "labels", "he_normal", "--no-controls", "--smooth"],
    "apem": ["--data", "--right", "--shuffles", "--eps-max", "Tiny-ImageNet"],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command, capsys):
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    for word in (f"xai_core {command}", *COMMANDS[command]):
        assert word in text


def test_patterns_are_written_beside_a_checkpoint_and_found_there(
    trained, data, tmp_path, monkeypatch, capsys
):
    for ending in (".safetensors", ".json"):
        shutil.copy(trained[0] / f"{RECIPE}{ending}", tmp_path)
    weights = tmp_path / f"{RECIPE}.safetensors"
    out = weights.with_suffix(".patterns.safetensors")
    before = weights_stamp(weights)
    line = ["patterns", "--model", str(weights), "--data", str(data), "--out", str(out)]
    assert main(line) == 2
    assert "These are 8 pictures; patterns need at least 512." in capsys.readouterr().err
    monkeypatch.setattr("xai_core.cli.patterns.LEAST", 8)
    missing = tmp_path / "missing"
    for nowhere, sentence in (
        (missing / "file", f"There is no folder {missing} for --out; make it first."),
        (tmp_path, f"{tmp_path} is a folder; --out needs the name of a file."),
    ):
        assert main([*line[:-1], str(nowhere)]) == 2
        assert capsys.readouterr().err == f"{sentence}\n"
    assert main(line) == 0
    assert weights_stamp(weights) != before
    train = tiny_imagenet(data, "train")
    exact = load_classifier(weights)
    exact.module.double()
    pictures = exact.preprocess(list(train.images))

    def found_are_those_of(pictures):
        expected = estimate_by_layer(exact, pictures)
        for name, pattern in stored_patterns(load_classifier(weights)).items():
            assert torch.equal(pattern, expected[name].half().float())

    found_are_those_of(pictures)
    # A folder for each class, of which the first two each are taken, and their mirror images.
    folder = tmp_path / "pictures"
    for number, image in enumerate(train.images[:6]):
        file = folder / f"class {number % 2}" / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(file)
    line[line.index(str(data))] = str(folder)
    assert main([*line, "--per-class", "2", "--mirrored"]) == 0
    taken = pictures[[0, 2, 1, 3]]
    found_are_those_of(torch.cat([taken, taken.flip(3)]))


HELP = """
import sys
from contextlib import suppress
from xai_core.__main__ import main
for command in sys.argv[1:]:
    with suppress(SystemExit):
        main([command, "--help"])
sys.exit(len({"torch", "pandas"} & set(sys.modules)))
"""


def test_help_does_not_load_torch():
    command = [sys.executable, "-c", HELP, *COMMANDS]
    assert subprocess.run(command, capture_output=True).returncode == 0


def test_columns_are_aligned():
    assert aligned([("a", "bb", "c"), ("ccc", "d", "")]) == "a    bb  c\nccc  d"


def test_durations_in_words():
    assert [duration(s) for s in (4.4, 89, 90, 5340, 7500)] == [
        "4 s",
        "89 s",
        "2 min",
        "89 min",
        "2 h 5 min",
    ]


def test_the_time_left_counts_costs_and_leaves_out_what_was_there(capsys, monkeypatch):
    now = 100.0
    monkeypatch.setattr("xai_core.cli.meter.time.monotonic", lambda: now)
    meter = Meter([5.0, 0.125, 1.0, 3.0])
    meter.skip("kept")
    with meter.step("first"):
        now += 8.0
    with meter.step("second"):
        now += 1.0
    # 1.125 units took 9 s, so three more take 24 s; the first step alone is under 5 %.
    assert capsys.readouterr().err.splitlines() == [
        "1/4  kept",
        "2/4  first",
        "3/4  second  about 24 s left",
    ]


OFFERED = """
from xai_core.explainers import offer

FACTS = dict(family="gradient", signed=True, citation="", shows="S.", formula="x")

@offer(title="Twice", **FACTS)
def twice(clf, x, targets):
    return 2 * x

@offer(title="Broken", **FACTS)
def broken(clf, x, targets):
    return x / 0

@offer(id="saliency", title="Clash", **FACTS)
def clash(clf, x, targets):
    return x
"""


@pytest.mark.usefixtures("methods_restored")
def test_methods_of_a_file_and_maps_of_a_folder_are_columns_of_explain(tmp_path, capsys):
    (tmp_path / "mine.py").write_text(OFFERED)
    (tmp_path / "maps").mkdir()
    picture(0).save(tmp_path / "a photo.png")  # 64 by 64, all of which the model sees
    own = np.random.default_rng(0).normal(size=(64, 64)).astype(np.float32)
    np.savez(tmp_path / "maps" / "all.npz", **{"a photo": own})
    status, listed = told(["methods", "--methods-from", str(tmp_path / "mine.py")])
    assert status == 0
    assert "twice" in listed
    assert "there is a method 'saliency' already" in capsys.readouterr().err
    words = ["explain", str(tmp_path / "a photo.png"), "--methods", "twice,broken"]
    words += ["--methods-from", str(tmp_path / "mine.py"), "--maps", f"Mine={tmp_path / 'maps'}"]
    status, _ = told([*words, "--out", str(tmp_path / "out")])
    assert status == 1
    assert "broken: Broken gave values that are not finite" in capsys.readouterr().err
    found = np.load(tmp_path / "out" / "relevance.npz")
    assert set(found) == {"a_photo__twice", "a_photo__maps_Mine", "a_photo__pixels"}
    np.testing.assert_array_equal(found["a_photo__maps_Mine"], own[None])
    clf = load_classifier("vgg-tiny")
    x = clf.preprocess([read_picture(tmp_path / "a photo.png")])
    np.testing.assert_array_equal(found["a_photo__twice"], 2 * x[0])
    command = facts_of(tmp_path / "out")["command"]
    assert f"--methods-from {tmp_path / 'mine.py'} --maps Mine=Mine" in command
