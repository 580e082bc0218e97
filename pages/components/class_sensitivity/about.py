"""What the test asks, and how its numbers are to be read."""

from __future__ import annotations

from pages.components.method_notes import how_to_read
from xai_core.class_sensitivity.published import SOURCE

QUESTION = (
    "A picture may hold several classes. A heatmap that explains one of them should change when "
    "another one is explained: otherwise it shows the picture, not the decision. Here every method "
    "explains the same picture for two classes or more, and the maps are compared. **The lower the "
    "similarity, the more the map depends on the class.** A picture of one object does not say "
    "much: put two pictures together, and each class has its place."
)
FLOOR = (
    "Similarity has no zero that means the same for all methods: two maps of independent noise, at "
    "the resolution of the method and enlarged as its maps are, reach what is marked as “Random "
    "maps”. Where the bar is near it, the maps of the two classes have no more in common than that."
)
PLACE = (
    "That two maps differ does not say that each went to the right place. Of pictures that are put "
    "together it is known where each class is, so the share of each map's positive relevance that "
    "lies there is told as well; the dotted line is the share of the area, which a map that is the "
    "same everywhere reaches. Pictures of one class are its part together. The network sees only "
    "the composite: where it does not see a class there any more, its map need not find it."
)
PUBLISHED = (
    "The thesis explains “banana” and “orange” in one picture of both, and states similarities in "
    "words; these are in the last column. It is one picture and another network. “Not sufficient” "
    "is what the thesis says of a low similarity where the maps still do not keep to their class."
)


def show() -> None:
    """One entry a subject."""
    how_to_read(
        {
            "The test": (QUESTION, SOURCE),
            "Random maps, and the right place": (f"{FLOOR}\n\n{PLACE}",),
            "Published readings": (PUBLISHED, SOURCE),
        }
    )
