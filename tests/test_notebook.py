"""What a notebook shows of maps and panels, read as Jupyter and a browser read it."""

import base64
import io
from html.parser import HTMLParser

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from tests.reference import nets
from xai_core.display import Display
from xai_core.errors import MethodError, ModelError
from xai_core.explainers import Panel, explain
from xai_core.heatmaps import signed_map
from xai_core.models.classifier import Classifier
from xai_core.notebook import show

X = nets.oracle("x")
TARGETS = [3, 1]
SIDE = 160  # of a tile in a notebook


class Page(HTMLParser):
    """The tags, texts and pictures of a piece of HTML."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.texts, self.pictures = [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag == "img":
            facts = dict(attrs)
            kind, _, data = facts["src"].partition(",")
            assert kind == "data:image/png;base64"
            self.pictures.append((facts["alt"], opened(base64.b64decode(data))))

    def handle_data(self, data):
        self.texts.append(data)


def opened(data):
    return Image.open(io.BytesIO(data)).convert("RGB")


def shown(value):
    """The page and the picture that Jupyter shows of a value."""
    bundle = value._repr_mimebundle_(include=None, exclude=None)
    assert bundle["text/plain"] == repr(value) or isinstance(value, Panel)
    return Page(bundle["text/html"]), opened(base64.b64decode(bundle["image/png"]))


@pytest.fixture(scope="module")
def clf():
    return nets.classifier("VGGSmall")


@pytest.fixture
def black_and_white():
    """A classifier of the classes <i> and b, and one picture of two pixels: black and white."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(6, 2))
    clf = Classifier(network, ["<i>", "b"], (1, 2), (0.5,) * 3, (0.5,) * 3)
    return clf, torch.tensor([-1.0, 1.0]).expand(1, 3, 1, 2)


def test_colours_are_those_of_every_other_drawing(black_and_white):
    clf, x = black_and_white
    relevance = torch.tensor([[[[-2.0, 4.0]]]])
    page, sheet = shown(show(clf, x, relevance, display=Display(opacity=1)))
    titles = [title for title, _ in page.pictures]
    assert titles == ["Original", "Relevance", ""], "the last is the colour bar"
    original, drawn = page.pictures[0][1], page.pictures[1][1]
    assert original.size == drawn.size == (SIDE, SIDE // 2)
    assert [original.getpixel((x, 40)) for x in (0, SIDE - 1)] == [(0, 0, 0), (255, 255, 255)]
    # -2 and 4 divided by 4: ColorBrewer's RdBu, white in its middle, has at -0.5 its anchor
    # (67, 147, 195) + 0.5 * ((146, 197, 222) - (67, 147, 195)), and at 1 its last.
    assert np.abs(np.subtract(drawn.getpixel((0, 40)), (106.5, 172, 208.5))).max() <= 1
    assert drawn.getpixel((SIDE - 1, 40)) == (103, 0, 31)
    # Gaps of 8 pixels around two tiles; titles above the tiles, a line each of 20.
    assert sheet.width == 8 + 2 * (SIDE + 8)
    assert sheet.crop((8 + SIDE + 8, 28, 8 + 2 * SIDE + 8, 28 + SIDE // 2)).tobytes() == (
        drawn.tobytes()
    )


def test_text_stays_text(black_and_white):
    clf, x = black_and_white
    title, note = '<script>alert("1")</script>', "<b>&"
    page, _ = shown(show(clf, x, {title: torch.ones(1, 1, 1, 2)}, 0, note=note))
    assert {"Original", title, note, "Class explained: <i>"} <= set(page.texts)
    assert set(page.tags) == {"div", "figure", "figcaption", "img", "span"}
    assert page.pictures[1][0] == title


def test_maps_of_one_channel_and_of_half_precision_are_shown_as_they_are(clf):
    relevance = explain(clf, X, TARGETS, "input_x_gradient")
    whole = shown(show(clf, X, relevance))[1]
    assert shown(show(clf, X, signed_map(relevance)))[1].tobytes() == whole.tobytes()
    rounded = relevance.to(torch.bfloat16)
    page, _ = shown(show(clf, X, {"fine": rounded.double(), "coarse": rounded}))
    (_, fine), (_, coarse) = page.pictures[1:3]
    assert fine.tobytes() == coarse.tobytes()


def test_a_panel_shows_what_has_been_explained_and_computes_nothing(clf, monkeypatch):
    panel = Panel(clf, X, TARGETS, {"saliency": {}, "input_x_gradient": {}, "gradcam": {}})
    page, _ = shown(panel)
    assert [title for title, _ in page.pictures] == ["Original"] * 2
    assert "Not explained yet: Saliency, Input × Gradient, Grad-CAM." in page.texts
    found = {name: panel.explain(name) for name in ("input_x_gradient", "saliency")}
    assert list(panel.maps) == ["saliency", "input_x_gradient"]
    assert all(panel.maps[name] is found[name] for name in found)

    page, sheet = shown(panel)
    assert panel.left.keys() == {"gradcam"}
    assert [title for title, _ in page.pictures[:3]] == ["Original", "Saliency", "Input × Gradient"]
    assert [text for text in page.texts if "explained" in text] == [
        "Class explained: dog",
        "Class explained: bee",
        "Not explained yet: Grad-CAM.",
    ]
    same = show(clf, X, {name: found[name] for name in panel.maps}, TARGETS)
    assert shown(same)[1].tobytes() == sheet.tobytes()


def test_it_can_be_saved(clf, tmp_path):
    maps = show(clf, X, {"saliency": explain(clf, X, TARGETS)}, TARGETS)
    assert repr(maps) == "Heatmaps of 2 pictures by Saliency."
    maps.save(tmp_path / "new" / "maps.PNG", side=64)
    # A tile for the original and one for the map; two rows, each with a line of text below.
    assert opened((tmp_path / "new" / "maps.PNG").read_bytes()).size == (
        8 + 2 * 72,
        28 + 2 * (72 + 20) + 12 + 20 + 8,
    )
    maps.save(str(tmp_path / "maps.svg"))
    assert ">dog</text>" in (tmp_path / "maps.svg").read_text(encoding="utf-8")
    with pytest.raises(MethodError, match=r"saved as \.png or \.svg"):
        maps.save(tmp_path / "maps.jpg")


@pytest.mark.parametrize(
    ("maps", "message"),
    [
        (torch.ones(1, 1, 4, 4), "'Relevance' must be one map for each of the 2 pictures"),
        (torch.ones(2, 4), r"not \[2, 4\]"),
        (dict.fromkeys(("gradcam", "Grad-CAM"), torch.ones(2, 4, 4)), "same title: Grad-CAM, Grad"),
        ({"gradcam": torch.full((2, 4, 4), torch.nan)}, "'Grad-CAM' holds values that are not"),
    ],
)
def test_what_does_not_fit_is_refused_at_once(clf, maps, message):
    with pytest.raises(MethodError, match=message):
        show(clf, X, maps)
    with pytest.raises(ModelError, match="no class 5"):
        show(clf, X, torch.ones(2, 4, 4), 5)
    with pytest.raises(MethodError, match="pictures"):
        show(clf, X[0], torch.ones(1, 4, 4))


def test_pixels_that_rounding_took_out_of_range_are_white(black_and_white):
    clf, x = black_and_white
    maps = show(clf, 1.001 * x, torch.ones(1, 1, 1, 2), display=Display(stage="map*image"))
    assert maps.pixels.min() == 0
    assert maps.pixels.max() == 1
    shown(maps)
