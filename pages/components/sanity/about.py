"""What the test asks, what the measures mean, and what exactly is re-initialised."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.components import alt_text
from pages.components.method_notes import linked
from pages.components.text import plain
from xai_core.measures import Needs, measures_of
from xai_core.randomization.layer_groups import Layer
from xai_core.randomization.targets import WHY
from xai_core.randomization.verdicts import CONTESTED

QUESTION = (
    "A heatmap that explains what a network has learnt must change when that is destroyed. "
    "Here weights are re-initialised layer by layer, and every method explains the same picture "
    "again (Adebayo et al. 2018, arXiv:1810.03292). The edge detector shows how "
    "convincing a map can look that does not know the model at all."
)
SCALE = (
    "SSIM and HOG compare maps on a scale from 0 to 1: signed ones as (h + 1)/2, those of methods "
    "without negative values, such as Grad-CAM, as they are."
)
FLOOR = (
    "The hatched band is what two independent maps of uniform noise reach at the method's own "
    "resolution, compared on its scale, mean ± one standard deviation. It is not 0: coarse maps "
    "resemble each other when they are enlarged, and sparse maps wherever both are empty; the "
    "column “Shuffled” of the table takes the map's own values instead of uniform ones."
)


def show(layers: Sequence[Layer]) -> None:
    """One entry a subject; the layers from output to input."""
    st.markdown("**How to read this**")
    with st.expander("The test"):
        st.markdown(linked(QUESTION))
        st.markdown(f"**Which class.** {linked(WHY)} “More” has the choice.")
        st.markdown(linked(CONTESTED))
    with st.expander("The measures"):
        for measure in measures_of(Needs.TWO_MAPS).values():
            st.markdown(f"**{plain(measure.title)}.** {plain(measure.shows)}")
            st.caption(linked(measure.citation))
        st.markdown(f"**Scale.** {SCALE}")
        st.markdown(f"**Floors.** {FLOOR}")
    with st.expander(f"What is re-initialised: {len(layers)} layers"):
        st.caption(
            "From output to input. A layer goes with the BatchNorm that follows it, weights and "
            "running statistics; together the layers hold every parameter of the model. A seed "
            "gives every layer other numbers, and a deeper step keeps those of the step before."
        )
        rows = [{"Layer": one.name, "Parameters": ", ".join(one.parameters)} for one in layers]
        alt_text.table(rows, "Layers from output to input")
