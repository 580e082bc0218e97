"""Pages without a browser: opened by an address, read and pressed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest

from tests.pages.waiting import PATIENCE_S, checked

ROOT = Path(__file__).parents[2]


def page(file: str, query: dict[str, Any]) -> AppTest:
    """A page of the repository with what its address says, before its first run."""
    app = AppTest.from_file(str(ROOT / file), default_timeout=PATIENCE_S)
    for name, value in query.items():
        app.query_params[name] = value
    return app


def press(app: AppTest, *keys: str) -> AppTest:
    """The page after these buttons were pressed, one after the other."""
    for key in keys:
        checked(app.button(key=key).click().run())
    return app


def words(app: AppTest) -> str:
    """All that can be read on the page, but for its controls and tables."""
    titles = (app.header, app.subheader, app.text, app.markdown, app.caption, app.code)
    notes = (app.info, app.success, app.warning, app.error)
    return "\n".join(str(item.value) for kind in (*titles, *notes) for item in kind)


def address(app: AppTest, name: str) -> list[str]:
    """Values of an address parameter, which is text as long as only the test has set it."""
    found = app.query_params.get(name, [])
    return [found] if isinstance(found, str) else found


def renewed(app: AppTest, name: str) -> str:
    """Key of a control that the page itself sets."""
    return f"{name}_v{app.session_state['_turn']}"


def choose_samples(app: AppTest, *titles: str) -> AppTest:
    """The page with these sample pictures, as if they had been chosen in the gallery."""
    app.session_state["_samples"] = list(titles)
    return app
