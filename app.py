"""Entry point: server start-up, configuration and navigation; nothing else.

``streamlit run app.py`` imports this file once for the server (``app``) and runs it as a
script for every visitor (``main``).
"""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from threading import Thread

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

from pages.components import media
from pages.components.sanity import maps
from pages.components.text import plain
from xai_core.errors import XaiError
from xai_core.jobs import shared_engine, start_engine

FIRST_MODEL = "vgg-tiny"
LOGO = Path(__file__).parent / "assets" / "logo.png"


def main() -> None:
    """One visitor's run."""
    st.set_page_config(page_title="XAI Workbench", page_icon=str(LOGO), layout="wide")
    pages = [
        st.Page("pages/compare.py", title="Compare", icon=":material/compare:", default=True),
        st.Page("pages/sanity.py", title="Sanity checks", icon=":material/shuffle:"),
        st.Page("pages/reliability.py", title="Reliability", icon=":material/straighten:"),
    ]
    try:
        st.navigation(pages, position="top").run()
    except XaiError as error:
        st.error(plain(str(error)), icon=":material/error:")


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    """Server and worker are warm before the first visitor comes; the worker ends with us."""
    # The folder has the name of an older way to have pages, in which the first visitor would see
    # a page without this file if the address names one.
    PagesManager.uses_pages_directory = False
    start_engine({"source": FIRST_MODEL})
    Thread(target=warm_up, daemon=True).start()
    yield
    shared_engine().close()


def warm_up() -> None:
    """Import what the pages need, which takes seconds, and look the models up once."""
    import_module("pages.components.scene")
    import_module("pages.components.pairs")
    import_module("xai_core.models").available_models()
    # Streamlit collects garbage after every run of a script; what was imported never is any,
    # and looking through it costs a sixth of a second each time.
    gc.freeze()


if __name__ == "__main__":
    main()
else:
    app = st.App(__file__, lifespan=lifespan, routes=[media.route(), maps.route()])
