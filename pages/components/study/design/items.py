"""Conditions, questions and pictures of a design, each with its id: named, changed and moved."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from xai_core.study.design import BackgroundQuestion, Condition, StudyPicture

Item = TypeVar("Item", BackgroundQuestion, Condition, StudyPicture)


def fresh_id(letter: str, items: Iterable[Item]) -> str:
    """The letter with the first number that none of the items has."""
    taken = {each.id for each in items}
    return next(f"{letter}{n}" for n in range(1, len(taken) + 2) if f"{letter}{n}" not in taken)


def changed(items: Iterable[Item], name: str, **parts: Any) -> tuple[Item, ...]:
    """The items with other parts in the one of that id."""
    return tuple(replace(each, **parts) if each.id == name else each for each in items)


def offer_moves(row: Any, items: Sequence[Item], number: int) -> tuple[Item, ...] | None:
    """Buttons that move an item up and remove it; the items after a click, else None."""
    name, left = items[number].id, list(items)
    up = {"icon": ":material/arrow_upward:", "help": "Move up", "disabled": not number}
    if row.button("", key=f"up {name}", **up):
        left[number - 1 : number + 1] = items[number], items[number - 1]
        return tuple(left)
    if row.button("", icon=":material/delete:", key=f"drop {name}", help="Remove"):
        del left[number]
        return tuple(left)
    return None
