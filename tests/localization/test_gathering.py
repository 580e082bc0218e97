"""Which pictures are explained for which class, and why the others are not."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.command_line import picture
from xai_core.datasets import AnnotatedPicture, annotated
from xai_core.datasets.annotated_sets import Source
from xai_core.datasets.layouts import MASKS, XML
from xai_core.localization import gathering
from xai_core.localization.gathering import LeftOut, Rule, gathered, in_turn

CLASSES = ["ant", "bee", "cat"]
RULE = Rule(CLASSES, (16, 16), 1.0)
PREDICTED = Rule(CLASSES, (16, 16), 1.0, explain="predicted")
# Pictures of 32 x 16 pixels, of which the columns 8 to 23 are seen, one to one.
SEEN = (10, 2, 14, 6)


def xml(*objects, size=(32, 16)):
    """An annotation; boxes here have their last sides outside, and VOC's count from 1."""
    parts = [f"<size><width>{size[0]}</width><height>{size[1]}</height></size>"]
    for name, (x0, y0, x1, y1) in objects:
        box = f"<xmin>{x0 + 1}</xmin><ymin>{y0 + 1}</ymin><xmax>{x1}</xmax><ymax>{y1}</ymax>"
        parts.append(f"<object><name>{name}</name><bndbox>{box}</bndbox></object>")
    return f"<annotation>{''.join(parts)}</annotation>"


@pytest.fixture
def write(tmp_path):
    """Writes a picture with its XML, and gives how both are read."""

    def written(name, *objects, folder=None):
        picture(len(name), (32, 16)).save(tmp_path / f"{name}.png")
        (tmp_path / f"{name}.xml").write_text(xml(*objects))
        source = Source(XML, tmp_path / f"{name}.xml")
        return AnnotatedPicture(tmp_path / f"{name}.png", folder, source)

    return written


def gather(pictures, rule=RULE, predicted=0, most=None):
    """Names, classes and boxes of what is found, and the reasons for the others."""
    left_out = LeftOut()
    found = gathered(pictures, rule, lambda some: [predicted] * len(some), left_out, most)
    told = [(Path(one.name).stem, one.target, one.objects.boxes.tolist()) for one in found]
    return told, {Path(name).stem: why for name, why in left_out.reasons.items()}, left_out


def test_the_annotated_class_is_explained_against_all_its_objects(write):
    one = write("a", ("bee", SEEN), ("bee", (16, 8, 20, 10)), ("wasp", (10, 10, 12, 12)))
    found, reasons, left_out = gather([one])
    assert found == [("a", 1, [[2, 2, 6, 6], [8, 8, 12, 10]])]
    assert reasons == {}
    assert left_out.names == {("wasp", "The model has no class 'wasp'."): 1}


def test_of_several_classes_it_is_that_of_the_folder_or_else_the_largest(write):
    objects = [("ant", SEEN), ("cat", (9, 2, 20, 9)), ("ant", (10, 3, 14, 7))]
    assert gather([write("a", *objects)])[0][0][1] == 2, "7 x 11 pixels against 4 x 5"
    assert gather([write("a", *objects, folder="ant")])[0][0][1] == 0
    assert gather([write("a", *objects, folder="bee")])[0][0][1] == 2, "no bee is there"


def test_a_name_may_be_told_to_mean_a_class(write):
    one = write("a", ("wasp", SEEN))
    found, _, left_out = gather([one], Rule(CLASSES, (16, 16), 1.0, meant={"wasp": 1}))
    assert found == [("a", 1, [[2, 2, 6, 6]])]
    assert not left_out.names


def test_the_predicted_class_needs_objects_of_its_own(write):
    pictures = [write("a", ("bee", SEEN)), write("bb", ("cat", SEEN), ("bee", (10, 2, 12, 3)))]
    found, reasons, _ = gather(pictures, PREDICTED, predicted=2)
    assert found == [("bb", 2, [[2, 2, 6, 6]])]
    assert reasons == {"a": gathering.OTHER_CLASS}


