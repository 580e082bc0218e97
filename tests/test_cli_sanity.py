"""``sanity-check`` on the command line: its files, and how it goes on after an interruption."""

import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch import nn

from tests.command_line import (
    facts_of,
    few_random_maps,
    interrupted,
    picture,
    refused,
    repeated,
    rows_of,
    same_files,
    single,
    small,
    told,
    write_model,
)
from xai_core.__main__ import main
from xai_core.cache import Cache
from xai_core.cli import findings
from xai_core.explainers import explain
from xai_core.explainers.choices import Choice
from xai_core.images import image_hash
from xai_core.models import architectures, load_classifier, model_facts
from xai_core.randomization import collapse, randomizable_layers, sanity_check
from xai_core.randomization.steps import Test as Check
from xai_core.randomization.sweep import Sweep
from xai_core.randomization.verdicts import CONTESTED, curves, verdicts
from xai_core.tasks import Inquiry, Subject, SweepResults, sanity

METHODS = "saliency,guided_backprop"
ALL = [*METHODS.split(","), "edges", "random"]
MEASURES = ("ssim", "spearman")
SHOWS = ("all",)


def weightless(classes=3):
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two embedded models of a small network of three layers, and two photos."""
    folder = tmp_path_factory.mktemp("models")
    with few_random_maps() as patch:
        for architecture in (small, single, weightless):
            patch.setitem(architectures.ARCHITECTURES, architecture.__name__, architecture)
        patch.setattr(model_facts, "ASSETS", folder)
        torch.manual_seed(0)
        write_model(folder, "small", small())
        write_model(folder, "small-permuted-labels", small())
        for name, seed in (("a photo.png", 1), ("b.png", 2)):
            picture(seed, (16, 16)).resize((64, 64)).save(folder / name)
        yield folder


@pytest.fixture
def undrawn(monkeypatch):
    """Charts take longer than the rest."""
    monkeypatch.setattr(findings, "chart_bytes", lambda chart, form: form.encode())


@pytest.fixture(scope="module")
def photos(folder):
    return [str(folder / "a photo.png"), str(folder / "b.png")]


def line(photos, out, *more, methods=METHODS):
    words = ["sanity-check", *photos, "--model", "small", "--methods", methods]
    scores = ["--measures", "ssim,spearman", "--show", "all"]
    return [*words, *scores, "--seeds", "2", "--out", str(out), *more]


@pytest.fixture(scope="module")
def whole(photos, tmp_path_factory):
    """The folder of an undisturbed run, its status and its output."""
    out = tmp_path_factory.mktemp("whole")
    return out, *told(line(photos, out))


@pytest.fixture
def computed(monkeypatch, undrawn):
    """The networks and methods that are computed, as they are, by a process that has just begun."""
    calls, maps = [], Sweep.maps
    sanity._sweeps.clear()

    def counted(self, clf, requests):
        found = maps(self, clf, requests)
        calls.append((clf.title, tuple(requests)))
        return found

    monkeypatch.setattr(Sweep, "maps", counted)
    return calls


def model_input(photos):
    clf = load_classifier("small")
    x = clf.preprocess([Image.open(photo).convert("RGB") for photo in photos])
    return clf, x, clf.logits(x).argmax(1)


def expected_table(photos, methods=ALL, measures=MEASURES, shows=SHOWS, **settings):
    clf, x, targets = model_input(photos)
    return sanity_check(
        clf, x, targets, methods, seeds=range(2), measures=measures, shows=shows, **settings
    )


def agree(rows, expected, photos):
    """The rows of a file are those of ``sanity_check``, in its order."""
    assert len(rows) == len(expected)
    for name in ("method", "layer", "depth", "seed", "measure", "show", "map", "problem"):
        assert [row[name] for row in rows] == [str(value) for value in expected[name]]
    assert [row["image"] for row in rows] == [photos[number] for number in expected["image"]]
    values = [float(row["value"] or "nan") for row in rows]
    np.testing.assert_allclose(values, expected["value"], rtol=1e-5, atol=1e-6)


def test_the_table_has_the_numbers_of_the_function(whole, photos):
    out, status, _ = whole
    assert status == 0
    rows = rows_of(out / "sanity.csv")
    assert {row["test"] for row in rows} == {"cascading"}
    agree(rows, expected_table(photos), photos)


def test_curves_and_verdicts_follow_from_the_table(whole):
    out, _, output = whole
    table = pd.read_csv(out / "sanity.csv", keep_default_na=False)
    table["value"] = pd.to_numeric(table.value)
    wanted = curves(table)
    found = pd.read_csv(out / "curves.csv")
    np.testing.assert_allclose(found[["mean", "spread"]], wanted[["mean", "spread"]])
    assert list(found.layer) == list(wanted.layer)
    wanted = verdicts(table[table.depth == 1])
    found = rows_of(out / "verdicts.csv")
    assert [row["verdict"] for row in found] == list(wanted.verdict)
    similarity = [float(row["similarity"]) for row in found]
    np.testing.assert_allclose(similarity, wanted.similarity)
    assert [row["method"] for row in found] == ALL
    assert {row["Sixt et al. 2020, arXiv:1912.09818"] for row in found[:2]} == {"passes", "fails"}
    assert all(-1 <= float(row["shuffled"]) < 1 for row in found)
    lines = output.splitlines()
    assert [text.split()[0] for text in lines[1 : 1 + len(ALL)]] == ALL
    for text, row in zip(lines[1:], found, strict=False):
        assert f"{float(row['similarity']):.2f}" in text
        assert row["verdict"] in text
    assert "Adebayo passes, Sixt passes, Nuzzo passes" in lines[1]
    assert lines[-2] == CONTESTED
    assert lines[-1].startswith("Took ")
    assert "now" not in lines[-1]


def test_every_map_is_in_the_archive_under_its_step(whole, photos):
    layers = ["01_fc", "02_conv2", "03_conv1"]
    folders = ["trained", *(f"cascading/seed{s}/{layer}" for s in (0, 1) for layer in layers)]
    names = [
        f"{folder}/{photo}__{method}"
        for folder in folders
        for method in ALL
        for photo in ("a_photo", "b")
    ]
    clf, x, targets = model_input(photos)
    with np.load(whole[0] / "maps.npz", allow_pickle=False) as stored:
        assert stored.files == names
        expected = explain(clf, x, targets, method="saliency")
        for number, photo in enumerate(("a_photo", "b")):
            found = stored[f"trained/{photo}__saliency"]
            np.testing.assert_allclose(found, expected[number], rtol=1e-4, atol=1e-7)
        changed = stored["cascading/seed1/01_fc/b__saliency"]
        assert not np.allclose(changed, found)


def test_all_figures_are_there(whole):
    out = whole[0]
    for name in ("curves.png", "heatmaps/cascading/a_photo.png", "heatmaps/cascading/b.png"):
        Image.open(out / name).load()
    assert b"<svg" in (out / "curves.svg").read_bytes()
    assert (out / "curves.pdf").read_bytes().startswith(b"%PDF")
    assert not list(out.rglob("*.part"))


def test_the_recorded_command_repeats_the_run(whole, tmp_path, photos):
    out = tmp_path / "first"
    settings = ["--tests", "independent", "--start", "input", "--init", "permute", "--fails", "0.9"]
    noise = ["--smooth", "2", "--smooth-sigma", "0.2", "--no-maps", "--no-controls"]
    scores = ["--measures", "ssim,complexity", "--show", "absolute", "--target", "bee"]
    own = ["--target-class", "predicted"]
    more = [*settings, *noise, *scores, *own, "--layer", "conv1", "--seeds", "1"]
    assert main(line(photos, out, *more, methods="gradcam")) == 0
    assert not (out / "maps.npz").exists()
    facts = repeated((out / "run.json").read_text(), tmp_path / "again")
    assert facts["smoothing"] == {"copies": 2, "sigma": 0.2}
    assert facts["target"] == facts["methods"][0]["target"] == "predicted"
    assert [layer["name"] for layer in facts["layers"]] == ["fc", "conv2", "conv1"]
    assert facts["layers"][0]["parameters"] == ["fc.weight", "fc.bias"]
    assert facts["images"][0]["class"] == "bee"
    assert facts["seconds"]["all"] >= facts["seconds"]["now"] >= 0
    written = ("sanity.csv", "curves.csv", "verdicts.csv", "curves.svg")
    same_files(out, tmp_path / "again", *written)
    assert not (tmp_path / "again" / "maps.npz").exists()


def test_every_network_has_the_same_reference_pictures(photos, tmp_path, undrawn):
    more = ["--no-controls", "--no-maps", "--seeds", "1", "--measures", "ssim"]
    assert main(line(photos[:1], tmp_path, *more, methods="pattern_attribution")) == 0
    facts = facts_of(tmp_path)
    assert facts["methods"][0]["settings"]["baselines"] == "samples"
    assert "--param pattern_attribution.baselines=samples" in facts["command"]
    order = replace(
        inquiry(photos[:1]),
        choices=[Choice("pattern_attribution")],
        test=Check(seeds=(0,)),
    )
    assert order.tasks(Cache(tmp_path / ".results", memory_bytes=0).__contains__) == []


@pytest.mark.parametrize("puts", [1, 11, 32])
def test_a_killed_run_goes_on_where_it_stopped(whole, photos, tmp_path, capsys, computed, puts):
    # What the model says of each photo comes first.
    interrupted(line(photos, tmp_path), len(photos) + puts)
    assert "Stopped; the same command goes on from here." in capsys.readouterr().err
    assert not (tmp_path / "run.json").exists()
    computed.clear()
    assert main(line(photos, tmp_path)) == 0
    # Eight maps a network, of which there are seven, the trained one first. Both photos' maps by
    # a method are computed together.
    again = {True: [], False: []}
    for title, methods in computed:
        again[title == "small"].append(methods)
    assert len(again[False]) == min(6, 7 - puts // 8)
    assert len(computed[0][1]) == 4 - (puts % 8) // 2
    # Each of the trained network's maps is needed once more, to compare with.
    trained = [method for methods in again[True] for method in methods]
    assert len(trained) == len(set(trained))
    output = capsys.readouterr()
    there = puts - puts % 2
    assert (f"{there} of 56 maps are there" in output.err) == (there > 0)
    assert ("of them now" in output.out) == (there > 0)
    same_files(tmp_path, whole[0], "sanity.csv", "curves.csv", "verdicts.csv", "maps.npz")


@pytest.fixture
def finished(whole, tmp_path):
    """A copy of the undisturbed run."""
    return shutil.copytree(whole[0], tmp_path / "copy")


def kept_file(finished, photos, method, depth):
    """The file of the first photo's map, found by the key under which the engine looks for it."""
    found = inquiry(photos).keys.items()
    (keys,) = (keys for step, keys in found if (step.depth, step.seed) == (depth, 0))
    return Cache(finished / ".results", memory_bytes=0)._path(keys[method, 0])


