"""Boxes and masks of objects, from files to what a model sees of them. Needs no torch."""

from xai_core.annotations.coco import coco_file, coco_json
from xai_core.annotations.mask_png import mask_png
from xai_core.annotations.matching import MatchedClasses, Unknown, match_classes
from xai_core.annotations.reading import Read
from xai_core.annotations.regions import Annotation, Box, Mask, Outlines, Region
from xai_core.annotations.seen import Seen, seen
from xai_core.annotations.tiny_boxes import tiny_boxes
from xai_core.annotations.upright import of_picture
from xai_core.annotations.voc import voc_xml

__all__ = [
    "Annotation",
    "Box",
    "Mask",
    "MatchedClasses",
    "Outlines",
    "Read",
    "Region",
    "Seen",
    "Unknown",
    "coco_file",
    "coco_json",
    "mask_png",
    "match_classes",
    "of_picture",
    "seen",
    "tiny_boxes",
    "voc_xml",
]
