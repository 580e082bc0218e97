"""``study new`` and ``study publish``: the same study without a browser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.study.small import arguments
from xai_core.cli.study import publish
from xai_core.errors import ImageError, StudyError
from xai_core.images import sample_image
from xai_core.study import Store

CONDITIONS = [
    {"id": "c1", "title": "First", "model": {"source": "vgg-tiny"}, "method": "saliency"},
    {"id": "c2", "title": "Second", "model": {"source": "vgg-tiny"}, "method": "gradcam"},
]


@pytest.fixture
def store(sqlite_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("XAI_CACHE", str(tmp_path / "cache"))
    return sqlite_store


def main(*words: str) -> int:
    asked = arguments(publish, *words)
    status: int = asked.run(asked)
    return status


def written(folder: Path, **parts: Any) -> str:
    design = {
        "title": "Mine",
        "conditions": CONDITIONS,
        "pictures": [
            {"id": "p1", "name": "mine.png", "true_class": "Egyptian cat"},
            {"id": "p2", "name": "sample:coffee", "true_class": "goldfish"},
        ],
        "trials": 2,
        "look": {"side": 96},
        **parts,
    }
    (folder / "photos").mkdir(exist_ok=True)
    sample_image("cat").save(folder / "photos" / "mine.png")
    # With a byte-order mark, as some editors write it.
    (folder / "design.json").write_text(json.dumps(design), encoding="utf-8-sig")
    return str(folder / "design.json")


def test_a_new_study_has_a_name_and_a_draft(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main("new", "Mine") == 0
    (study,) = store.studies()
    assert (study.name, study.published) == ("Mine", 0)
    assert capsys.readouterr().out.strip() == study.slug


def test_a_design_with_photos_becomes_a_study(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, photos = written(tmp_path), str(tmp_path / "photos")
    assert main("publish", file, "--images", photos, "--name", "For me") == 0
    (study,) = store.studies()
    assert (study.name, study.published, study.is_open) == ("For me", 1, True)
    printed = capsys.readouterr()
    assert printed.out == f"Version 1 of study {study.slug}: /take-part?study={study.slug}\n"
    predictions = store.records(study.slug).predictions.set_index(["image", "model"])
    assert predictions.loc[("p1", "c1"), "predicted_class"] == "Egyptian cat"
    assert predictions.correct.tolist() == [True, True, False, False]
    assert store.draft(study.slug) == store.versions(study.slug)[0].design

    # Another version, for which nothing is drawn again; and a preview, which is no version.
    changed = written(tmp_path, title="Other")
    assert main("publish", changed, "--images", photos, "--study", study.slug) == 0
    assert [one.number for one in store.versions(study.slug)] == [1, 2]
    preview = written(tmp_path, title="Third")
    words = ("publish", preview, "--images", photos, "--study", study.slug, "--preview")
    assert main(*words) == 0
    assert [one.number for one in store.versions(study.slug)] == [0, 1, 2]
    assert store.draft(study.slug).title == "Other", "a preview leaves the draft alone"
    assert capsys.readouterr().out.endswith(f"?study={study.slug}&preview=1\n")


def test_what_is_wrong_is_said_before_anything_is_made(store: Store, tmp_path: Path) -> None:
    photos = str(tmp_path / "photos")
    with pytest.raises(StudyError, match="--images"):
        main("publish", written(tmp_path))
    with pytest.raises(StudyError, match="at least two"):
        main("publish", written(tmp_path, conditions=CONDITIONS[:1]), "--images", photos)
    with pytest.raises(StudyError, match="unknown part"):
        main("publish", written(tmp_path, colour="red"), "--images", photos)
    with pytest.raises(StudyError, match="no such study"):
        main("publish", written(tmp_path), "--images", photos, "--study", "nowhere")
    outside = [{"id": "p1", "name": "../secret.png", "true_class": "cat"}]
    with pytest.raises(ImageError, match="outside"):
        main("publish", written(tmp_path, pictures=outside, trials=1), "--images", photos)
    kept = [{"id": "p1", "name": "x", "asset": "0" * 64, "true_class": "cat"}]
    with pytest.raises(StudyError, match="missing"):
        main("publish", written(tmp_path, pictures=kept, trials=1), "--images", photos)
    (tmp_path / "design.json").write_text("{")
    with pytest.raises(StudyError, match="not a JSON file"):
        main("publish", str(tmp_path / "design.json"))
    assert store.studies() == []


def test_a_class_that_no_model_has_stays_text_and_is_never_guessed(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos = str(tmp_path / "photos")
    pictures = [
        {"id": "p1", "name": "mine.png", "true_class": "Egyptian cats"},
        {"id": "p2", "name": "sample:coffee", "true_class": "space rocket"},
    ]
    file = written(tmp_path, pictures=pictures)
    with pytest.raises(StudyError, match=r"“Egyptian cats” \(Egyptian cat\)\. .*--keep-classes"):
        main("publish", file, "--images", photos)
    assert store.studies() == []
    assert main("publish", file, "--images", photos, "--keep-classes") == 0
    told = capsys.readouterr().err
    assert "“Egyptian cats” (mine.png), “space rocket” (sample:coffee)" in told
    assert "Its prediction counts as wrong there." in told
    assert "the question names the true one" in told
    (study,) = store.studies()
    records = store.records(study.slug)
    assert [one.true_class for one in records.design.pictures] == ["Egyptian cats", "space rocket"]
    assert not records.predictions.correct.any()
    assert records.predictions.predicted_class[0] == "Egyptian cat"


OWN = [
    {"id": "c1", "title": "Ours", "model": {}, "method": "maps:Ours"},
    {"id": "c2", "title": "Theirs", "model": {}, "method": "maps:Theirs"},
]


def test_maps_computed_elsewhere_become_a_study_without_a_model(
    store: Store, tmp_path: Path
) -> None:
    file = written(tmp_path, conditions=OWN)
    width, height = sample_image("cat").size
    for number, folder in enumerate(("ours", "theirs")):
        (tmp_path / folder).mkdir()
        rng = np.random.default_rng(number)
        np.save(tmp_path / folder / "mine.npy", rng.normal(size=(height, width)))
        across, down = sample_image("coffee").size
        np.save(tmp_path / folder / "coffee.npy", rng.normal(size=(down, across)))
    words = ["publish", file, "--images", str(tmp_path / "photos")]
    ours, theirs = (f"{name}={tmp_path / name.lower()}" for name in ("Ours", "Theirs"))
    with pytest.raises(StudyError, match="Say by --maps where the maps of “Theirs” are"):
        main(*words, "--maps", ours)
    with pytest.raises(StudyError, match="No condition of the design has the method “maps:X”"):
        main(*words, "--maps", ours, "--maps", theirs, "--maps", f"X={tmp_path / 'ours'}")
    assert main(*words, "--maps", ours, "--maps", theirs) == 0
    (study,) = store.studies()
    records = store.records(study.slug)
    assert records.predictions.empty
    names = [condition.settings["maps"] for condition in records.design.conditions]
    assert [set(one) for one in names] == [{"mine", "coffee"}] * 2
    # The design names the maps that are kept: no file is needed any more.
    (tmp_path / "again.json").write_text(json.dumps(records.design.to_json()))
    assert main("publish", str(tmp_path / "again.json"), "--study", study.slug) == 0

    (tmp_path / "theirs" / "mine.npy").unlink()
    with pytest.raises(StudyError, match=r"“Theirs” have none for “mine\.png”"):
        main(*words, "--maps", ours, "--maps", theirs)