@pytest.mark.parametrize(
    ("folder", "rule", "expected"),
    [
        (None, RULE, 2),
        ("bee", RULE, 1),
        ("wasp", RULE, 2),
        ("bee", Rule(CLASSES, (16, 16), 1.0, unnamed=0), 0),
        ("bee", PREDICTED, 2),
    ],
)
def test_objects_without_a_name(tmp_path, folder, rule, expected):
    picture(1, (32, 16)).save(tmp_path / "a.jpg")
    mask = np.zeros((16, 32), np.uint8)
    mask[2:6, 10:14] = 255
    Image.fromarray(mask).save(tmp_path / "a.png")
    one = AnnotatedPicture(tmp_path / "a.jpg", folder, Source(MASKS, tmp_path / "a.png"))
    assert gather([one], rule, predicted=2)[0] == [("a", expected, [[2, 2, 6, 6]])]


def test_every_reason(write, tmp_path):
    pictures = [
        write("nothing"),
        write("other", ("wasp", SEEN), ("wasp", SEEN)),
        write("cut", ("bee", (0, 0, 6, 6))),
        write("thin", ("bee", SEEN)),
        write("damaged", ("bee", SEEN)),
        write("size", ("bee", SEEN)),
        write("good", ("bee", SEEN)),
    ]
    big = tmp_path / "thin.png"
    picture(1, (320, 160)).save(big)
    (tmp_path / "thin.xml").write_text(xml(("bee", (81, 20, 84, 60)), size=(320, 160)))
    (tmp_path / "damaged.png").write_bytes(b"no picture")
    (tmp_path / "size.xml").write_text(xml(("bee", SEEN), size=(31, 16)))
    found, reasons, left_out = gather(pictures)
    assert [name for name, *_ in found] == ["good"]
    assert reasons["nothing"] == gathering.NOTHING
    assert reasons["other"] == gathering.NO_CLASS
    assert reasons["cut"] == gathering.CUT_OFF
    assert reasons["thin"] == gathering.TOO_SMALL
    assert "not a picture" in reasons["damaged"]
    assert "31 × 16 pixels" in reasons["size"]
    table = left_out.table()
    assert list(table.columns) == ["image", "name", "count", "reason"]
    assert table.iloc[0].tolist() == ["", "wasp", 2, "The model has no class 'wasp'."]
    assert len(table) == 1 + 6


def test_no_more_than_are_asked_for_and_the_rest_is_counted(write, monkeypatch):
    monkeypatch.setattr(gathering, "CHUNK", 2)
    pictures = [write(f"{'a' * k}", ("bee", SEEN)) for k in range(1, 6)]
    asked = []

    def predict(some):
        asked.append(len(some))
        return [0] * len(some)

    left_out = LeftOut()
    found = list(gathered(pictures, RULE, predict, left_out, 2))
    assert [Path(one.name).stem for one in found] == ["a", "aa"]
    assert (left_out.more, asked) == (3, [0]), "nobody reads further, or asks without need"
    assert left_out.table()["count"].tolist() == [3]
    for most, more in ((3, 2), (5, 0), (9, 0)):
        assert gather(pictures, most=most)[2].more == more
        assert len(gather(pictures, most=most)[0]) == min(most, 5)


def test_classes_take_turns(tmp_path):
    for folder, names in (("ant", "abc"), ("bee", "de")):
        (tmp_path / folder).mkdir()
        for name in names:
            picture(1).save(tmp_path / folder / f"{name}.png")
            if name != "b":
                (tmp_path / folder / f"{name}.xml").write_text(xml(("bee", SEEN), size=(64, 64)))
    (tmp_path / "lost.xml").write_text(xml())
    left_out = LeftOut()
    found = in_turn(annotated(tmp_path), left_out)
    assert [one.path.stem for one in found] == ["a", "d", "c", "e"]
    assert {Path(name).stem: why for name, why in left_out.reasons.items()} == {
        "b": gathering.NO_ANNOTATION,
        "lost": gathering.NO_PICTURE,
    }
