"""The measures beside what Quantus 0.6.0 and scikit-learn 1.9.1 gave for the same maps.

``benchmarks/peers/quantus.py`` says how they were asked; ``python -m benchmarks.localization``
asks them again.
"""

import numpy as np
import pytest

from xai_core.localization import content_heatmap, dilated, negative_quadrants, pointing_game, pxap

ROWS, COLUMNS = np.mgrid[:16, :16]
NUMBERS = np.arange(4)[:, None, None]
MAPS = np.maximum(
    ((7 + NUMBERS) * ROWS**2 + (3 + 2 * NUMBERS) * ROWS * COLUMNS + 11 * COLUMNS) % 101 - 30.0, 0
)
MASKS = (np.abs(ROWS - 4 - 2 * NUMBERS) < 4) & (np.abs(COLUMNS - 9 + NUMBERS) < 3)

MASS_ACCURACY = [0.1389387755102041, 0.11503866182736311, 0.1746817538896747, 0.15727219626168223]
# These two add 1e-9 to a denominator that is a sum of many pixels, and above 1.
ATTRIBUTION_LOCALISATION = [
    *(0.13893877550861622, 0.11503866182609236, 0.17468175388751278, 0.1572721962600746),
]
FOCUS = [0.22628571428312816, 0.2658986902290338, 0.2671499292753358, 0.29862733644554557]
AVERAGE_PRECISION = [
    *(0.1422966852211346, 0.127619821586783, 0.18171006267018514, 0.16497302358754712),
]
POINTING_GAME = [0, 1, 0, 1]  # with the masks dilated, because it has no margin


def test_content_heatmap_is_the_mass_accuracy():
    found = content_heatmap(MAPS, MASKS)
    np.testing.assert_allclose(found, MASS_ACCURACY, rtol=1e-12)
    np.testing.assert_allclose(found, ATTRIBUTION_LOCALISATION, rtol=1e-9)


def test_negative_quadrants_are_what_focus_leaves():
    np.testing.assert_allclose(1 - negative_quadrants(MAPS, np.arange(4)), FOCUS, rtol=1e-9)


def test_pxap_is_the_average_precision():
    np.testing.assert_allclose(pxap(MAPS, MASKS), AVERAGE_PRECISION, rtol=1e-12)


def test_the_pointing_game_differs_where_pixels_share_the_maximum():
    found = pointing_game(MAPS, MASKS)
    # There a single one that hits is enough; here the share of them counts.
    assert (found > 0).tolist() == POINTING_GAME
    for score, one, mask in zip(found, MAPS, MASKS, strict=True):
        assert score == pytest.approx(dilated(mask)[one == one.max()].mean())
    assert 0 < found[1] < 1
