"""Which pictures the page is about: samples, uploads, and pictures of data sets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from types import MappingProxyType

import streamlit as st
from PIL import Image

from pages.components import data_set_pictures, picture_store, session_store, working_session
from pages.components.address_bar import navigated, warn_of_unknown, write
from pages.components.gallery import Item, gallery, thumbnail_at
from pages.components.live import live
from pages.components.session_store import OwnPicture
from pages.components.text import plain
from pages.components.work import Work, gather
from xai_core import tasks
from xai_core.cache import Result
from xai_core.errors import SessionError
from xai_core.images import SAMPLE, image_hash, read_source, sample_images, shown_name
from xai_core.jobs import Task

MOST = 20
MOST_SAID = 5
EVERY_S = 1.0
PURPOSE = "pictures"
Said = Callable[[], tuple[Mapping[str, str], Mapping[str, str]]]
_SAMPLES = "_samples"  # in the session: titles of those chosen; None for what is usual
_USUAL = "_samples-shown"  # what that is by now
_TURN = "_uploads-taken"  # how often something was uploaded
_REFUSED = "_uploads-refused"  # what was last refused, as sentences
_CHOSEN = "_gallery-chosen"  # whether the page does not know yet what was chosen


@dataclass(frozen=True)
class Picture:
    """A picture in use; its pixels are not kept in memory.

    Attributes:
        name: what people read.
        source: as the command line names it: a file name, or sample:NAME.
        hash: of its pixels; it names the results.
        size: (width, height) in pixels.
        read: gives its pixels.
        file: where a worker finds it: a path, or sample:NAME.
        true: name of its true class, or "".
    """

    name: str
    source: str
    hash: str
    size: tuple[int, int]
    read: Callable[[], Image.Image] = field(compare=False)
    file: str = ""
    true: str = ""

    @classmethod
    def of(cls, name: str, source: str, read: Callable[[], Image.Image]) -> Picture:
        """The picture that ``read`` gives.

        Raises:
            ImageError: it cannot be read.
        """
        image = read()
        return cls(name, source, image_hash(image), image.size, read, source)


@dataclass(frozen=True)
class Offered:
    """A place in the gallery.

    Attributes:
        id: of the place.
        title: what people read.
        source: as in ``Picture``.
        file: likewise.
        read: likewise.
        chosen: whether the page is about it.
        true: as in ``Picture``.
        found: what is known of the file; None while it is not.
        problem: why it will not be, or "".
    """

    id: str
    title: str
    source: str
    file: str
    read: Callable[[], Image.Image] = field(compare=False)
    chosen: bool
    true: str = ""
    found: Result | None = None
    problem: str = ""

    @cached_property
    def look(self) -> Task:
        """What tells of the file."""
        return tasks.look_at(self.file, self.title)

    @cached_property
    def picture(self) -> Picture | None:
        """The picture, when it is known."""
        if self.found is None or self.problem:
            return None
        width, height = self.found.facts["size"]
        facts = (self.found.facts["hash"], (width, height), self.read, self.file, self.true)
        return Picture(self.title, self.source, *facts)

    def item(self, said: Mapping[str, str], notes: Mapping[str, str]) -> Item:
        """How it looks, with what is said of it by the picture's hash."""
        picture = self.picture
        if picture is None:
            note = self.problem or "Reading …"
            return Item(self.id, self.title, note=note, chosen=self.chosen)
        small, digest = thumbnail_at(self.look.key), picture.hash
        words = (said.get(digest, ""), notes.get(digest, ""))
        return Item(self.id, self.title, small, *words, chosen=self.chosen)


@dataclass(frozen=True)
class Pictures:
    """Everything that can be chosen, and where the gallery of it is to be."""

    offered: Sequence[Offered]
    place: st.delta_generator.DeltaGenerator
    reading: Work

    @cached_property
    def chosen(self) -> list[Picture]:
        """Those that the page is about, each once."""
        found = [one.picture for one in self.offered if one.chosen]
        distinct = {picture.hash: picture for picture in found if picture is not None}
        return list(distinct.values())[:MOST]

    @cached_property
    def others(self) -> list[Picture]:
        """Those that could be chosen besides."""
        chosen = {picture.hash for picture in self.chosen}
        found = [one.picture for one in self.offered]
        return [one for one in found if one is not None and one.hash not in chosen]

    def draw(self, said: Said, *works: Work) -> None:
        """Show the gallery, and again while more becomes known.

        Args:
            said: what a model says of each picture, and what else is to be said, by its hash.
            works: what makes more of it.
        """

        def drawn() -> None:
            if st.session_state.pop(_CHOSEN, False):
                st.rerun()
            words = said()
            items = [one.item(*words) for one in self.offered]
            gallery(items, "gallery", "Pictures", _choose)
            if self.reading.job is not None and self.reading.running:
                st.progress(self.reading.job.fraction, "Reading the pictures")

        with self.place:
            live(drawn, self.reading, *works, every_s=EVERY_S)


def choose_pictures() -> Pictures:
    """The sidebar's picture part; the gallery itself comes with ``Pictures.draw``."""
    st.session_state.pop(_CHOSEN, None)
    st.subheader("Pictures")
    place = st.container()
    _bring()
    own = working_session.pictures()
    offered = [*map(_own, own), *_samples(beside=any(one.shown for one in own))]
    looks = [one.look for one in offered if not one.problem]
    work = gather(PURPOSE, looks, patience=1.5, light=True)
    offered = [_known(one, work) for one in offered]
    _refuse(offered)
    _manage(own)
    chosen = sum(one.chosen for one in offered)
    if chosen > MOST:
        st.warning(f"{chosen} pictures are chosen; the page shows the first {MOST}.")
    return Pictures(offered, place, work)


