"""Results as files: data, provenance, figures."""

import base64
import csv
import io
import json
import re
import shlex
import xml.etree.ElementTree as ET
import zipfile
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageFont

from xai_core import __version__
from xai_core.classes import class_index
from xai_core.display import Display
from xai_core.errors import MethodError
from xai_core.explainers import METHODS
from xai_core.export import (
    Explanation,
    explain_run,
    file_names,
    picture_stems,
    relevance_npz,
    table,
    write_npz,
)
from xai_core.figures import (
    FONT_SIZE,
    SPELLED,
    grid_figure,
    heatmap_figure,
    heatmap_image,
    png_bytes,
    to_png,
    to_svg,
)
from xai_core.files import csv_bytes
from xai_core.provenance import ModelFacts

SVG = "{http://www.w3.org/2000/svg}"
TITLES = {"saliency": "Gradient", "gradcam": "Grad-CAM"}
MODEL = ModelFacts("vgg-tiny", "f" * 64, ["cat", "dog", "Crane", "crane"])


def explanation(name="cat.png", method="saliency", seed=0, **changes):
    values = np.random.default_rng(seed).normal(size=(3, 4, 4)).astype(np.float32)
    made = Explanation(
        image_name=name,
        image=lambda: Image.new("RGB", (40, 30), (90, 120, 150)),
        image_hash=f"hash of {name}",
        method=method,
        settings={},
        target=1,
        class_name="dog",
        probability=0.625,
        relevance=values,
        seconds=0.5,
        pixels=np.full((3, 4, 4), 0.5, np.float32),
    )
    return replace(made, **changes)


def rows(data):
    return list(csv.reader(io.StringIO(data.decode("utf-8"), newline="")))


def test_npz_holds_the_raw_relevance_and_the_input():
    items = [
        explanation(pixels=np.ones((3, 2, 2), np.float32)),
        explanation(method="gradcam", relevance=np.full((1, 2, 2), -0.5)),
    ]
    with np.load(io.BytesIO(relevance_npz(items)), allow_pickle=False) as stored:
        assert sorted(stored.files) == ["cat__gradcam", "cat__pixels", "cat__saliency"]
        np.testing.assert_array_equal(stored["cat__saliency"], items[0].relevance)
        assert stored["cat__saliency"].dtype == np.float32
        assert stored["cat__gradcam"].dtype == np.float64


def test_picture_stems_are_safe_and_all_different():
    names = ["x/cat.png", "y/cat.jpg", "sample:cat", "...", "a b+c.png"]
    assert picture_stems(names) == ["cat", "cat-2", "sample_cat", "picture", "a_b_c"]


@pytest.mark.parametrize("packed", [False, True])
def test_arrays_are_written_under_their_names_with_equal_bytes(packed, tmp_path):
    arrays = [("a/one", np.zeros((8, 8), np.float32)), ("b/two", np.arange(3.0))]
    stream = io.BytesIO()
    write_npz(stream, iter(arrays), packed)
    write_npz(tmp_path / "maps.npz", iter(arrays), packed)
    assert (tmp_path / "maps.npz").read_bytes() == stream.getvalue()
    stream.seek(0)
    with np.load(stream, allow_pickle=False) as stored:
        assert stored.files == ["a/one", "b/two"]
        for name, values in arrays:
            np.testing.assert_array_equal(stored[name], values)
            assert stored[name].dtype == values.dtype
    with zipfile.ZipFile(stream) as archive:
        kinds = {entry.compress_type for entry in archive.infolist()}
    assert kinds == {zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED}


def test_equal_explanations_give_equal_bytes():
    assert relevance_npz([explanation()]) == relevance_npz([explanation()])
    assert relevance_npz([explanation()]) != relevance_npz([explanation(seed=1)])


def test_file_names_are_unique_and_safe():
    items = [
        explanation("a/../../cat.png"),
        explanation("cat.jpg"),
        explanation("cat.jpg", settings={"q": 1}),
        explanation("..\\.hidden__x"),
        explanation("=2*3|<b>.png"),
        explanation("???"),
    ]
    assert file_names(items) == [
        "cat__saliency",
        "cat-2__saliency",
        "cat-2__saliency-2",
        "hidden_x__saliency",
        "2_3_b__saliency",
        "picture__saliency",
    ]


def test_the_table_is_tidy_and_its_numbers_are_raw():
    values = np.array([[[1.0, -2.5]], [[0.0, 4.0]]])
    frame = table([explanation(relevance=values), explanation(relevance=0 * values)])
    first = frame.iloc[0]
    assert (first["channels"], first["height"], first["width"]) == (2, 1, 2)
    assert (first["min"], first["max"], first["sum"]) == (-2.5, 4.0, 2.5)
    assert (first["class"], first["probability"], first["seconds"]) == ("dog", 0.625, 0.5)
    assert frame["empty"].tolist() == [False, True]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_or_column_is_a_formula(start):
    frame = pd.DataFrame({"text": [f"{start}1+1"], f"{start}name": [-1.5]})
    assert rows(csv_bytes(frame)) == [["text", f"'{start}name"], [f"'{start}1+1", "-1.5"]]


def test_csv_keeps_text_and_marks_the_undefined_by_an_empty_cell():
    frame = pd.DataFrame({"a": ['Zürich, "x"\nnew line', None], "b": [np.nan, 0.1]})
    assert rows(csv_bytes(frame)) == [["a", "b"], ['Zürich, "x"\nnew line', ""], ["", "0.1"]]


