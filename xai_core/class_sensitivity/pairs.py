"""Which two classes of a picture are compared."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from xai_core.errors import MethodError

# The two most probable; the true one and the most probable other; those that somebody names; of
# joined pictures, those that the model sees in each alone.
TOP, TRUE, CHOSEN, ALONE = "top", "true", "chosen", "alone"


def class_pair(
    scores: NDArray[np.floating], rule: str, true: int | None = None
) -> tuple[int, int] | None:
    """Two classes of a picture.

    Args:
        scores: what the model says of each class, [K].
        rule: "top" for the two most probable; "true" for the true one and the most probable of
            all others. Of equally probable classes the one with the smaller index comes first.
        true: index of the true class, where it is known.

    Returns:
        Indices of two classes; None where the true class is needed and not known.

    Raises:
        MethodError: another rule, or a model with one class.
    """
    order = _ordered(scores)
    if rule == TOP:
        return order[0], order[1]
    if rule != TRUE:
        raise MethodError(f"Classes are paired by {TOP} or {TRUE}, not by '{rule}'.")
    if true is None:
        return None
    return true, next(k for k in order if k != true)


def two_or_more(scores: NDArray[np.floating], among: Sequence[int] = ()) -> list[int]:
    """Distinct classes ``among``, filled up to two with the most probable of all others.

    Args:
        scores: as in ``class_pair``.
        among: indices of classes.

    Raises:
        MethodError: a model with one class.
    """
    found = list(dict.fromkeys(among))
    return found if len(found) > 1 else list(dict.fromkeys([*found, *_ordered(scores)]))[:2]


def _ordered(scores: NDArray[np.floating]) -> list[int]:
    """All classes, the most probable first."""
    if len(scores) < 2:
        raise MethodError("The model has one class; two are compared.")
    return [int(k) for k in np.argsort(-scores, kind="stable")]