def _own(one: OwnPicture) -> Offered:
    read = partial(picture_store.picture, one.digest, one.name)
    path = picture_store.path(one.digest)
    problem = "" if path.is_file() else picture_store.lost(one.name)
    return Offered(
        *(one.digest, shown_name(one.name), one.name, str(path), read, one.shown, one.true),
        problem=problem,
    )


def _samples(beside: bool) -> list[Offered]:
    """The samples that this model is likely to know, and those that the address asks for.

    Whoever brings own pictures wants to see those: ``beside`` them no sample is chosen at first.
    """
    samples = sample_images()
    titles = [sample.title for sample in samples]
    warn_of_unknown("samples", titles, "sample picture")
    if _SAMPLES not in st.session_state or navigated():
        asked = st.query_params.get_all("samples")
        known = [title for title in asked if title in titles]
        st.session_state[_SAMPLES] = known if known or asked == [""] else None
    if st.session_state[_SAMPLES] is None:
        chosen = [] if beside else titles[:1]
        write("samples", None)
    else:
        chosen = st.session_state[_SAMPLES]
        write("samples", chosen or [""])
    st.session_state[_USUAL] = chosen
    return [
        Offered(
            *(f"{SAMPLE}{one.id}", one.title, f"{SAMPLE}{one.id}", f"{SAMPLE}{one.id}"),
            read=partial(read_source, f"{SAMPLE}{one.id}"),
            chosen=one.title in chosen,
        )
        for one in samples
        if one.known or one.title in chosen
    ]


def _known(one: Offered, work: Work) -> Offered:
    """The same with what is known of its file."""
    key = one.look.key
    found = work.results.get(key)
    if found is None:
        return replace(one, problem=one.problem or work.problems.get(key, ""))
    return replace(one, found=found, problem=found.facts["problem"])


def _choose(changes: Mapping[str, bool]) -> None:
    """Take over what was chosen in the gallery."""
    own = {id: chosen for id, chosen in changes.items() if not id.startswith(SAMPLE)}
    if own:
        working_session.show(own)
    titles = {f"{SAMPLE}{sample.id}": sample.title for sample in sample_images()}
    wanted = {titles[id]: chosen for id, chosen in changes.items() if id in titles}
    before = st.session_state.get(_USUAL, [])
    kept = [title for title in before if wanted.get(title, True)]
    added = [title for title, chosen in wanted.items() if chosen and title not in before]
    st.session_state[_SAMPLES] = kept + added
    st.session_state[_CHOSEN] = True


def _bring() -> None:
    """Take what is uploaded into the session."""
    turn: int = st.session_state.get(_TURN, 0)
    uploads = st.file_uploader(
        "Your pictures",
        type=None,
        accept_multiple_files=True,
        key=f"uploads {turn}",
        help="JPEG, PNG, WebP, BMP or TIFF, up to 20 MB and 25 megapixels each; a JPEG "
        "of up to 80 is read at half its width and height. They can be dropped anywhere on the "
        f"page, or pasted. A session holds {session_store.MOST_SAID}; they "
        f"stay on this server for {session_store.DAYS} days after they were last used, or until "
        "you delete them. Whoever is given this page's address sees them.",
    )
    if not uploads:
        return
    refused: list[str] = []
    try:
        bring((upload.name, upload.getvalue()) for upload in uploads)
    except SessionError as error:
        refused.append(str(error))
    st.session_state[_REFUSED] = refused
    st.session_state[_TURN] = turn + 1
    st.rerun()


def bring(
    files: Iterable[tuple[str, bytes]], true: Mapping[str, str] = MappingProxyType({})
) -> None:
    """Add files to the session; the pages are about them, and samples make way.

    Args:
        files: names and contents.
        true: names of true classes, by the files' names.

    Raises:
        SessionError: the session would hold too much; nothing is added.
    """
    names: dict[str, str] = {}
    for name, content in files:
        names.setdefault(picture_store.keep(content), name)
    brought = [
        OwnPicture(name, digest, shown=place < MOST, true=true.get(name, ""))
        for place, (digest, name) in enumerate(names.items())
    ]
    try:
        working_session.add(brought, MOST)
    except SessionError:
        session_store.delete_unused(list(names))
        raise
    st.session_state[_SAMPLES] = None


def _refuse(offered: Sequence[Offered]) -> None:
    """Give up the files that are no pictures, and say so."""
    wrong = {one.id: one.problem for one in offered if one.found is not None and one.problem}
    if wrong:
        working_session.delete(list(wrong))
        st.session_state.setdefault(_REFUSED, []).extend(wrong.values())
    said = st.session_state.get(_REFUSED, [])
    for sentence in said[:MOST_SAID]:
        st.error(plain(sentence), icon=":material/broken_image:")
    if len(said) > MOST_SAID:
        st.error(f"{len(said) - MOST_SAID} more files are no pictures that can be read.")


def _manage(own: Sequence[OwnPicture]) -> None:
    """Ways to bring pictures of data sets, and to delete what was brought."""
    row = st.container(horizontal=True)
    data_set_pictures.offer(row, bring)
    if not own:
        return
    with row.popover("Delete", icon=":material/delete:"):
        st.caption(
            "They are deleted from this server. Heatmaps of them stay in its cache until others "
            "need the room."
        )
        chosen = [one.digest for one in own if one.shown]
        for label, digests in (
            ("Delete the chosen", chosen),
            ("Delete all", [one.digest for one in own]),
        ):
            if st.button(label, disabled=not digests):
                working_session.delete(digests)
                st.rerun()
