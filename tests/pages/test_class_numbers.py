"""Bars, matrix and table of class sensitivity, and the words around them, by hand."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pages.components.class_sensitivity import numbers
from pages.components.class_sensitivity.subjects import Looked
from pages.components.text import counted, label, told_apart
from xai_core.class_sensitivity import as_table, averages
from xai_core.class_sensitivity.joined import joined_parts

NAN = float("nan")
TITLES = {3: "cat", 1: "espresso", 2: "bus"}
# SSIM of cat and espresso, cat and bus, espresso and bus; relevance on the class's own part.
SCORES = {
    "saliency": (0.3, 0.6, 0.9, {3: 0.7, 1: 0.4, 2: NAN}),
    "gradcam": (-0.4, 0.1, 0.0, {3: 0.9, 1: 1.0, 2: NAN}),
    "edges": (NAN, NAN, NAN, {3: NAN, 1: NAN, 2: NAN}),
}


@pytest.fixture
def table() -> pd.DataFrame:
    return as_table(
        [
            {
                "image": "photo",
                "image_hash": "0",
                "method": method,
                "class_a": a,
                "class_b": b,
                "measure": "ssim",
                "show": show,
                "value": value,
                "noise": 0.05,
                "noise_sd": 0.01,
                "inside_a": inside[a],
                "inside_b": inside[b],
            }
            for method, (*values, inside) in SCORES.items()
            for (a, b), value in zip(((3, 1), (3, 2), (1, 2)), values, strict=True)
            for show in ("all", "positive", "absolute")
        ]
    )


@pytest.fixture
def own(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["show"] == "all"]


def test_bars_have_the_most_sensitive_method_on_top(own: pd.DataFrame) -> None:
    figure = numbers.bars(averages(own), "SSIM")
    bars, floors = figure.data
    # The last one is the uppermost.
    assert list(bars.y) == list(floors.y) == ["Edges (control)", "Saliency", "Grad-CAM"]
    assert list(bars.x) == pytest.approx([NAN, 0.6, -0.1], nan_ok=True)
    assert list(floors.x) == pytest.approx([0.05] * 3)
    assert not bars.error_x.visible, "one picture has no interval"
    assert figure.layout.xaxis.range == pytest.approx((-0.1, 1))


def test_the_whole_interval_is_seen(own: pd.DataFrame) -> None:
    other = own.assign(image_hash="1", value=own.value - 0.5)
    figure = numbers.bars(averages(pd.concat([own, other])), "SSIM")
    bars = figure.data[0]
    assert bars.error_x.visible
    # Grad-CAM's means are -0.1 and -0.6: the interval reaches from one to the other.
    assert bars.x[-1] == pytest.approx(-0.35)
    assert (bars.error_x.arrayminus[-1], bars.error_x.array[-1]) == pytest.approx((0.25, 0.25))
    assert figure.layout.xaxis.range == pytest.approx((-0.6, 1))


def test_places_in_the_order_of_the_bars(own: pd.DataFrame) -> None:
    methods = averages(own).method.tolist()
    figure = numbers.places(own, methods, TITLES, [0.5, 0.5])
    # Of the bus there is no part; the class that is named first has the upper bar.
    assert [trace.name for trace in figure.data] == ["espresso", "cat"]
    for trace, values in zip(figure.data, ((NAN, 0.4, 1.0), (NAN, 0.7, 0.9)), strict=True):
        assert list(trace.y) == ["Edges (control)", "Saliency", "Grad-CAM"]
        assert list(trace.x) == pytest.approx(values, nan_ok=True)
    assert [line.x0 for line in figure.layout.shapes] == [0.5], "both have half of the picture"


def test_parts_of_different_sizes_have_a_line_each(own: pd.DataFrame) -> None:
    figure = numbers.places(own, ["saliency"], TITLES, [0.75, 0.25])
    assert [line.x0 for line in figure.layout.shapes] == [0.25, 0.75]


def test_the_matrix_by_hand(own: pd.DataFrame) -> None:
    (shown,) = numbers.matrix(own[own.method == "gradcam"], TITLES).data
    expected = [[NAN, -0.4, 0.1], [-0.4, NAN, 0.0], [0.1, 0.0, NAN]]
    assert np.array_equal(shown.z, expected, equal_nan=True)
    assert list(shown.x) == list(shown.y) == ["cat", "espresso", "bus"]
    assert (shown.zmin, shown.zmax) == (-0.4, 1), "no colour stands for two scores"


def test_the_table_that_is_read(table: pd.DataFrame, own: pd.DataFrame) -> None:
    found = numbers.lines(table, averages(own), "ssim").set_index("Method")
    assert found.index.tolist() == ["Grad-CAM", "Saliency", "Edges (control)"]
    assert found["All relevance"].tolist() == ["-0.10", "0.60", numbers.DASH]
    assert found["On its own part"].tolist() == ["95%", "55%", numbers.DASH]
    said = "Nuzzo 2020, SSIM"
    assert found[said].tolist() == ["the lowest of its group", "close to 0.5", numbers.DASH]
    assert "95 % interval" not in found


def looked(way: str, *alone: int) -> Looked:
    """Pictures of 4 by 4 pixels of these classes, put together."""
    pictures: Any = [SimpleNamespace(probabilities=np.eye(5)[index]) for index in alone]
    areas = joined_parts(way, (4, 4)) if way else np.zeros((0, 4, 4), bool)
    return Looked(pictures[0], areas, pictures, way)


@pytest.mark.parametrize(
    ("shown", "parts", "shares"),
    [
        (looked("side-by-side", 3, 1), [[0], [1]], [0.5, 0.5]),
        (looked("side-by-side", 1, 1), [[], [0, 1]], [1.0]),
        (looked("2x2", 3, 1, 1, 1), [[0], [1, 2, 3]], [0.25, 0.75]),
        (looked("crosswise", 2, 4), [[], []], []),
        (looked("", 3), [], []),
    ],
)
def test_how_much_belongs_to_a_class(
    shown: Looked, parts: list[list[int]], shares: list[float]
) -> None:
    assert shown.parts([3, 1]) == parts
    assert shown.shares([3, 1]) == shares


def test_pictures_of_one_name_are_told_apart() -> None:
    assert told_apart(["a.png", "b.png", "a.png", "a.png"]) == [
        *("a.png", "b.png", "a.png (2)", "a.png (3)")
    ]


def test_things_are_counted() -> None:
    assert [counted(k, "picture") for k in range(3)] == ["0 pictures", "1 picture", "2 pictures"]


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("Egyptian cat, 95 % (sure)", "Egyptian cat, 95 % (sure)"),
        ("snake_case", "snake_case"),
        ("*bold* _it_", r"\*bold\* \_it\_"),
        ("1. one", r"1\. one"),
        ("a :red[b]", r"a \:red\[b\]"),
        ("x: y", "x: y"),
        ("www.example", r"www\.example"),
    ],
)
def test_labels_are_escaped_where_they_must(text: str, escaped: str) -> None:
    assert label(text) == escaped
