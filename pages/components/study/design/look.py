"""How every heatmap is drawn, tried on pictures of the study."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from pages.components.display_controls import CLIPS, SHOW_TITLES, STAGE_TITLES, colour_titles
from pages.components.study.design import fields, look_preview
from pages.components.study.design.drafts import Draft
from pages.components.text import plain
from xai_core.display import SIGNED, Display
from xai_core.study.cautions import cautions
from xai_core.study.design import Design, Look
from xai_core.study.problems import SIDES

EXPLAINED = {"predicted": "Predicted class", "true": "True class"}
CLIP_TITLES = {CLIPS[-1]: "at the maximum"}
CLIP_TITLES |= {share: f"from percentile {share:g}" for share in CLIPS[-2::-1]}
MODES = {"nearest": "As computed", "bilinear": "Smooth"}


def show(draft: Draft) -> None:
    """The step "Look"."""
    result, controls = st.columns([3, 1], gap="large")
    with controls:
        _controls(draft)
    with result:
        look_preview.show(draft)
        st.caption(scale_rule(draft.design.look))
        for sentence in cautions(draft.design):
            st.caption(f":material/warning: {plain(sentence)}")


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
        "Heatmaps explain the",
        EXPLAINED,
        _part(draft, "explained"),
        help="The predicted class may be another one for each model; the question names the true "
        "one.",
    )
    fields.choice("Stage", STAGE_TITLES, _part(draft, "stage"))
    if look.stage == SIGNED:
        fields.segments("Show", SHOW_TITLES, _part(draft, "show"))
        clip = CLIPS[-1] if look.clip is None else look.clip
        clipped = fields.bound(
            draft,
            "clip",
            clip,
            lambda old, share: _with(old, clip=share if share < CLIPS[-1] else None),
        )
        fields.choice("Colours saturate", CLIP_TITLES, clipped)
    colours, signed = _display(look).colormap, _display(look).signed
    coloured = fields.bound(
        draft, f"colours {signed}", colours, lambda old, word: _with(old, colormap=word)
    )
    fields.choice("Colours", colour_titles(signed), coloured)
    opacity = {**_part(draft, "opacity"), "value": float(look.opacity)}
    st.slider("Opacity over the picture", 0.0, 1.0, step=0.05, **opacity)
    fields.segments("Enlarged", MODES, _part(draft, "mode"))
    fields.number("Side of every picture in pixels", SIDES, _part(draft, "side"))


def _part(draft: Draft, name: str) -> fields.Bound:
    """What binds a control to the part of that name of the look."""
    value = getattr(draft.design.look, name)
    return fields.bound(draft, name, value, lambda old, given: _with(old, **{name: given}))


def _with(design: Design, **parts: Any) -> Design:
    """The design with another look; a colour map that no longer fits is given up."""
    look = replace(design.look, **parts)
    plain = replace(look, colormap="")
    fits = look.colormap in colour_titles(_display(plain).signed)
    return replace(design, look=look if fits else plain)


def _display(look: Look) -> Display:
    return Display(look.show, look.clip, look.colormap, stage=look.stage)
