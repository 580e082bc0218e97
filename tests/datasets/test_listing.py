"""Which pictures a folder holds, and of which classes."""

import pytest
from PIL import Image

from xai_core.datasets import labelled, listed, tiny_imagenet
from xai_core.errors import DataError, ModelError, UnknownClassError


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


def test_tiny_imagenet_s_classes_are_told_by_their_indices(tmp_path):
    classes = [
        number for _, number in labelled(tiny(tmp_path), ["goldfish", "dog", "King Penguin"])
    ]
    assert classes == [2, 0]


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


def test_what_is_hidden_is_left_out(tmp_path):
    path = write(tmp_path / "ant" / "a.png")
    for name in (
        ".ipynb_checkpoints/a-checkpoint.png",
        "ant/.ipynb_checkpoints/a-checkpoint.png",
        "ant/._a.png",
        ".hidden.png",
        "__MACOSX/ant/._a.png",
        "__MACOSX/ant/b.png",
        "@eaDir/a.png",
    ):
        write(tmp_path / name)
    for name in ("Thumbs.db", ".DS_Store"):
        (tmp_path / "ant" / name).write_bytes(b"")
    assert listed(tmp_path) == [(path, "ant")]


def test_a_hidden_folder_may_be_the_data_set_itself(tmp_path):
    path = write(tmp_path / ".data" / "ant" / "a.png")
    assert listed(tmp_path / ".data") == [(path, "ant")]


@pytest.mark.parametrize(
    "names",
    [
        ("train/ant/a.png", "val/ant/b.png"),
        ("train/ant/a.png", "val/ant/b.png", "ant/c.png", "d.png"),
        ("train/a.png", "val/b.png"),
        ("pets/train/ant/a.png", "pets/val/ant/b.png"),
    ],
)
def test_splits_are_not_merged_but_asked_for(tmp_path, names):
    root = tmp_path / "data"
    for name in names:
        write(root / name)
    inside = "data/pets" if names[0].startswith("pets") else "data"
    with pytest.raises(DataError) as caught:
        listed(root)
    assert str(caught.value) == (
        "The folder 'data' holds several splits; name one of them: "
        f"'{inside}/train' or '{inside}/val'."
    )
    assert len(listed(tmp_path / inside / "train")) == 1


def test_one_split_alone_is_read(tmp_path):
    paths = [write(tmp_path / "train" / name / "a.png") for name in ("ant", "bee")]
    assert listed(tmp_path) == [(paths[0], "ant"), (paths[1], "bee")]


def test_classes_may_be_called_like_splits(tmp_path):
    paths = [write(tmp_path / name / "a.png") for name in ("plane", "test", "train")]
    assert [name for _, name in listed(tmp_path)] == ["plane", "test", "train"]
    assert [path for path, _ in listed(tmp_path)] == paths


def test_classes_are_told_by_their_indices(tmp_path):
    names = ["Cardigan", "tabby", "cardigan"]
    paths = [write(tmp_path / name / "a.png") for name in ("Cardigan", "Tabby", "cardigan")]
    alone = write(tmp_path / "a.png")
    found = dict(labelled(tmp_path, names))
    assert found == {paths[0]: 0, paths[1]: 1, paths[2]: 2, alone: None}
    write(tmp_path / "CARDIGAN" / "a.png")
    with pytest.raises(ModelError, match="'CARDIGAN' could be several classes: Cardigan #0, card"):
        labelled(tmp_path, names)
    with pytest.raises(UnknownClassError, match="no class 'CARDIGAN'"):
        labelled(tmp_path, ["tabby", "dog"])


def test_tiny_imagenet_as_an_editor_on_windows_leaves_it(tmp_path):
    root = tiny(tmp_path)
    for name in ("wnids.txt", "words.txt", "val/val_annotations.txt"):
        path = root / name
        lines = path.read_text().splitlines()
        path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join([*lines, "", ""]).encode())
    assert [name for _, name in listed(root)] == ["king penguin", "goldfish"]
    assert tiny_imagenet(root, "val").labels.tolist() == [1, 0]
    assert tiny_imagenet(root, "train").class_names == ["goldfish", "king penguin"]


def test_an_annotation_of_an_unknown_class_and_text_in_another_encoding_are_named(tmp_path):
    with pytest.raises(DataError, match=r"the class of 'a\.JPEG' is not in the data set"):
        listed(tiny(tmp_path, "a.JPEG\tn9\t0\n"))
    (tmp_path / "words.txt").write_bytes("n1\tcafé".encode("latin-1"))
    with pytest.raises(DataError, match=r"words\.txt must be UTF-8"):
        listed(tmp_path)
