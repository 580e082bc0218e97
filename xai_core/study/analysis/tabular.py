"""Tables as plain data, which one process can hand to another, and back."""

from __future__ import annotations

from typing import Any

import pandas as pd


def plain(table: pd.DataFrame) -> dict[str, Any]:
    """The table as lists, with None for what is missing, as JSON knows no NaN."""
    whole = table.astype(object).where(table.notna(), None)
    return {
        "columns": [str(name) for name in table.columns],
        "types": [str(kind) for kind in table.dtypes],
        "rows": [[_plain(cell) for cell in row] for row in whole.to_numpy().tolist()],
    }


def restored(data: dict[str, Any]) -> pd.DataFrame:
    """The table again, equal to the one that ``plain`` got."""
    table = pd.DataFrame(data["rows"], columns=data["columns"], dtype=object)
    return table.astype(dict(zip(data["columns"], data["types"], strict=True)))


def _plain(cell: Any) -> Any:
    """A number of NumPy as Python's own."""
    return cell.item() if hasattr(cell, "item") else cell