def inquiry(photos):
    clf, _, targets = model_input(photos)
    subjects = [
        Subject(
            image_hash(Image.open(photo).convert("RGB")),
            np.zeros((3, 16, 16), np.float32),
            int(target),
        )
        for photo, target in zip(photos, targets, strict=True)
    ]
    return Inquiry(
        model={"source": "small"},
        fingerprint=clf.fingerprint,
        size=clf.input_size,
        layers=randomizable_layers(clf),
        subjects=subjects,
        choices=[Choice(name) for name in ALL],
        test=Check(seeds=(0, 1)),
        measures=MEASURES,
    )


def test_maps_are_kept_under_the_keys_of_the_engine(whole, photos):
    cache = Cache(whole[0] / ".results", memory_bytes=0)
    order = inquiry(photos)
    sweep = SweepResults(order)
    sweep.read(cache)
    assert order.tasks(sweep.facts.__contains__) == []
    assert order.lacking(sweep.facts) == []
    maps = sum(len(keys) for keys in order.keys.values())
    assert len(list(cache.folder.iterdir())) == maps + len(photos), "and what the model says"


@pytest.mark.parametrize(("depth", "damage"), [(0, b""), (2, None), (2, b"PK nothing")])
def test_a_lost_or_damaged_map_is_computed_again(
    whole, finished, photos, computed, depth, damage, caplog
):
    path = kept_file(finished, photos, "saliency", depth)
    if damage is None:
        path.unlink()
    else:
        path.write_bytes(damage)
    assert main(line(photos, finished)) == 0
    # The trained network's map is needed once more, to compare with.
    assert [methods for _, methods in computed] == [("saliency",)] * (2 if depth else 1)
    same_files(finished, whole[0], "sanity.csv")


