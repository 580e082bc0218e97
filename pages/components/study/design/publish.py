"""Try the study, publish it, and pass its links on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import streamlit as st

from pages.components.access import is_researcher
from pages.components.study.design import (
    class_questions,
    links,
    model_facts,
    overview,
    rendering,
    study_urls,
)
from pages.components.study.design.drafts import Draft
from pages.components.text import errors_shown, plain
from xai_core import tasks
from xai_core.errors import StudyError
from xai_core.study import shared_store
from xai_core.study.cautions import cautions
from xai_core.study.problems import problems
from xai_core.study.storage.summaries import Version
from xai_core.study.texts import moment

PREVIEW = (
    "**Drawing every picture of the preview.** You can try it when all are there; nobody else sees "
    "it. Keep this page open until then."
)
STUDY = (
    "**Drawing every picture of the study.** Participants can begin when all are there. Keep this "
    "page open until then."
)
CANNOT_EXPLAIN = (
    "Only a class that a model has can be explained: let the heatmaps explain the predicted class, "
    "in the step Look."
)
PUBLISHED = "_study_published"  # in the session: study and version that were just made


def show(draft: Draft) -> None:
    """The step "Publish"."""
    asked = rendering.under_way(draft.slug)
    if asked is not None:
        st.markdown(PREVIEW if asked.preview else STUDY)
        number = rendering.show(asked)
        if number is not None:
            st.session_state[PUBLISHED] = (draft.slug, number)
            st.rerun()
        if rendering.under_way(draft.slug) is not None:
            return
    found = shared_store().versions(draft.slug)
    published = [each for each in found if each.number]
    left, right = st.columns(2, gap="large")
    with left:
        _act(draft, published)
    with right:
        _problems(draft)
    _just_published(draft, found)
    if published:
        st.divider()
        _running(draft.slug, published[-1])
        links.show(draft.slug)


def _act(draft: Draft, published: Sequence[Version]) -> None:
    blocked = bool(problems(draft.design)) or draft.elsewhere
    unchanged = bool(published) and draft.design == published[-1].design
    equal = "**Version {} is published** and equals this draft."
    st.markdown(equal.format(published[-1].number) if unchanged else _before(published))
    row = st.container(horizontal=True)
    if row.button(
        "Preview as a participant",
        key="preview",
        icon=":material/visibility:",
        disabled=blocked,
        help="Its answers are never among the results.",
    ):
        _start(draft, preview=True)
    label = f"Publish version {published[-1].number + 1}" if published else "Publish"
    if row.button(
        label,
        key="publish",
        type="primary",
        icon=":material/publish:",
        disabled=blocked or unchanged,
    ):
        _start(draft, preview=False)


def _before(published: Sequence[Version]) -> str:
    """What publishing will do, in words."""
    if not published:
        return (
            "Publishing draws every picture once, so that participants wait for nothing and all "
            "see the same. You can change the study later: that makes a new version of it."
        )
    old = published[-1]
    people = sum(old.counts.values())
    return (
        f"This draft differs from version {old.number}. Version {old.number + 1} will be for "
        f"everybody who begins after you publish it; the participants of version {old.number} "
        f"({people} so far) finish theirs. Results are kept apart by version."
    )


def _problems(draft: Draft) -> None:
    found = problems(draft.design)
    if found:
        st.markdown("**Still to do before it can be published**")
        st.markdown("\n".join(f"- {plain(sentence)}" for sentence in found))
    else:
        st.markdown(":material/check: Nothing is missing.")
    for sentence in cautions(draft.design):
        st.warning(plain(sentence), icon=":material/warning:")
    _about_classes(draft)


def _about_classes(draft: Draft) -> None:
    """What to know of true classes that a model does not have, if the models were loaded."""
    known = model_facts.known(draft.design)
    if len(known) < len(draft.design.with_models):
        return
    asked = class_questions.unanswered(draft, list(known.values()))
    if asked:
        names = ", ".join(f"“{name}”" for name in asked)
        st.info(plain(f"The step Pictures asks what is meant by {names}."))
    explained = draft.design.look.explained == "true"
    for sentence in tasks.unknown_classes(draft.design, known):
        if explained:
            st.warning(plain(f"{sentence} {CANNOT_EXPLAIN}"), icon=":material/warning:")
        else:
            st.info(plain(f"{sentence} {class_questions.COUNTS_AS_WRONG}"))


def _start(draft: Draft, preview: bool) -> None:
    if is_researcher():
        rendering.start(draft.slug, draft.design, preview)
        st.session_state.pop(PUBLISHED, None)
        st.rerun()


def _just_published(draft: Draft, found: Sequence[Version]) -> None:
    """What was just published, and the way to the preview if there is one."""
    owner, number = st.session_state.get(PUBLISHED, ("", 0))
    made = next((each for each in found if each.number == number), None)
    if owner == draft.slug and made is not None and made.design == draft.design:
        links = f"Version {number} is published; its links are below."
        what = links if number else "The preview is ready."
        st.success(what, icon=":material/check_circle:")
    preview = next((each for each in found if not each.number), None)
    if preview is None:
        return
    row = st.container(horizontal=True, vertical_alignment="center")
    row.link_button(
        "Open the preview", study_urls.preview(draft.slug), icon=":material/open_in_new:"
    )
    if preview.design != draft.design:
        row.caption("It shows an earlier draft.")


def state(version: Version, now: datetime) -> tuple[str, overview.Colour]:
    """Whether somebody can begin at a moment, in words, and its colour."""
    design = version.design
    if version.closed_at is not None:
        return "closed", "orange"
    if design.opens_at is not None and now < moment(design.opens_at):
        return f"opens {moment(design.opens_at):%Y-%m-%d %H:%M} UTC", "blue"
    if design.closes_at is not None and now >= moment(design.closes_at):
        return f"closed since {moment(design.closes_at):%Y-%m-%d %H:%M} UTC", "orange"
    if design.target is not None and version.counts.get("completed", 0) >= design.target:
        return "target reached", "orange"
    return "open", "green"


def _running(slug: str, newest: Version) -> None:
    """Whether newcomers can begin, and the switch for it."""
    row = st.container(horizontal=True, vertical_alignment="center")
    open_now = newest.closed_at is None
    word, colour = state(newest, datetime.now(UTC))
    row.badge(word, color=colour)
    people, done = sum(newest.counts.values()), newest.counts.get("completed", 0)
    wanted = f" of {newest.design.target} wanted" if newest.design.target else ""
    row.markdown(
        f"Version {newest.number}: {people} began, {done}{wanted} completed", width="stretch"
    )
    label = "Close to newcomers" if open_now else "Open again"
    if row.button(label, key="close or reopen") and is_researcher():
        store = shared_store()
        with errors_shown(StudyError):
            (store.close if open_now else store.reopen)(slug)
            st.rerun()
