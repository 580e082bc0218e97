"""What the metric measures, in words."""

from __future__ import annotations

from pages.components.method_notes import how_to_read

METRIC = (
    "If a heatmap shows what the network looks at, then changing the picture there should change "
    "the answer soon, and changing it anywhere else should not. So the picture is moved in small "
    "steps towards another class, each value in proportion to the map; and, from the start "
    "again, in proportion to its opposite, 1 − R. **ε−** is the number of steps along the map "
    "until the class changes for the first time, **ε+** the number along the opposite. "
    "**APEM = ε+ − ε−**: the larger, the more the map holds of what matters. Around 0 a map is "
    "no better than one without order; below 0 it points away from what matters."
)
STEP = (
    r"With $s$ the sign of the gradient of the cross-entropy, a step along the map is "
    r"$R/\|R\|_1 \cdot s$, and along its opposite $(1-R)/\|1-R\|_1 \cdot s$, on the picture's "
    r"values from 0 to 1, over all three channels. So $\varepsilon$ is the sum of all changes. "
    "The class that must change is the predicted one."
)
NORMALISED = (
    "The same map with its pixels shuffled holds its values without their places. **Normalised "
    "APEM** divides both counts by those of the first of several shuffled maps that changes the "
    "class: ε+/ε+(shuffled) − ε−/ε−(shuffled)."
)
CENSORED = (
    "Where the class does not change within the largest number of steps, there is no number: the "
    "picture is called censored, is counted, and enters no average."
)
STAGES = (
    "A method gives a number for each channel of each pixel. Summing the channels, and "
    "multiplying by the picture, make a map easier to look at; the metric tells what that costs. "
    "Every stage begins with absolute values, limited at their 99th percentile."
)
SOURCE = (
    "The metric, its normalisation, the filter and the stages: Gomes do Valle, Assessing the "
    "Reliability of Visual Explanations of Deep Models through Adversarial Perturbation, 2019."
)


def show() -> None:
    """One entry a subject."""
    how_to_read(
        {
            "The metric": (f"{METRIC}\n\n{STEP}\n\n{CENSORED}",),
            "Shuffled maps and stages": (f"{NORMALISED}\n\n{STAGES}", SOURCE),
        }
    )
