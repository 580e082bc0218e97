"""Entry point: server start-up, configuration, roles and navigation; nothing else.

``streamlit run app.py`` imports this file once for the server (``app``) and runs it as a
script for every visitor (``main``). Who takes part in a study sees that page and nothing else,
and gets nothing of torch; ``XAI_SERVE=participants`` makes a server for them alone.
"""

from __future__ import annotations

import gc
import logging
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from importlib import import_module
from threading import Thread
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import streamlit as st
from starlette.routing import BaseRoute
from streamlit.runtime.pages_manager import PagesManager

from pages.components import access, loading, modules, page_look, server_options, sign_in
from pages.components.study import stimuli
from pages.components.text import errors_shown
from xai_core.allocation import return_freed_memory
from xai_core.errors import JobError, StudyUnavailableError
from xai_core.places import ASSETS
from xai_core.study import shared_store

if TYPE_CHECKING:
    from xai_core.jobs import Engine

LOGO = ASSETS / "logo.png"
TAKE_PART = "take-part"
PARTICIPANTS = ("pages.components.study.taking_part.page",)
EVERYBODY = (
    "pages.components.classified",
    "pages.components.compare.pairs",
    *PARTICIPANTS,
)

log = logging.getLogger(__name__)


def main() -> None:
    """One visitor's run."""
    with loading.lock:
        pass
    page_look.show()
    with errors_shown():
        path = urlsplit(st.context.url or "").path
        if "study" in st.query_params or path.endswith(f"/{TAKE_PART}"):
            _participant()
        else:
            _researcher()


def _participant() -> None:
    """The page of who takes part, whatever else this visitor may see."""
    st.set_page_config(page_title="Study", page_icon=str(LOGO), layout="centered")
    page = st.Page("pages/take_part.py", title="Study", url_path=TAKE_PART)

    def front_door() -> None:
        st.switch_page(page, query_params=st.query_params.to_dict())

    front = st.Page(front_door, title="Study", default=True)
    st.navigation([front, page], position="hidden").run()


def _researcher() -> None:
    st.set_page_config(page_title="XAI Workbench", page_icon=str(LOGO), layout="wide")
    pages = [
        st.Page("pages/compare.py", title="Compare", icon=":material/compare:", default=True),
        st.Page("pages/sanity.py", title="Sanity checks", icon=":material/shuffle:"),
        st.Page("pages/reliability.py", title="Reliability", icon=":material/straighten:"),
        st.Page(
            "pages/class_sensitivity.py",
            title="Class sensitivity",
            icon=":material/alt_route:",
            url_path="class-sensitivity",
        ),
        st.Page("pages/localisation.py", title="Localisation", icon=":material/my_location:"),
        st.Page("pages/study_design.py", title="Study: design", icon=":material/edit_note:"),
        st.Page("pages/study_results.py", title="Study: results", icon=":material/how_to_vote:"),
    ]
    known = access.is_researcher()
    page = st.navigation(pages, position="top" if known else "hidden")
    if not known:
        access.require_researcher(page.url_path)
    access.offer_sign_out()
    from pages.components import working_session

    working_session.reopen(page, pages)
    working_session.current()  # also pages that show nothing of it tell it in their address
    try:
        page.run()
    finally:
        working_session.note_view(page)


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    """Server and worker are warm before the first visitor comes; the worker ends with us."""
    # The folder has the name of an older way to have pages, in which the first visitor would see
    # a page without this file if the address names one.
    PagesManager.uses_pages_directory = False
    return_freed_memory()
    server_options.take(sys.argv)
    if not access.serves_researchers():
        warm_up(PARTICIPANTS)  # half a second, and the first participant need not wait
        yield
        return
    from xai_core.jobs import shared_engine

    engine = shared_engine()
    loading.lock.acquire()
    Thread(target=prepare, args=(engine,), daemon=True).start()
    yield
    engine.close()


def prepare(engine: Engine) -> None:
    """Import what researchers' pages need; the worker loads the first model meanwhile."""
    try:
        from pages.components import picture_store, session_store
        from xai_core import tasks
        from xai_core.first_model import first_model
        from xai_core.models.registry import models_here

        with suppress(JobError):  # closed already
            engine.submit([tasks.warm_up({"source": first_model()})], owner="engine")
        warm_up(EVERYBODY)
        models_here()  # torchvision takes long, and is loaded where there are weights of its models
        for store in (picture_store.STORE, session_store.STORE):
            store.make_room()
    finally:
        loading.lock.release()


def warm_up(modules: Sequence[str]) -> None:
    """Do before the first visitor comes what takes seconds: import what the pages need."""
    for module in modules:
        import_module(module)
    try:
        shared_store()
    except StudyUnavailableError as error:
        log.warning("%s", error)
    # What was imported never is garbage, and looking through it takes a sixth of a second.
    gc.collect()
    gc.freeze()


def routes() -> list[BaseRoute]:
    """What the server answers besides Streamlit's own addresses."""
    if not access.serves_researchers():
        return [modules.route(), stimuli.route()]
    from pages.components import gallery, media
    from pages.components.sanity import map_route

    own = (modules, stimuli, sign_in, media, gallery, map_route)
    return [module.route() for module in own]


if __name__ == "__main__":
    main()
else:
    app = st.App(__file__, lifespan=lifespan, routes=routes())
