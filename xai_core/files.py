"""Files: tables that no spreadsheet takes for formulas, archives, and whole files or none."""

from __future__ import annotations

import csv
import io
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd

EARLIEST = (1980, 1, 1, 0, 0, 0)  # of a ZIP file: equal content gives equal bytes
MIMES = MappingProxyType(
    {
        "csv": "text/csv",
        "json": "application/json",
        "md": "text/markdown",
        "parquet": "application/vnd.apache.parquet",
        "pdf": "application/pdf",
        "png": "image/png",
        "svg": "image/svg+xml",
        "zip": "application/zip",
    }
)
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def csv_bytes(frame: pd.DataFrame) -> bytes:
    """A table as CSV, UTF-8, that no spreadsheet takes for formulas.

    A text cell or column name that begins with = + - @, a tab or a carriage return gets an
    apostrophe in front.
    """
    stream = io.StringIO()
    # RFC 4180's line ends: with "\n" alone a carriage return in a cell would stay unquoted.
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow([_guarded(column) for column in frame.columns])
    for row in frame.astype(object).itertuples(index=False):
        writer.writerow(["" if pd.isna(cell) else _guarded(cell) for cell in row])
    return stream.getvalue().encode("utf-8")


def zip_bytes(files: Mapping[str, bytes]) -> bytes:
    """Files in one archive, equal bytes for equal files."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, EARLIEST)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16  # what is unpacked can be read
            archive.writestr(entry, content)
    return stream.getvalue()


def write_file(path: Path, data: bytes) -> None:
    """Write a file, and its folders, so that it appears under its name only when complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(data)
    os.replace(part, path)


def _guarded(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA_STARTS) else cell