def test_further_measures_compute_no_map(finished, photos, computed, capsys):
    measures = ["--measures", "hog,complexity,ssim", "--show", "positive"]
    assert main(line(photos, finished, *measures)) == 0
    assert computed == []
    expected = expected_table(photos, measures=("hog", "complexity", "ssim"), shows=("positive",))
    agree(rows_of(finished / "sanity.csv"), expected, photos)
    assert "about" in capsys.readouterr().err
    # Now they are kept too.
    assert main(line(photos, finished, *measures)) == 0
    assert capsys.readouterr().err == "56 of 56 maps are there.\n"


def test_a_further_method_leaves_the_others_alone(finished, photos, computed):
    more = f"{METHODS},input_x_gradient,integrated_gradients"
    few = ["--param", "integrated_gradients.steps=13"]
    assert main(line(photos, finished, *few, methods=more)) == 0
    assert [methods for _, methods in computed] == [
        *[("input_x_gradient",)] * 7,
        *[("integrated_gradients",)] * 7,
    ]


def test_a_further_photo_leaves_the_others_alone(finished, folder, photos, computed, monkeypatch):
    sizes, start = [], Sweep.__init__
    monkeypatch.setattr(
        Sweep,
        "__init__",
        lambda self, clf, x, *more: (sizes.append(len(x)), start(self, clf, x, *more))[0],
    )
    third = folder / "third.png"
    Image.open(photos[0]).rotate(90).save(third)
    assert main(line([*photos, str(third)], finished)) == 0
    assert sizes == [1]
    assert len(computed) == 7


