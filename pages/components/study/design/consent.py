"""What participants agree to, and what they are asked about themselves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from pages.components.study.design import fields
from pages.components.study.design.drafts import Draft, keep
from xai_core.study import shared_store
from xai_core.study.design import BACKGROUND, BackgroundQuestion, Consent, Design

KINDS = {"yes_no": "Yes or no", "choice": "One of several", "number": "Number", "text": "Text"}
YES_NO = ("yes", "no")


def show(draft: Draft) -> None:
    """The step "Participants"."""
    design = draft.design
    fields.area(
        draft,
        "consent",
        f"Consent text, version {design.consent.version}",
        design.consent.text,
        lambda old, words: _with_consent(draft.slug, old, words),
        height=200,
        help="Who does not agree is thanked, and nothing is stored. The version rises when the "
        "text is another one than that of the published study.",
    )
    st.markdown("**Questions about the participant**")
    if not design.background:
        st.caption("None is asked.")
    for number, question in enumerate(design.background):
        _question(draft, question, number)
    row = st.container(horizontal=True)
    if row.button("Add a question", icon=":material/add:", key="add question"):
        taken = {each.id for each in design.background}
        name = next(f"q{n}" for n in range(1, len(taken) + 2) if f"q{n}" not in taken)
        _store(draft, (*design.background, BackgroundQuestion(name, "", "yes_no")))
    missing = [each for each in BACKGROUND if each.id not in {q.id for q in design.background}]
    if missing and row.button("Add the usual three", key="usual questions"):
        _store(draft, (*missing, *design.background))


def _with_consent(slug: str, design: Design, words: str) -> Design:
    """Another text is one version above the newest published one, however often it changes."""
    published = [each for each in shared_store().versions(slug) if each.number]
    if not published:
        return replace(design, consent=Consent(words, 1))
    newest = max(published, key=lambda each: each.number).design.consent
    same = words == newest.text
    return replace(design, consent=newest if same else Consent(words, newest.version + 1))


def _question(draft: Draft, question: BackgroundQuestion, number: int) -> None:
    name = question.id

    def field(part: str, value: Any) -> Any:
        """A change of one part of this question."""
        return lambda design, given: _replaced(design, name, **{part: value(given)})

    with st.container(border=True):
        fields.text(
            draft, f"{name} text", "Question", question.text, field("text", str), max_chars=500
        )
        row = st.container(horizontal=True, vertical_alignment="bottom")
        fields.choice(
            draft, f"{name} kind", "Answer", list(KINDS), question.kind,
            lambda design, kind: _replaced(design, name, kind=kind, choices=(), screens_out=()),
            row, KINDS.__getitem__, width=150,
        )  # fmt: skip
        _rules(draft, question, field, row)
        _buttons(draft, name, number, row)
        if question.kind == "choice":
            fields.area(
                draft,
                f"{name} choices",
                "Answers, one a line",
                "\n".join(question.choices),
                lambda design, words: _with_choices(design, name, words),
                height=100,
            )


def _buttons(draft: Draft, name: str, number: int, row: Any) -> None:
    asked = list(draft.design.background)
    if row.button("", icon=":material/arrow_upward:", key=f"up {name}", help="Move up",
                  disabled=not number):  # fmt: skip
        asked[number - 1], asked[number] = asked[number], asked[number - 1]
        _store(draft, tuple(asked))
    if row.button("", icon=":material/delete:", key=f"drop {name}", help="Remove"):
        _store(draft, tuple(each for each in asked if each.id != name))


def _rules(draft: Draft, question: BackgroundQuestion, field: Any, row: Any) -> None:
    """Which answers end the participation, and whether there must be one."""
    name = question.id
    _screens_out(draft, question, field, row)
    fields.toggle(
        draft, f"{name} required", "Must be answered", question.required,
        field("required", bool), row,
    )  # fmt: skip


def _screens_out(draft: Draft, question: BackgroundQuestion, field: Any, row: Any) -> None:
    name = question.id
    if question.kind == "text":
        return
    if question.kind == "number":
        fields.text(
            draft, f"{name} out", "Numbers that screen out, with commas between",
            ", ".join(question.screens_out), field("screens_out", _listed), row, width=280,
        )  # fmt: skip
        return
    answers = YES_NO if question.kind == "yes_no" else question.choices
    fields.several(
        draft, f"{name} out {answers}", "Answers that screen out", answers,
        question.screens_out, field("screens_out", tuple), row, width=280,
    )  # fmt: skip


def _with_choices(design: Design, name: str, words: str) -> Design:
    choices = tuple(dict.fromkeys(line.strip() for line in words.splitlines() if line.strip()))
    question = next(each for each in design.background if each.id == name)
    out = tuple(answer for answer in question.screens_out if answer in choices)
    return _replaced(design, name, choices=choices, screens_out=out)


def _replaced(design: Design, name: str, **parts: Any) -> Design:
    questions = tuple(
        replace(each, **parts) if each.id == name else each for each in design.background
    )
    return replace(design, background=questions)


def _listed(words: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word.strip() for word in words.split(",") if word.strip()))


def _store(draft: Draft, questions: tuple[BackgroundQuestion, ...]) -> None:
    keep(draft, replace(draft.design, background=questions))
    st.rerun()
