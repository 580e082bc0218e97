"""The command of every kind of ``run.json`` gives the same numbers again."""

from collections import OrderedDict
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from pages.components.classified import Classified, ClassifiedImage
from pages.components.cohort import Cohort, labelled_cohort
from pages.components.compare import downloads
from pages.components.picture_choice import Picture
from pages.components.reliability import downloads as reliability_downloads
from pages.components.reliability import many_pictures
from pages.components.sanity import downloads as sanity_downloads
from pages.components.sanity.sweep_results import SweepResults
from tests.command_line import few_random_maps, picture, repeated, same_files, write_model
from xai_core import charts, figures, tasks
from xai_core.__main__ import main
from xai_core.cache import Result
from xai_core.cli import findings
from xai_core.display import Display
from xai_core.explainers.choices import Choice
from xai_core.export import explain_run
from xai_core.images import crop_box, model_input, read_picture
from xai_core.models import architectures
from xai_core.provenance import ModelFacts, Run
from xai_core.randomization.layer_groups import Layer
from xai_core.randomization.steps import Test as Check
from xai_core.randomization.sweep import Smoothing
from xai_core.randomization.verdicts import Thresholds

# Every name but one is another class's number, and one is the word for a class not known.
CLASSES = ["1", "0", "unknown", "2-0"]
ODD = "conv=2, the last"
FACTS = ["--input-size", "16x16", "--mean", "0.5,0.4,0.3", "--std", "0.25,0.25,0.2"]


