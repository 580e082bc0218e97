"""Data sets on disk: which pictures, of which classes, with which annotations. Needs no torch."""

from xai_core.datasets.annotated_sets import (
    AnnotatedPicture,
    AnnotatedSet,
    Source,
    Survey,
    annotated,
    survey,
)
from xai_core.datasets.listing import (
    ENDINGS,
    check_splits,
    folder_stamp,
    labelled,
    listed,
    pictures_among,
)
from xai_core.datasets.tiny import LabelledImages, tiny_imagenet, training_pictures

__all__ = [
    "ENDINGS",
    "AnnotatedPicture",
    "AnnotatedSet",
    "LabelledImages",
    "Source",
    "Survey",
    "annotated",
    "check_splits",
    "folder_stamp",
    "labelled",
    "listed",
    "pictures_among",
    "survey",
    "tiny_imagenet",
    "training_pictures",
]
