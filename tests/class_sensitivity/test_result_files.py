"""The tables with the published readings, and the figure."""

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from xai_core.charts import class_chart
from xai_core.class_sensitivity import as_table, averages
from xai_core.class_sensitivity.result_files import findings

TITLES = {"saliency": "Saliency", "gradcam": "Grad-CAM", "edges": "Edges (control)"}
VALUES = {"saliency": (0.5, -0.7), "gradcam": (0.2, 0.6), "edges": (np.nan, np.nan)}


@pytest.fixture(scope="module")
def table():
    """SSIM and HOG of two pictures: for HOG half of SSIM."""
    return as_table(
        [
            {
                "image": f"={picture}.png",
                "image_hash": f"{picture}",
                "method": method,
                "class_a": 0,
                "class_b": 1,
                "measure": measure,
                "show": show,
                "value": values[picture] * share,
                "noise": 0.1,
                "noise_sd": 0.0,
            }
            for picture in (0, 1)
            for method, values in VALUES.items()
            for measure, share in (("ssim", 1.0), ("hog", 0.5))
            for show in ("all", "positive")
        ]
    )


@pytest.fixture(scope="module")
def files(table):
    return {name: make() for name, make in findings(table, TITLES).items()}


def test_every_score_is_in_the_table(table, files):
    found = pd.read_csv(io.BytesIO(files["class_sensitivity.csv"]))
    assert np.allclose(found.value, table.value, equal_nan=True)
    assert set(found.image) == {"'=0.png", "'=1.png"}, "no spreadsheet takes a name for a formula"


def test_published_readings_stand_beside_ssim_alone(files):
    found = pd.read_csv(io.BytesIO(files["averages.csv"]), keep_default_na=False)
    said = found.set_index(["measure", "show", "method"])["Nuzzo 2020, SSIM"]
    for show in ("all", "positive"):
        assert said["ssim", show, "saliency"] == "close to 0.5"
        assert said["ssim", show, "edges"] == ""
    assert set(said["hog"]) == {""}


def test_the_figure_in_three_forms(files):
    Image.open(io.BytesIO(files["class_sensitivity.png"])).load()
    assert b"<svg" in files["class_sensitivity.svg"]
    assert files["class_sensitivity.pdf"].startswith(b"%PDF")


def test_bars_are_means_with_the_most_sensitive_on_top(table):
    means = averages(table[table["show"] == "all"])
    chart = class_chart(means, TITLES, {"ssim": "SSIM", "hog": "HOG correlation"})
    ssim, hog = chart.axes
    # From below: nothing, 0.4 and -0.1.
    for axes, share in ((ssim, 1.0), (hog, 0.5)):
        assert [label.get_text() for label in axes.get_yticklabels()] == [
            *("Edges (control)", "Grad-CAM", "Saliency")
        ]
        widths = [bar.get_width() for bar in axes.patches]
        assert widths[1:] == pytest.approx([0.4 * share, -0.1 * share])
        assert np.isnan(widths[0])
    # The interval of two pictures reaches down to the smaller one, and is seen.
    assert ssim.get_xlim() == pytest.approx((-0.7, 1))
    assert hog.get_xlim() == pytest.approx((-0.35, 1))
    assert ssim.get_xlabel() == "SSIM between the classes"