def test_run_json_says_what_was_run():
    items = [explanation(), explanation(method="gradcam", settings={"relu": True})]
    run = explain_run(MODEL, items, Display("positive", clip=99))
    facts = json.loads(run.run_json("my folder"))
    assert facts["product"]["version"] == __version__
    assert facts["libraries"]["numpy"] == np.__version__
    assert facts["model"]["fingerprint"] == "f" * 64
    assert facts["images"] == [{"name": "cat.png", "hash": "hash of cat.png"}]
    assert facts["results"][1] == {
        "file": "cat__gradcam",
        "image": "cat.png",
        "method": "gradcam",
        "settings": {"relu": True},
        "target": 1,
        "class": "dog",
    }
    assert facts["display"]["clip"] == 99
    assert facts["display"]["colormap"] == "viridis"
    assert shlex.split(facts["command"]) == run.words("my folder")


def test_the_command_line_repeats_settings_targets_and_display():
    items = [
        explanation("a b.png", method="gradcam", settings={"relu": False, "layer": None}),
        explanation("-c.png", method="gradcam", settings={"relu": False, "layer": None}, target=3),
    ]
    words = explain_run(MODEL, items, Display(clip=99.5)).words("there")
    assert shlex.join(words) == (
        "python -m xai_core explain --model vgg-tiny --methods gradcam --param gradcam.relu=false "
        "--target 1-dog --target 3-crane --stage signed --show all --colormap blue-red "
        "--opacity 0.8 --enlarge nearest --clip 99.5 --out there -- 'a b.png' -c.png"
    )


@pytest.mark.parametrize("name", ["auto", "-x", "crane", "0"])
def test_a_command_tells_a_class_by_its_number_and_name(name):
    model = replace(MODEL, class_names=["Crane", name])
    words = explain_run(model, [explanation()], Display()).words()
    word = words[words.index("--target") + 1]
    assert word == f"1-{name}"
    assert class_index(word, model.class_names) == 1


def test_display_refuses_what_cannot_be_drawn():
    with pytest.raises(MethodError, match="negative relevance"):
        Display("all", colormap="viridis")
    with pytest.raises(MethodError, match="no colour map"):
        Display("positive", colormap="jet")
    with pytest.raises(MethodError, match="cannot show"):
        Display("some")
    with pytest.raises(MethodError, match="opacity"):
        Display(opacity=2)


def test_a_heatmap_is_drawn_at_the_crops_resolution():
    image = heatmap_image(explanation(), Display(opacity=1))
    assert image.size == (40, 30)
    empty = explanation(relevance=np.zeros((1, 2, 2)))
    assert heatmap_image(empty, Display(opacity=1)).getcolors() == [(1200, (247, 247, 247))]
    assert heatmap_image(empty, Display(opacity=0)).getcolors() == [(1200, (90, 120, 150))]


@pytest.mark.parametrize("show", ["all", "positive", "absolute"])
def test_the_colour_bar_runs_from_the_lowest_to_the_highest_colour(show):
    display = Display(show)
    figure = heatmap_figure(explanation(), display)
    drawn = Image.open(io.BytesIO(to_png(figure)))
    # ColorBrewer's and viridis's end colours.
    ends = {"all": ((5, 48, 97), (103, 0, 31))}.get(show, ((68, 1, 84), (253, 231, 37)))
    y = 30 + 8 + 3
    assert (drawn.getpixel((0, y)), drawn.getpixel((39, y))) == ends
    assert figure.labels[0].text == ("-1" if show == "all" else "0")


def test_the_grid_holds_every_picture_and_method_once():
    items = [explanation(n, m) for n in ("cat.png", "dog.png") for m in TITLES][:3]
    figure = grid_figure(items, Display(), TITLES, side=64)
    assert len(figure.tiles) == 2 + 3 + 1  # originals, heatmaps (one is missing), colour bar
    drawn = Image.open(io.BytesIO(to_png(figure)))
    assert drawn.size == (figure.width, figure.height)
    for tile in figure.tiles:
        box = (tile.x, tile.y, tile.x + tile.image.width, tile.y + tile.image.height)
        assert box[2] <= figure.width
        assert box[3] <= figure.height
        assert drawn.crop(box).tobytes() == tile.image.tobytes()


def test_svg_and_png_show_the_same_and_text_stays_text():
    name = '<script>alert("1")<script>&\x00.png'
    item = explanation(name, class_name="<b>cat & dog</b>")
    figure = grid_figure([item], Display(), TITLES, side=400)
    root = ET.fromstring(to_svg(figure))
    texts = [node.text for node in root.iter(f"{SVG}title")]
    assert name.replace("\x00", "�") in texts
    assert "<b>cat & dog</b>, 62.5%" in texts
    assert {node.tag for node in root.iter()} == {
        SVG + tag for tag in ("svg", "rect", "image", "text", "title")
    }
    hrefs = [node.get("href") for node in root.iter(f"{SVG}image")]
    embedded = [base64.b64decode(href.split(",")[1]) for href in hrefs]
    assert embedded == [png_bytes(tile.image) for tile in figure.tiles]


def test_every_method_title_can_be_drawn():
    font = ImageFont.load_default(FONT_SIZE)

    def shape(letter):
        return bytes(font.getmask(letter))

    missing = shape("\U0010ffff")
    assert shape("×") == missing  # why titles are spelled
    for method in METHODS.values():
        drawn = method.title.translate(SPELLED)
        assert not [letter for letter in drawn if shape(letter) == missing]


def test_long_texts_are_cut_to_their_width_with_an_ellipsis():
    figure = grid_figure([explanation("n" * 300)], Display(), TITLES, side=64)
    root = ET.fromstring(to_svg(figure))
    shown = [node[0].tail for node in root.iter(f"{SVG}text")]
    assert [text for text in shown if re.fullmatch("n+…", text)]
    assert max(map(len, shown)) < 30