def test_counted_from_the_input_the_verdict_is_by_the_last_layer_all_the_same(
    whole, photos, tmp_path, undrawn
):
    assert main(line(photos, tmp_path, "--start", "input", "--tests", "cascading")) == 0
    found, wanted = (rows_of(out / "verdicts.csv") for out in (tmp_path, whole[0]))
    assert [row["similarity"] for row in found] == [row["similarity"] for row in wanted]
    rows = rows_of(tmp_path / "sanity.csv")
    agree(
        [row for row in rows if row["test"] == "cascading"],
        expected_table(photos, start="input"),
        photos,
    )
    last = [row for row in rows if row["test"] == "last-layer"]
    assert {row["layer"] for row in last} == {"fc"}
    assert {row["test"] for row in rows_of(tmp_path / "curves.csv")} == {"cascading", "last-layer"}
    assert [path.name for path in (tmp_path / "heatmaps").iterdir()] == ["cascading"]


def test_several_tests_share_their_networks(photos, tmp_path, computed):
    more = ["--tests", "cascading,independent,labels"]
    assert main(line(photos, tmp_path, *more, methods="saliency")) == 0
    # The trained one, three of a cascade, two more of independent layers, the other model.
    assert len(computed) == 1 + 2 * 5 + 1
    rows = rows_of(tmp_path / "sanity.csv")
    methods = ["saliency", "edges", "random"]
    for test, settings in (
        ("cascading", {}),
        ("independent", {"mode": "independent"}),
        ("labels", {"mode": "labels", "other": load_classifier("small-permuted-labels")}),
    ):
        own = [row for row in rows if row["test"] == test]
        agree(own, expected_table(photos, methods, **settings), photos)
    found = [(row["test"], row["method"]) for row in rows_of(tmp_path / "verdicts.csv")]
    assert found == [(test, name) for test in ("last-layer", "labels") for name in methods]


def test_a_destroyed_network_explains_what_was_asked_for(photos, tmp_path, undrawn, capsys):
    methods = ["saliency", "lrp_alpha1_beta0"]
    for target in ("published", "fixed", "predicted"):
        # Nothing said is as published; the folder's maps of another answer are not taken.
        own = [] if target == "published" else ["--target-class", target]
        more = [*own, "--target", "ant", "--no-controls"]
        assert main(line(photos, tmp_path, *more, methods=",".join(methods))) == 0
        said = "class that they predict themselves for: " in capsys.readouterr().out
        assert said == (target != "fixed")
        clf, x, _ = model_input(photos)
        expected = sanity_check(
            clf, x, 0, methods, seeds=range(2), measures=MEASURES, target=target
        )
        agree(rows_of(tmp_path / "sanity.csv"), expected, photos)
        run = facts_of(tmp_path)
        assert run["target"] == target
        kind = {"published": "fixed"}.get(target, target)
        other = {"published": "predicted"}.get(target, target)
        assert [one["target"] for one in run["methods"]] == [kind, other]


def test_labels_take_a_second_checkpoint(folder, photos, tmp_path, undrawn):
    second = write_model(folder, "second", small())
    more = ["--tests", "labels", "--other", second]
    assert main(line(photos, tmp_path, *more, methods="saliency")) == 0
    other = load_classifier(second)
    expected = expected_table(photos, ["saliency", "edges", "random"], mode="labels", other=other)
    agree(rows_of(tmp_path / "sanity.csv"), expected, photos)
    facts = facts_of(tmp_path)
    assert facts["other"] == {"source": second, "fingerprint": other.fingerprint}
    assert f"--other {second}" in facts["command"]
    (folder / "second.json").unlink()
    (folder / "second.safetensors").unlink()


