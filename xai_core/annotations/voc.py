"""PASCAL-VOC's XML, which ILSVRC has too: one file a picture.

Boxes count pixels from 1 and hold their last ones (VOC development kit: "the top-left pixel in the
image has coordinates (1,1)"). xmin 1 and xmax 10 is therefore the box from 0 to 10. ILSVRC writes
some boxes from 0; these are cut at the picture's edge.
"""

from __future__ import annotations

from xml.etree import ElementTree

from xai_core.annotations.regions import (
    Annotation,
    Region,
    checked_box,
    checked_size,
    clipped,
    number,
)
from xai_core.errors import DataError
from xai_core.images import shown_name

MOST_BYTES = 2_000_000
NOTES = ("difficult", "truncated", "occluded", "crowd")  # elements that hold 0 or 1


def voc_xml(data: bytes, name: str) -> Annotation:
    """Read a picture's XML.

    Args:
        data: the file.
        name: what errors call it.

    Raises:
        DataError: too large, no XML, none of this form, or boxes that are none.
    """
    shown = f"'{shown_name(name)}'"
    root = _root(data, shown)
    if root.tag != "annotation":
        raise DataError(f"{shown} holds no annotation of PASCAL-VOC's form.")
    size = root.find("size")
    found = Annotation(
        None
        if size is None
        else checked_size(_text(size, "width", shown), _text(size, "height", shown), shown),
        tuple(_region(entry, shown) for entry in root.iterfind("object")),
    )
    return found if found.size is None else clipped(found, found.size, shown)


class _NoDoctype(ElementTree.TreeBuilder):
    """Refuses a document type, without which no entity can be declared."""

    def doctype(self, *_: object) -> None:
        raise DataError("declares a document type, which is refused.")


def _root(data: bytes, shown: str) -> ElementTree.Element:
    if len(data) > MOST_BYTES:
        raise DataError(
            f"{shown} has {len(data) / 1e6:.1f} MB; at most {MOST_BYTES / 1e6:.0f} MB are allowed."
        )
    try:
        return ElementTree.fromstring(data, ElementTree.XMLParser(target=_NoDoctype()))
    except DataError as error:
        raise DataError(f"{shown} {error}") from error
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        raise DataError(f"{shown} is not XML that can be read.") from error


def _region(entry: ElementTree.Element, shown: str) -> Region:
    box = entry.find("bndbox")
    if box is None:
        raise DataError(f"{shown} has an object without a box.")
    first = [number(_text(box, key, shown), shown) - 1 for key in ("xmin", "ymin")]
    last = [_text(box, key, shown) for key in ("xmax", "ymax")]
    notes = (key for key in NOTES if (entry.findtext(key) or "0").strip() == "1")
    return Region(_text(entry, "name", shown), checked_box((*first, *last), shown), tuple(notes))


def _text(element: ElementTree.Element, key: str, shown: str) -> str:
    text = (element.findtext(key) or "").strip()
    if not text:
        raise DataError(f"{shown} lacks <{key}> in <{element.tag}>.")
    return text
