"""What can be published as it is, and may still not be meant."""

from __future__ import annotations

from xai_core.study.design import Design

PREDICTED = (
    "The heatmaps explain the predicted class, and the question names the true one: where a model "
    "is wrong, its heatmap is about another class than participants are asked for."
)
TRUE = (
    "The heatmaps explain the true class, and the question does not name it: participants may "
    "think of another one. Write {class} into the question, or explain the predicted class."
)


def cautions(design: Design) -> list[str]:
    """Sentences that each name one thing to think about; none where there is nothing."""
    if not design.with_models:
        return []  # what class maps from elsewhere explain is not known
    named = "{class}" in design.question
    if named and design.look.explained == "predicted":
        return [PREDICTED]
    return [TRUE] if not named and design.look.explained == "true" else []