def test_a_method_that_fails_leaves_a_gap_with_its_reason(photos, tmp_path, capsys, undrawn):
    more = ["--layer", "fc", "--no-controls"]
    assert main(line(photos, tmp_path, *more, methods="saliency,gradcam")) == 1
    rows = rows_of(tmp_path / "sanity.csv")
    failed = [row for row in rows if row["method"] == "gradcam"]
    assert {row["value"] for row in failed} == {""}
    (sentence,) = {row["problem"] for row in failed}
    assert f"gradcam: {sentence}" in capsys.readouterr().err
    assert {row["problem"] for row in rows if row["method"] == "saliency"} == {""}
    found = {row["method"]: row["verdict"] for row in rows_of(tmp_path / "verdicts.csv")}
    assert found["gradcam"] == "undefined"
    assert found["saliency"] in ("passes", "weak", "fails")


def test_maps_that_are_empty_are_told(folder, photos, tmp_path, undrawn):
    """Behind a ReLU that lets nothing through, the class's score depends on no pixel."""
    network = small()
    nn.init.zeros_(network.conv2.weight)
    nn.init.constant_(network.conv2.bias, -1)
    write_model(folder, "dead", network)
    more = ["--model", "dead", "--seeds", "1", "--no-controls"]
    status, output = told(line(photos, tmp_path, *more, methods="saliency"))
    assert status == 0
    rows = rows_of(tmp_path / "sanity.csv")
    assert {row["map"] for row in rows if row["depth"] in ("0", "1")} == {"empty"}
    (verdict,) = rows_of(tmp_path / "verdicts.csv")
    counts = ("pictures", "empty", "border", "trained empty", "trained border")
    assert [verdict[name] for name in counts] == ["2", "2", "0", "2", "0"]
    said = "empty on 2 of 2 pictures; already the trained network's empty on 2 of 2 pictures"
    assert said in output
    assert collapse.MEANING in output


def test_a_bad_photo_is_named_and_the_others_are_done(photos, tmp_path, capsys, undrawn):
    words = line([photos[0], "missing.png"], tmp_path, "--seeds", "1", methods="saliency")
    assert main(words) == 1
    assert "missing.png' cannot be read" in capsys.readouterr().err
    assert {row["image"] for row in rows_of(tmp_path / "sanity.csv")} == {photos[0]}


def test_a_model_of_one_layer_works(folder, photos, tmp_path, undrawn):
    write_model(folder, "one", single(), architecture="single")
    words = line(photos, tmp_path, "--model", "one", "--seeds", "1", methods="saliency")
    assert main(words) == 0
    assert {row["depth"] for row in rows_of(tmp_path / "sanity.csv")} == {"0", "1"}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (["--tests", "magic"], "no test 'magic'"),
        (["--start", "middle"], "not 'middle'"),
        (["--init", "zeros"], "no initialisation 'zeros'"),
        (["--seeds", "0"], "At least one seed"),
        (["--measures", "mse"], "no measure 'mse'"),
        (["--show", "negative"], "cannot show 'negative'"),
        (["--smooth", "-1"], "--smooth needs at least 2 copies, or 0 for none, not -1"),
        (["--smooth", "1"], "--smooth needs at least 2 copies, or 0 for none, not 1"),
        (["--target-class", "mine"], "published, fixed, predicted, not 'mine'"),
        (["--smooth-sigma", "nan"], "--smooth-sigma must be above 0"),
        (["--weak", "0.99"], "not 0.95 and 0.99"),
        (["--methods", "magic"], "no method 'magic'"),
        (["--param", "saliency.relu=true"], "no setting 'relu'"),
        (["--target", "unicorn"], "no class 'unicorn'"),
        (["--target", "0", "--target", "1", "--target", "0"], "3 targets were given for 2"),
        (["--other", "small"], "--tests leaves out"),
        (["--tests", "labels", "--model", "bare"], "name it by --other"),
        (["--tests", "labels", "--other", "nowhere"], "no model 'nowhere'"),
        (["--tests", "labels", "--other", "four"], "four has 4 classes and small has 3"),
        (["--tests", "labels", "--other", "large"], "takes other input than small"),
        (["--tests", "labels", "--other", "dark"], "takes other input than small"),
        (["--model", "weightless"], "holds no state dict"),
    ],
)
def test_mistakes_give_one_sentence_and_cost_nothing(
    folder, photos, tmp_path, capsys, computed, changes, sentence
):
    write_model(folder, "bare", small())
    write_model(folder, "four", small(4), class_names=["ant", "bee", "cat", "dog"])
    write_model(folder, "large", small(), input_size=[32, 32])
    write_model(folder, "dark", small(), mean=[0.4, 0.4, 0.4])
    write_model(folder, "weightless", weightless(), architecture="weightless")
    out = tmp_path / "out"
    refused(line(photos, out, *changes), sentence, out, capsys)
    assert computed == []