def small(classes):
    return nn.Sequential(
        OrderedDict(
            [
                ("-conv1", nn.Conv2d(3, 4, 3, padding=1)),
                ("relu1", nn.ReLU()),
                (ODD, nn.Conv2d(4, 4, 3, padding=1)),
                ("relu 2", nn.ReLU()),
                ("pool", nn.AdaptiveAvgPool2d(4)),
                ("flatten", nn.Flatten()),
                ("fc", nn.Linear(64, classes)),
            ]
        )
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two checkpoints without facts of their own, one with, and photos by class."""
    folder = tmp_path_factory.mktemp("a folder")
    (folder / "names.txt").write_text("\n".join(CLASSES))
    facts = {"class_names": CLASSES, "mean": [0.5, 0.4, 0.3], "std": [0.25, 0.25, 0.2]}
    for name, seed in (("command", 3), ("page", 3), ("second", 2)):
        torch.manual_seed(seed)
        write_model(folder, name, small(len(CLASSES)), **facts)
    (folder / "command.json").unlink()
    for name in CLASSES[:2]:
        (folder / "data" / name).mkdir(parents=True)
    (folder / "mixed" / "1").mkdir(parents=True)
    photos = ["-a, b.png", "c d.png"]
    places = [folder / name for name in photos]
    places += [folder / "data" / name / f"{number}.png" for name in CLASSES[:2] for number in "12"]
    places += [folder / "mixed" / name for name in ("1/1.png", "3.png", "4.png", "5.png")]
    for seed, place in enumerate(places):
        picture(seed, (24, 20)).save(place)
    with few_random_maps() as patch:
        patch.setitem(architectures.ARCHITECTURES, "small", small)
        # Drawings take longer than the rest.
        patch.setattr(findings, "chart_bytes", lambda chart, form: form.encode())
        patch.setattr(findings, "to_png", lambda figure: b"")
        patch.setattr(figures, "to_png", lambda figure: b"")
        patch.setattr(figures, "to_svg", lambda figure: b"")
        patch.setattr(charts, "reliability_charts", lambda *tables: {})
        patch.chdir(folder)
        yield folder


def command(name, *more):
    model = ["--model", "command.safetensors", "--architecture", "small"]
    return [name, *model, "--classes-file", "names.txt", *FACTS, *more]


PHOTOS = ["--", "-a, b.png", "c d.png"]
EXPLAIN = "gradcam,deeplift,smoothgrad-deeplift"
SETTINGS = [
    *("--param", f"gradcam.layer={ODD}"),
    *("--param", "deeplift.baseline=black,c d.png"),
    *("--param", "smoothgrad-deeplift.samples=2", "--param", "smoothgrad-deeplift.sigma=1e-05"),
]
SANITY = ["--methods", "saliency,gradcam,rap", "--param", f"gradcam.layer={ODD}"]
SANITY += ["--seeds", "2", "--measures", "ssim,complexity"]
APEM = ["--methods", "gradcam,deeplift", *SETTINGS[:4]]
APEM += ["--shuffles", "1", "--eps-max", "10", "--stages", "map,channels", "--seed", "3"]
KINDS = {
    "explain": command("explain", "--methods", EXPLAIN, *SETTINGS, "--clip", "99", *PHOTOS),
    "explain one class": command("explain", "--target", "#1", "--show", "positive", *PHOTOS),
    "cascading": command("sanity-check", *SANITY, "--target", "#0", "--target", "#2", *PHOTOS),
    "from the input": command(
        "sanity-check", *SANITY, "--tests", "independent,cascading", "--start", "input",
        "--init", "permute", "--weak=-1e-05", "--target-class", "predicted", *PHOTOS,
    ),
    "labels": command(
        "sanity-check", *SANITY, "--tests", "labels", "--other", "second.safetensors",
        "--no-controls", *PHOTOS,
    ),
    "smoothing": command(
        "sanity-check", *SANITY, "--smooth", "2", "--smooth-sigma", "0.3", "--no-maps", *PHOTOS
    ),
    "apem": command("apem", *APEM, "--true", "#1", "--true", "unknown", *PHOTOS),
    "apem of one class": command("apem", *APEM, "--target", "#0", "--target", "auto", *PHOTOS),
    "apem of a data set": command("apem", *APEM, "--data", "data", "--right", "2", "--wrong", "2"),
}  # fmt: skip
NUMBERS = {
    "explain": ["relevance.npz"],
    "sanity-check": ["sanity.csv", "curves.csv", "verdicts.csv"],
    "apem": ["apem.csv", "summary.csv"],
}


@pytest.mark.parametrize("words", KINDS.values(), ids=KINDS)
def test_the_command_of_a_command_repeats_it(folder, tmp_path, words):
    end = words.index("--") if "--" in words else len(words)
    assert main([*words[:end], "--out", str(tmp_path / "first"), *words[end:]]) == 0
    repeated((tmp_path / "first" / "run.json").read_text(), tmp_path / "again")
    same_files(tmp_path / "first", tmp_path / "again", *NUMBERS[words[0]])


def done(task):
    return task.run(**task.arguments)


@pytest.fixture(scope="module")
def classified(folder):
    """What the pages hold of a checkpoint with its facts and two photos."""
    model = {"source": "page.safetensors"}
    facts = done(tasks.describe(model)).facts
    images = []
    for target, name in enumerate(PHOTOS[1:]):
        fit = (tuple(facts["input_size"]), facts["crop"], facts["resample"])
        picture = Picture.of(name, name, partial(read_picture, folder / name))
        box = crop_box(picture.size, *fit[:2])
        pixels = model_input(picture.read(), *fit)
        images.append(ClassifiedImage(picture, box, pixels, np.full(4, 0.25), target))
    return Classified(model, facts, images)


CHOICES = [
    Choice("gradcam", {"layer": ODD, "relu": False}),
    Choice("deeplift", {"baseline": ["black", "c d.png"]}),
]


def test_the_command_of_the_page_of_heatmaps_repeats_it(classified, tmp_path):
    subjects = classified.subjects
    asked = (classified.model, classified.fingerprint, subjects, CHOICES, classified.by_source)
    wanted = tasks.explain_all(*asked)
    work = SimpleNamespace(results={task.key: done(task) for task in wanted.values()})
    shown = downloads.finished(classified, CHOICES, wanted, work)
    repeated(explain_run(classified.model_facts, shown, Display()).run_json(), tmp_path)
    with np.load(tmp_path / "relevance.npz", allow_pickle=False) as stored:
        names = [f"{name}__{column.id}" for name in ("-a_b", "c_d") for column in CHOICES]
        for name, item in zip(names, shown, strict=True):
            np.testing.assert_allclose(stored[name], item.relevance, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize(
    ("test", "smoothing"),
    [
        (Check("cascading", seeds=(0, 1)), None),
        (Check("independent", "input", "he_normal", (0,)), Smoothing(2, 0.1)),
        (Check("labels", seeds=(0,)), None),
    ],
    ids=["cascading", "smoothing", "labels"],
)
def test_the_command_of_the_page_of_sanity_checks_repeats_it(classified, tmp_path, test, smoothing):
    layers = done(tasks.describe_layers(classified.model)).facts["layers"]
    other = {"source": "second.safetensors"} if test.mode == "labels" else None
    inquiry = tasks.Inquiry(
        model=classified.model,
        fingerprint=classified.fingerprint,
        size=tuple(classified.facts["input_size"]),
        layers=[Layer(name, tuple(own)) for name, own in layers],
        subjects=classified.subjects,
        choices=[*CHOICES, Choice("rap"), Choice("random")],
        test=test,
        measures=["ssim", "complexity"],
        smoothing=smoothing,
        other=other,
        other_fingerprint="" if other is None else done(tasks.describe(other)).facts["fingerprint"],
        pictures=classified.by_source,
    )
    sweep = SweepResults(inquiry)
    for task in inquiry.tasks(lambda key: False):
        sweep.facts |= {key: one.facts for key, one in done(task).parts.items()}
    repeated(sanity_downloads._run(classified, sweep, Thresholds()), tmp_path)
    names = [one.picture.source for one in classified.images]
    agree(sweep.table(names), pd.read_csv(tmp_path / "sanity.csv"))


def agree(shown, written):
    """Every score of a page is in the table of the command."""
    place = ["image", "method", "layer", "seed", "measure", "show"]
    for name in ("image", "layer"):
        written[name] = written[name].str.removeprefix("'")  # which keeps formulas out
    written, shown = written.set_index(place).value, shown.set_index(place).value
    assert set(shown.index) == set(written.index)
    np.testing.assert_allclose(written[shown.index], shown, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("data", ["", "data", "data/1", "mixed"])
def test_the_command_of_the_page_of_reliability_repeats_it(classified, tmp_path, data):
    names = {image.picture.hash: image.picture.source for image in classified.images}
    cohort = Cohort(classified.subjects, names, dict(zip(names, (1, None), strict=True)))
    if data:
        order = tasks.labelled(classified.model, classified.fingerprint, data, 1, 1)
        cohort = labelled_cohort(done(order), data, 1, 1)
    metric = tasks.Metric(("map", "channels"), 1, 3, 10)
    asked = (
        classified.model,
        classified.fingerprint,
        cohort.subjects,
        CHOICES,
        metric,
        classified.by_source,
    )
    wanted = tasks.measure_all(*asked)
    work = SimpleNamespace(results={task.key: done(task) for task in wanted.values()})
    table = many_pictures._table(cohort, [choice.id for choice in CHOICES], wanted, work)
    repeated(
        reliability_downloads.repeating(classified, cohort, CHOICES, metric, table).run_json(),
        tmp_path,
    )
    written = pd.read_csv(tmp_path / "apem.csv")
    assert len(written) == len(table) == 2 * 2 * len(cohort.subjects)
    for name in ("image_hash", "method", "stage", "true", "predicted", "apem", "apem_shuffled"):
        assert [*written[name].fillna(-1)] == [*table[name].fillna(-1)], name


def test_a_data_set_with_a_picture_twice_is_named_picture_by_picture():
    arrays = {"pixels": np.zeros((2, 4, 4, 3), np.uint8), "logits": np.zeros((2, 2), np.float32)}
    facts = {"names": ["a/1.png", "b/1.png"], "hashes": ["same", "same"], "true": [0, 0]}
    cohort = labelled_cohort(Result(arrays, facts), "data", 2, 0)
    assert (len(cohort.subjects), cohort.names) == (1, {"same": "b/1.png"})
    assert (cohort.data, cohort.folder) == ((), "data")


# Words


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([("--model", "a b")], ["--model", "a b"]),
        ([("--no-maps", None)], ["--no-maps"]),
        ([("--weak", "-1e-05"), ("--colormap", "")], ["--weak=-1e-05", "--colormap", ""]),
    ],
)
def test_options_are_told_from_their_words(options, words):
    start = ["python", "-m", "xai_core", "study", "export", "x"]
    run = Run(("study", "export", "x"), {}, options)
    assert run.words("there") == [*start, *words, "--out", "there"]
    assert replace(run, photos=["-a.png"]).words()[-2:] == ["--", "-a.png"]


def test_classes_are_told_by_number_and_name_and_once_where_they_are_the_same():
    model = ModelFacts("vgg-tiny", "f", CLASSES)
    assert model.classes("--true", [1, None]) == [("--true", "1-0"), ("--true", "unknown")]
    assert model.classes("--target", [2, 2]) == [("--target", "2-unknown")]
    assert model.classes("--true", [None, None]) == [("--true", "unknown")]
