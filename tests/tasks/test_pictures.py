"""Pictures by their files: what they are, and what a model says of each."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from xai_core import tasks
from xai_core.cache import Result
from xai_core.errors import DataError, ImageError
from xai_core.images import THUMBNAIL, image_hash, sample_image
from xai_core.jobs import Task
from xai_core.tasks.models import run_describe, run_predict

MODEL = {"source": "vgg-tiny"}


def done(task: Task) -> Result:
    return task.run(**task.arguments)


def saved(folder: Path, name: str, size: tuple[int, int]) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.linear_gradient("L").resize(size).convert("RGB").save(path, "PNG")
    return path


@pytest.mark.parametrize("size", [(600, 300), (40, 50)])
def test_a_picture_is_known_by_its_pixels_and_has_a_small_one(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    path = saved(tmp_path, "a.png", size)
    found = done(tasks.look_at(str(path)))
    assert found.facts == {
        "problem": "",
        "hash": image_hash(Image.open(path).convert("RGB")),
        "size": list(size),
    }
    with Image.open(io.BytesIO(found.arrays["thumbnail"].tobytes())) as small:
        assert small.format == "JPEG"
        scale = min(1.0, THUMBNAIL / max(size))
        assert small.size == (round(size[0] * scale), round(size[1] * scale))


def test_what_is_no_picture_is_told_under_the_name_that_people_know(tmp_path: Path) -> None:
    path = tmp_path / "0123abcd"
    path.write_bytes(b"Notes.")
    assert done(tasks.look_at(str(path), "notes.txt")).facts["problem"].startswith("'notes.txt'")


def test_what_is_missing_may_come_again(tmp_path: Path) -> None:
    """So that it is missing is no result, and is not kept as one."""
    task = tasks.look_at(str(tmp_path / "a.png"))
    with pytest.raises(ImageError, match=r"'a\.png' is not there any more"):
        done(task)
    saved(tmp_path, "a.png", (40, 50))
    assert not done(task).facts["problem"]


def test_another_content_of_a_data_set_s_file_is_another_picture() -> None:
    keys = {tasks.look_at("/data/a.png", stamp=stamp).key for stamp in (1, 2, 2)}
    assert len(keys) == 2


def test_one_prediction_is_that_of_several_together(tmp_path: Path) -> None:
    fingerprint = run_describe(MODEL).facts["fingerprint"]
    path = saved(tmp_path, "a.png", (90, 70))
    image = Image.open(path).convert("RGB")
    asked = tasks.predictions(
        MODEL, fingerprint, {image_hash(image): str(path), "cat": "sample:cat"}
    )
    together = run_predict(MODEL, [np.asarray(image), np.asarray(sample_image("cat"))]).arrays
    for place, task in enumerate(asked.values()):
        for name, values in done(task).arrays.items():
            np.testing.assert_array_equal(values, together[name][place])


def test_a_prediction_of_a_file_that_is_gone_says_so(tmp_path: Path) -> None:
    (task,) = tasks.predictions(MODEL, "f", {"h": str(tmp_path / "gone.png")}).values()
    with pytest.raises(ImageError, match=r"'gone\.png' cannot be read"):
        done(task)


def test_a_data_set_is_listed_with_its_classes(tmp_path: Path) -> None:
    saved(tmp_path, "dog/b.png", (8, 8))
    saved(tmp_path, "cat/a.png", (8, 8))
    task = tasks.listing(str(tmp_path))
    assert done(task).facts == {"paths": ["cat/a.png", "dog/b.png"], "classes": ["cat", "dog"]}
    saved(tmp_path, "dog/c.png", (8, 8))
    assert tasks.listing(str(tmp_path)).key != task.key, "one more"
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(DataError, match="There are no pictures"):
        done(tasks.listing(str(empty)))
