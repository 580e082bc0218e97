"""JSON from outside -> dataclasses: unknown keys and wrong types are refused with a sentence."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from xai_core.errors import StudyError

T = TypeVar("T")

_NAMES = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}


def from_json(kind: type[T], data: Any, where: str = "") -> T:
    """A dataclass from what ``json.loads`` gave.

    Args:
        kind: a dataclass whose fields are str, int, float, bool, None, dict, Literal, tuples of
            one kind, unions of these, and other such dataclasses.
        data: the dictionary.
        where: name of the place, for the error's sentence.

    Raises:
        StudyError: a key that is unknown or missing, or a value of another type.
    """
    if not isinstance(data, Mapping):
        raise StudyError(f"{where or kind.__name__} must be an object with named parts.")
    known = {field.name: field for field in fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(str(key) for key in set(data) - set(known))
    if unknown:
        raise StudyError(f"{where or kind.__name__} has an unknown part: {unknown[0]}.")
    hints = get_type_hints(kind)
    given: dict[str, Any] = {}
    for name, field in known.items():
        place = f"{where}.{name}" if where else name
        if name in data:
            given[name] = _value(hints[name], data[name], place)
        elif field.default is MISSING and field.default_factory is MISSING:
            raise StudyError(f"{place} is missing.")
    return kind(**given)


def _value(hint: Any, value: Any, where: str) -> Any:
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (types.UnionType, Union):
        return _one_of(inner, value, where)
    if origin is Literal:
        if isinstance(value, str) and value in inner:
            return value
        raise StudyError(f"{where} must be one of: {', '.join(inner)}.")
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise StudyError(f"{where} must be a list.")
        return tuple(_value(inner[0], each, f"{where}[{i}]") for i, each in enumerate(value))
    if origin is dict:
        if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
            raise StudyError(f"{where} must be an object with named parts.")
        return dict(value)
    if isinstance(hint, type) and is_dataclass(hint):
        return from_json(hint, value, where)
    return _plain(hint, value, where)


def _one_of(hints: tuple[Any, ...], value: Any, where: str) -> Any:
    if value is None and type(None) in hints:
        return None
    (hint,) = (each for each in hints if each is not type(None))
    return _value(hint, value, where)


def _plain(hint: Any, value: Any, where: str) -> Any:
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    # In Python true and false are whole numbers; in a study's design they are not.
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        raise StudyError(f"{where} must be {_NAMES[hint]}.")
    return value
