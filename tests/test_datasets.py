"""Which pictures a folder holds, and of which classes."""

import pytest
from PIL import Image

from xai_core.datasets import listed
from xai_core.errors import DataError


def write(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (2, 2)).save(path)
    return path


def tiny(root, annotations="a.JPEG\tn2\t0\t0\t1\t1\nb.JPEG\tn1\t0\t0\t1\t1\n"):
    """Two validation pictures in Tiny-ImageNet's layout, and one to train on."""
    for name in ("val/images/a.JPEG", "val/images/b.JPEG", "train/n1/images/c.JPEG"):
        write(root / name)
    (root / "wnids.txt").write_text("n1\nn2\n")
    (root / "words.txt").write_text("n1\tgoldfish, Carassius auratus\nn2\tking penguin\n")
    (root / "val" / "val_annotations.txt").write_text(annotations)
    return root


def test_tiny_imagenet_gives_its_validation_pictures(tmp_path):
    images = tiny(tmp_path) / "val" / "images"
    expected = [(images / "a.JPEG", "king penguin"), (images / "b.JPEG", "goldfish")]
    assert listed(tmp_path) == expected
    assert listed(str(tmp_path)) == expected, "a path may be a word"


def test_the_annotations_give_the_order(tmp_path):
    root = tiny(tmp_path, "b.JPEG\tn1\t0\t0\t1\t1\na.JPEG\tn2\t0\t0\t1\t1\n")
    assert [path.name for path, _ in listed(root)] == ["b.JPEG", "a.JPEG"]


@pytest.mark.parametrize("missing", ["words.txt", "val/val_annotations.txt"])
def test_a_missing_file_of_the_layout_is_named(tmp_path, missing):
    (tiny(tmp_path) / missing).unlink()
    with pytest.raises(DataError, match=missing.rpartition("/")[2]):
        listed(tmp_path)


def test_a_folder_for_each_class(tmp_path):
    names = ("b wasp/2.png", "b wasp/1.JPG", "ant/3.webp")
    paths = [write(tmp_path / name) for name in names]
    (tmp_path / "ant" / "notes.txt").write_text("no picture")
    expected = [(paths[2], "ant"), (paths[1], "b wasp"), (paths[0], "b wasp")]
    assert listed(tmp_path) == expected


def test_pictures_alone_have_no_class(tmp_path):
    paths = [write(tmp_path / name) for name in ("b.png", "a.jpeg")]
    assert listed(tmp_path) == [(paths[1], None), (paths[0], None)]


def test_pictures_beside_folders_have_no_class_either(tmp_path):
    inside, alone = write(tmp_path / "ant" / "a.png"), write(tmp_path / "b.png")
    assert listed(tmp_path) == [(inside, "ant"), (alone, None)]


def test_a_folder_that_is_called_like_a_picture_is_none(tmp_path):
    path = write(tmp_path / "ant.png" / "a.png")
    assert listed(tmp_path) == [(path, "ant.png")]


def test_pictures_are_not_read(tmp_path):
    (tmp_path / "broken.png").write_bytes(b"")
    assert listed(tmp_path) == [(tmp_path / "broken.png", None)]


def test_no_folder_and_no_picture_are_named(tmp_path):
    with pytest.raises(DataError, match=r"no folder .*nowhere"):
        listed(tmp_path / "nowhere")
    (tmp_path / "notes.txt").write_text("no picture")
    with pytest.raises(DataError, match=r"no pictures in .*\.png"):
        listed(tmp_path)
