"""Means, differences and groups by size: numbers by hand, and the intervals' coverage."""

import itertools

import numpy as np
import pandas as pd
import pytest

from xai_core import resampling
from xai_core.errors import MethodError
from xai_core.localization import summary


def table(*rows):
    return pd.DataFrame(rows, columns=["image", "method", "measure", "value", "size"])


TABLE = table(
    ("a", "cam", "pxap", 0.5, 0.05),
    ("b", "cam", "pxap", 1.0, 0.1),
    ("c", "cam", "pxap", np.nan, 0.3),
    ("d", "cam", "pxap", 0.6, 0.29),
    ("a", "lrp", "pxap", 0.25, 0.05),
    ("b", "lrp", "pxap", np.nan, 0.1),
    ("c", "lrp", "pxap", 0.75, 0.3),
    ("d", "lrp", "pxap", 0.1, 0.29),
    ("a", "cam", "box_iou", 0.2, 0.05),
)


def by(found, *names):
    return found.set_index(list(names)).T.to_dict()


def test_means_by_hand():
    found = by(summary.means(TABLE), "method", "measure")
    cam = found["cam", "pxap"]
    assert (cam["pictures"], cam["undefined"]) == (3, 1)
    assert cam["mean"] == pytest.approx((0.5 + 1 + 0.6) / 3)
    assert 0.5 <= cam["low"] < cam["mean"] < cam["high"] <= 1
    assert found["lrp", "pxap"]["mean"] == pytest.approx(1.1 / 3)
    single = found["cam", "box_iou"]
    assert (single["pictures"], single["mean"]) == (1, 0.2)
    assert np.isnan([single["low"], single["high"]]).all(), "one picture has no interval"


def test_a_method_without_scores_has_no_mean():
    found = summary.means(table(("a", "cam", "pxap", np.nan, 0.5)))
    assert found[["pictures", "undefined"]].to_numpy().tolist() == [[0, 1]]
    assert found[["mean", "low", "high"]].isna().all(axis=None)
    assert summary.means(TABLE.iloc[:0]).empty


def test_differences_by_hand():
    found = summary.differences(TABLE, "cam", "lrp")
    row = by(found, "measure")["pxap"]
    # Both are defined for a, 0.25, and d, 0.5.
    assert (row["method"], row["other"]) == ("cam", "lrp")
    assert (row["pictures"], row["undefined"]) == (2, 2)
    assert row["difference"] == pytest.approx(0.375)
    # Of two pictures a quarter of the samples is twice the one, and a quarter twice the other.
    assert [row["low"], row["high"]] == pytest.approx([0.25, 0.5])
    turned = by(summary.differences(TABLE, "lrp", "cam"), "measure")["pxap"]
    assert turned["difference"] == pytest.approx(-0.375)
    assert [turned["low"], turned["high"]] == pytest.approx([-0.5, -0.25])
    alone = by(found, "measure")["box_iou"]
    assert (alone["pictures"], alone["undefined"]) == (0, 1)
    assert np.isnan([alone["difference"], alone["low"], alone["high"]]).all()


def test_a_constant_difference_is_certain():
    rows = [(name, "cam", "pxap", score, 0.2) for name, score in zip("abcd", range(4), strict=True)]
    shifted = [(name, "lrp", "pxap", score + 2, 0.2) for name, _, _, score, _ in rows]
    row = summary.differences(table(*rows, *shifted), "lrp", "cam").iloc[0]
    assert [row["difference"], row["low"], row["high"]] == [2, 2, 2]


def test_order_does_not_matter_to_differences():
    shuffled = TABLE.sample(frac=1, random_state=1)
    found = by(summary.differences(shuffled, "cam", "lrp"), "measure")["pxap"]
    assert (found["pictures"], found["difference"]) == (2, pytest.approx(0.375))


def test_groups_by_size():
    assert (summary.MEDIUM_FROM, summary.LARGE_FROM) == (0.1, 0.3)
    groups = {name: set(part["image"]) for name, part in summary.size_groups(TABLE)}
    assert groups == {"small": {"a"}, "medium": {"b", "d"}, "large": {"c"}}
    found = by(summary.means_by_size(TABLE), "group", "method", "measure")
    assert found["medium", "cam", "pxap"]["mean"] == pytest.approx(0.8)
    assert found["large", "cam", "pxap"]["undefined"] == 1
    assert found["small", "cam", "box_iou"]["mean"] == 0.2
    unknown = TABLE.assign(size=np.nan)
    assert list(summary.size_groups(unknown)) == []
    assert list(summary.means_by_size(unknown)) == ["group", *summary.means(TABLE)]


def test_the_interval_is_that_of_all_samples():
    # The 27 samples of three values have the means 0, 1/3, ... 2; the 2.5th and 97.5th percentile
    # are the ends of these, each of one in 27.
    values = np.array([0.0, 1.0, 2.0])
    means = [np.mean(sample) for sample in itertools.product(values, repeat=3)]
    expected = np.quantile(means, [0.025, 0.975], method="inverted_cdf")
    assert expected.tolist() == [0, 2]
    assert resampling.bootstrap_interval(values) == (0, 2)


def test_the_interval_has_the_width_of_the_normal_one():
    values = np.random.default_rng(0).normal(size=400)
    low, high = resampling.bootstrap_interval(values, replicates=4000)
    error = values.std() / 20
    # A quantile of 4,000 draws at 2.5 % has a standard error of 0.042 of theirs.
    np.testing.assert_allclose([low, high], values.mean() + np.array([-1.96, 1.96]) * error,
                               atol=5 * 0.042 * error)  # fmt: skip


def test_the_seed_decides_and_the_pieces_do_not(monkeypatch):
    values = np.random.default_rng(1).uniform(size=50)
    found = resampling.bootstrap_interval(values, seed=3)
    assert resampling.bootstrap_interval(values, seed=3) == found
    assert resampling.bootstrap_interval(values, seed=4) != found
    monkeypatch.setattr(resampling, "AT_ONCE", 700)
    assert resampling.bootstrap_interval(values, seed=3) == found


def test_what_cannot_be_told_apart_is_refused():
    twice = pd.concat([TABLE, TABLE.iloc[:1]])
    for asked in (summary.means, lambda rows: summary.differences(rows, "cam", "lrp")):
        with pytest.raises(MethodError, match="'a' has two scores by pxap of cam"):
            asked(twice)
    told = twice.assign(image_hash=[*"abcdabcda", "e"])
    assert by(summary.means(told), "method", "measure")["cam", "pxap"]["pictures"] == 4
    with pytest.raises(MethodError, match="at least 1 replicate, not 0"):
        summary.means(TABLE, replicates=0)
