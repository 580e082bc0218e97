"""Maps computed elsewhere, matched with many pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pages.components.classified import seen
from pages.components.cohort import Cohort
from pages.components.own_maps import columns, say_left_out
from xai_core.images import crop_box
from xai_core.own_maps import View


def with_maps(cohort: Cohort, facts: Mapping[str, Any]) -> Cohort:
    """Many pictures with their own maps.

    Args:
        cohort: the pictures.
        facts: of the model.
    """
    own = columns()
    if not own or all(subject.maps for subject in cohort.subjects):
        return cohort
    names = list(cohort.names.values())
    say_left_out(own, names)
    own = [one.among(names) for one in own]
    size, crop, _, squash = seen(facts)
    subjects = []
    for subject in cohort.subjects:
        whole = cohort.sizes.get(subject.hash)
        box = (0, 0, size[1], size[0]) if whole is None else crop_box(whole, size, crop, squash)
        view = View(whole, box, size)
        maps = {one.id: one.found(cohort.names[subject.hash], view, size) for one in own}
        subjects.append(replace(subject, maps=maps))
    return replace(cohort, subjects=subjects)
