"""Tables of reliability, written by hand."""

import pandas as pd

from xai_core.apem.one_picture import COLUMNS

NUMBERS = ("eps_minus", "eps_plus", "apem", "apem_normalized", "apem_shuffled")


def table(*rows):
    """Rows of (image, method, apem or None or a problem), with facts about the image.

    Facts are (correct, confidence, loss), by the image's letter in ``FACTS``.
    """
    found = []
    for image, method, value, *more in rows:
        correct, confidence, loss = FACTS[image]
        failed = isinstance(value, str)
        number = None if failed else value
        found.append(
            {
                **dict.fromkeys(COLUMNS),
                "image": image,
                "image_hash": f"hash of {image}",
                "correct": correct,
                "confidence": confidence,
                "loss": loss,
                "method": method,
                "stage": more[0] if more else "map",
                "eps_minus": None if number is None else 10,
                "eps_plus": None if number is None else 10 + number,
                "apem": number,
                "apem_normalized": None if number is None else number / 4,
                "apem_shuffled": None if number is None else -number,
                "problem": value if failed else "",
            }
        )
    kinds = {name: "Float64" if name == "apem_normalized" else "Int64" for name in NUMBERS}
    return pd.DataFrame(found).astype({**kinds, "correct": "boolean", "loss": "Float64"})


# Rightly classified a to d, wrongly e and f, unknown u and v.
FACTS = {
    "a": (True, 0.9, 0.1),
    "b": (True, 0.8, 0.2),
    "c": (True, 0.7, 0.4),
    "d": (True, 0.6, 0.5),
    "e": (False, 0.5, 2.0),
    "f": (False, 0.4, 3.0),
    "u": (None, 0.5, None),
    "v": (None, 0.6, None),
}


def row(found, **where):
    """The one row of a table where columns have these values."""
    for name, value in where.items():
        found = found[found[name] == value]
    assert len(found) == 1
    return found.iloc[0]
