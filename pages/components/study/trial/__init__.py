"""One trial in the browser: question, picture, heatmaps under letters, and the answer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pages.components import modules

HERE = Path(__file__).parent
HTML = (HERE / "trial.html").read_text(encoding="utf-8")
CSS = (HERE / "trial.css").read_text(encoding="utf-8")


def trial(data: Mapping[str, Any], key: str) -> Any:
    """Show a trial.

    Args:
        data: what ``pages/take_part.py`` describes.
        key: name of this component on its page.

    Returns:
        The answer that the browser last sent, ``None`` before the first.
    """
    # The page reads the answer when it runs; Streamlit wants a callback all the same.
    given: dict[str, Any] = {"default": {"answer": None}, "on_answer_change": lambda: None}
    return modules.show("trial", "trial.js", HTML, CSS, data, key, **given).answer
