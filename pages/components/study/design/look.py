"""How every heatmap is drawn, tried on pictures of the study."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from pages.components.display_controls import CLIPS, SHOW_TITLES, STAGE_TITLES, colour_titles
from pages.components.study.design import fields, look_preview
from pages.components.study.design.drafts import Draft
from xai_core.display import SIGNED, Display
from xai_core.study.design import Design, Look
from xai_core.study.problems import SIDES

EXPLAINED = {"predicted": "Predicted class", "true": "True class"}
_CLIPPED = "at the maximum"
MODES = {"nearest": "As computed", "bilinear": "Smooth"}


def show(draft: Draft) -> None:
    """The step "Look"."""
    result, controls = st.columns([3, 1], gap="large")
    with controls:
        _controls(draft)
    with result:
        look_preview.show(draft)
        st.caption(scale_rule(draft.design.look))


def scale_rule(look: Look) -> str:
    """How values become colours, in words."""
    if look.stage != SIGNED or look.clip is not None:
        share = "99" if look.stage != SIGNED else f"{look.clip:g}"
        rule = f"its own {share}th percentile of absolute values, where the colours saturate"
    else:
        rule = "its own largest absolute value"
    return (
        f"Each heatmap is scaled by {rule}; all have the same colours, the same "
        f"{look.side} × {look.side} pixels, and show the same central square of the picture, which "
        "is also exactly what each model gets."
    )


def _controls(draft: Draft) -> None:
    look = draft.design.look
    fields.segments(
        draft,
        "explained",
        "Heatmaps explain the",
        EXPLAINED,
        look.explained,
        lambda old, word: _with(old, explained=word),
        help="The predicted class may be another one for each model; the question names the true "
        "one.",
    )
    fields.choice(
        draft, "stage", "Stage", list(STAGE_TITLES), look.stage,
        lambda old, word: _with(old, stage=word), title=STAGE_TITLES.__getitem__,
    )  # fmt: skip
    if look.stage == SIGNED:
        fields.segments(
            draft, "show", "Show", SHOW_TITLES, look.show,
            lambda old, word: _with(old, show=word),
        )  # fmt: skip
        fields.choice(
            draft,
            "clip",
            "Colours saturate",
            CLIPS[::-1],
            CLIPS[-1] if look.clip is None else look.clip,
            lambda old, share: _with(old, clip=share if share < CLIPS[-1] else None),
            title=lambda share: _CLIPPED if share == CLIPS[-1] else f"from percentile {share:g}",
        )
    diverging = _display(look).signed
    titles = colour_titles(diverging)
    fields.choice(
        draft, f"colours {diverging}", "Colours", list(titles), _display(look).colormap,
        lambda old, word: _with(old, colormap=word), title=titles.__getitem__,
    )  # fmt: skip
    fields.slider(
        draft, "opacity", "Opacity over the picture", look.opacity, (0.0, 1.0),
        lambda old, share: _with(old, opacity=float(share)),
    )  # fmt: skip
    fields.segments(
        draft, "mode", "Enlarged", MODES, look.mode, lambda old, word: _with(old, mode=word)
    )
    fields.number(
        draft, "side", "Side of every picture in pixels", look.side, SIDES,
        lambda old, side: _with(old, side=int(side)),
    )  # fmt: skip


def _with(design: Design, **parts: Any) -> Design:
    """The design with another look; a colour map that no longer fits is given up."""
    look = replace(design.look, **parts)
    plain = replace(look, colormap="")
    fits = look.colormap in colour_titles(_display(plain).signed)
    return replace(design, look=look if fits else plain)


def _display(look: Look) -> Display:
    return Display(look.show, look.clip, look.colormap, stage=look.stage)
