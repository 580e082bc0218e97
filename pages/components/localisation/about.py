"""What the measures ask, and how they are to be read."""

from __future__ import annotations

from pages.components.method_notes import how_to_read
from pages.components.text import plain
from xai_core.localization.pooling import SAID
from xai_core.localization.scoring import QUADRANTS, object_measures
from xai_core.measures import MEASURES

QUESTION = (
    "A heatmap that explains why a picture is called a dog should lie on the dog. Here maps are "
    "measured against boxes or outlines of the object, at the resolution of the model's input. "
    "Only relevance that speaks for the class counts. A low score says that map and object do not "
    "agree: the method may be wrong, or the network may look at something else."
)
SEVERAL = (
    "Several objects of the class count as one region; the box IoU is that of the box which fits "
    "best. What the crop cuts off is told, and does not count. Where a map has no positive "
    "relevance, it has no score: a dash, counted, never a nought."
)
COMPOSITES = (
    "Of a data set, each picture can be put together with three of other classes, drawn by lot. "
    "Its class is explained. A map that knows nothing has three quarters of its relevance on the "
    "other three; the less a method has there, the better. The sides of the model's input must be "
    "even, and there must be three pictures of other classes."
)
BASELINES = (
    "Objects tend to lie in the middle and to be large. So the same is measured of maps that know "
    "nothing of the network: a Gaussian in the centre, chance, edges, and the whole picture. A "
    "method is worth something as far as it is above these."
)


def show() -> None:
    """One entry a subject."""
    measures = [MEASURES[name] for name in [*object_measures(), QUADRANTS]]
    told = "\n\n".join(f"**{plain(one.title)}.** {plain(one.shows)}" for one in measures)
    sources = dict.fromkeys(one.citation for one in measures)
    how_to_read(
        {
            "The test": (f"{QUESTION}\n\n{SEVERAL}",),
            "The measures": (f"{told}\n\n{SAID}", *sources),
            "Composites of four": (COMPOSITES,),
            "Baselines": (BASELINES,),
        }
    )
