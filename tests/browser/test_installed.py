"""The application as ``pip install .`` leaves it, started by its command, in a real Chromium."""

from __future__ import annotations

import sys
from pathlib import Path

from playwright.sync_api import Page, expect

from bots import Server
from tests.unpacked import unpack


def test_it_opens_from_any_folder_with_its_settings(page: Page, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "pages").mkdir(parents=True)
    (elsewhere / "pages" / "__init__.py").write_text("raise SystemExit('Somebody else\\'s.')\n")
    surroundings = {
        "PYTHONPATH": str(unpack(tmp_path / "site")),
        "XAI_STUDIES": str(tmp_path / "studies"),
        "XAI_SERVE": "participants",  # the researchers' pages take seconds to load
    }
    program = (sys.executable, "-P", "-m", "xai_core", "app", "--")
    with Server(surroundings, program=program, folder=elsewhere) as made:
        page.goto(f"{made.url}/take-part")
        expect(page.get_by_text("This address leads to no study")).to_be_visible()
        # Streamlit offers this unless the application's own settings say otherwise.
        expect(page.get_by_test_id("stAppDeployButton")).to_have_count(0)
        made.stop()
        assert "Traceback" not in made.log()
