"""Slow twins of the attribution methods, straight from their formulas, in float64.

Each takes (net, x, target) and settings: a Sequential of the kinds in ``layerwise``, one
picture [3, H, W] as a numpy array and a class number; each returns [C, h, w]. The modules
beside this one hold them by family, each in a table: id -> (twin, settings for both).
"""

from tests.reference import (
    backprops,
    cams,
    controls,
    deeplifts,
    fullgrads,
    gradients,
    paths,
    patterns,
    raps,
    relevance,
)

REFERENCES = {
    **gradients.REFERENCES,
    **backprops.REFERENCES,
    **cams.REFERENCES,
    **fullgrads.REFERENCES,
    **paths.REFERENCES,
    **deeplifts.REFERENCES,
    **relevance.REFERENCES,
    **raps.REFERENCES,
    **patterns.REFERENCES,
    **controls.REFERENCES,
}
