"""Rows of one picture, and averages over pictures, by hand."""

import numpy as np
import pytest

from xai_core.class_sensitivity import ClassScores, as_table, averages, rows_of
from xai_core.heatmaps import SHOWS
from xai_core.resampling import bootstrap_interval

NAN = float("nan")


def scores(measures=1, classes=3, parts=2):
    """Scores that say where they stand: measure, show and pair; likewise the others."""
    m, s, k = measures, len(SHOWS), classes
    values = np.arange(m * s * k * k).reshape(m, s, k, k) / 100
    floors = np.arange(m * s * 2).reshape(m, s, 2) / 10
    inside = np.arange(k * parts).reshape(k, parts) / 10  # 0 and .1, .2 and .3, .4 and .5
    return ClassScores(values, floors, inside)


def test_rows_say_whose_scores_they_are():
    found = scores(measures=2)
    rows = rows_of(found, [30, 10, 20], ["ssim", "hog"], [[0], [], [1, 0]])
    assert len(rows) == 3 * 2 * len(SHOWS)
    assert [(row["class_a"], row["class_b"]) for row in rows[::6]] == [(30, 10), (30, 20), (10, 20)]
    row = next(
        row
        for row in rows
        if (row["class_a"], row["measure"], row["show"]) == (10, "hog", "positive")
    )
    # Measure 1, show 1, classes 1 and 2: 1 * 27 + 1 * 9 + 1 * 3 + 2; floors 1 * 6 + 1 * 2.
    assert row["value"] == 0.41
    assert (row["noise"], row["noise_sd"]) == (0.8, 0.9)
    # Class 10 has no part; class 20 has both.
    assert np.isnan(row["inside_a"])
    assert row["inside_b"] == pytest.approx(0.4 + 0.5)


def test_without_parts_no_class_is_in_its_own():
    rows = rows_of(scores(parts=0), [1, 2, 3], ["ssim"])
    assert all(np.isnan([row["inside_a"], row["inside_b"]]).all() for row in rows)


def test_the_table_has_its_columns_without_a_row():
    empty = as_table([])
    assert list(empty.columns[:5]) == ["image", "image_hash", "method", "class_a", "class_b"]
    assert averages(empty).empty
    assert list(averages(empty).columns[-3:]) == ["high", "noise", "inside"]


def table(*rows):
    """Rows (image, method, value, inside_a, inside_b) of one measure and show."""
    names = ("image", "method", "value", "inside_a", "inside_b")
    rest = {"class_a": 0, "class_b": 1, "measure": "ssim", "show": "all", "noise": 0.1}
    found = [{**dict(zip(names, row, strict=True)), **rest, "noise_sd": 0} for row in rows]
    return as_table([{**row, "image_hash": f"hash of {row['image']}"} for row in found])


def test_averages_by_hand():
    found = averages(
        table(
            ("cat", "gradcam", 0.2, 0.9, 0.7),
            ("dog", "gradcam", 0.4, 0.5, NAN),
            ("cat", "saliency", 0.1, NAN, NAN),
            ("dog", "saliency", NAN, NAN, NAN),
            ("cat", "edges", NAN, NAN, NAN),
        )
    ).set_index("method")
    assert list(found.index) == ["saliency", "gradcam", "edges"], "the most sensitive first"
    assert found["mean"].tolist()[:2] == pytest.approx([0.1, 0.3])
    assert np.isnan(found["mean"]["edges"])
    assert found.pictures.tolist() == [1, 2, 0]
    assert found.undefined.tolist() == [1, 0, 1]
    assert found.inside["gradcam"] == pytest.approx((0.8 + 0.5) / 2)
    assert found.inside.drop("gradcam").isna().all()
    assert tuple(found.loc["gradcam", ["low", "high"]]) == bootstrap_interval(np.array([0.2, 0.4]))
    assert found.loc[["saliency", "edges"], ["low", "high"]].isna().all(axis=None)


def test_a_picture_with_several_pairs_counts_once():
    found = averages(
        table(
            ("cat", "gradcam", 0.0, NAN, NAN),
            ("cat", "gradcam", 0.1, NAN, NAN),
            ("cat", "gradcam", 0.2, NAN, NAN),
            ("dog", "gradcam", 0.5, NAN, NAN),
        )
    )
    assert found["mean"].tolist() == pytest.approx([(0.1 + 0.5) / 2])
    assert found.pictures.tolist() == [2]


def test_two_pictures_of_one_name_are_two():
    same_name = table(("cat", "gradcam", 0.2, NAN, NAN), ("cat", "gradcam", 0.6, NAN, NAN))
    same_name["image_hash"] = ["one", "other"]
    assert averages(same_name).pictures.tolist() == [2]
