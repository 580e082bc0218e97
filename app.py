"""Entry point: server start-up, configuration and navigation; nothing else.

``streamlit run app.py`` imports this file once for the server (``app``) and runs it as a
script for every visitor (``main``).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import streamlit as st

from pages.components import media
from xai_core.errors import XaiError
from xai_core.jobs import shared_engine, start_engine

FIRST_MODEL = "vgg-tiny"
LOGO = Path(__file__).parent / "assets" / "logo.png"


def main() -> None:
    """One visitor's run."""
    st.set_page_config(page_title="XAI Workbench", page_icon=str(LOGO), layout="wide")
    pages = [st.Page("pages/compare.py", title="Compare", icon=":material/compare:", default=True)]
    try:
        st.navigation(pages).run()
    except XaiError as error:
        st.error(str(error), icon=":material/error:")


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    """The worker is warm before the first visitor comes, and ends with the server."""
    start_engine({"source": FIRST_MODEL})
    yield
    shared_engine().close()


if __name__ == "__main__":
    main()
else:
    app = st.App(__file__, lifespan=lifespan, routes=[media.route()])
