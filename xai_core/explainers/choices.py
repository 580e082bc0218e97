"""Choices of methods with their settings, and how links and commands spell them.

A choice is one column of a comparison. Its id is the method's; where another method's relevance
is averaged instead of the usual one's, that one's id follows: ``smoothgrad-deeplift``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from xai_core.errors import MethodError
from xai_core.explainers.foreign import files_of
from xai_core.explainers.registry import COVERED, METHODS, SIGNED, method
from xai_core.explainers.settings import RELU
from xai_core.own_maps import OwnMaps, is_own, title_of
from xai_core.params import BaselinesParam, MethodParam


@dataclass(frozen=True)
class Choice:
    """A method with settings.

    Attributes:
        method: id of the method.
        settings: those that differ from the method's defaults.
    """

    method: str
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The name of its column.

        Raises:
            MethodError: there is no such method.
        """
        param = base_param(self.method)
        base = None if param is None else self.settings.get("base", param.default)
        return self.method if param is None or base == param.default else f"{self.method}-{base}"


def choice_of(own: OwnMaps) -> Choice:
    """The column of maps computed elsewhere."""
    return Choice(own.id, {SIGNED.name: own.signed, COVERED.name: own.covers})


def completed(choice: Choice, pictures: Collection[str] = ()) -> dict[str, Any]:
    """All settings of a choice, the defaults included.

    Args:
        choice: the method with its settings.
        pictures: words that stand for pictures; a setting that names one is left as it is.

    Raises:
        MethodError: an unknown method or setting, or a value out of its range.
    """
    names = pictured()
    left = {
        name: value
        for name, value in choice.settings.items()
        if name in names and any(word in pictures for word in words(value))
    }
    given = {name: value for name, value in choice.settings.items() if name not in left}
    return {**method(choice.method).settings(given), **left}


def replaced(settings: Mapping[str, Any], pictures: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with every word that stands for a picture replaced by what it stands for."""

    def picture(value: Any) -> Any:
        if isinstance(value, list | tuple):
            return [picture(item) for item in value]
        return pictures.get(value, value) if isinstance(value, str) else value

    names = pictured()
    return {name: picture(value) if name in names else value for name, value in settings.items()}


def pictured() -> list[str]:
    """Names of the settings whose values may be pictures."""
    params = [param for row in METHODS.values() for param in row.params]
    return list(dict.fromkeys(p.name for p in params if isinstance(p, BaselinesParam)))


def assignment(text: str) -> tuple[str, str, str]:
    """COLUMN.NAME=VALUE in its three parts.

    Raises:
        MethodError: it has another form.
    """
    target, equals, word = text.partition("=")
    name, dot, setting = target.partition(".")
    if not equals or not dot:
        raise MethodError(f"The setting '{text}' must have the form METHOD.NAME=VALUE.")
    return name, setting, word


def assigned(choice: Choice, name: str, word: str) -> Choice:
    """The choice with one more setting, from its word; what cannot be read stays a word."""
    known = {param.name: param for param in method(choice.method).accepted(choice.settings)}
    value = known[name].read(word) if name in known else word
    return Choice(choice.method, {**choice.settings, name: value})


def assignments(choice: Choice) -> list[str]:
    """The settings that differ from the defaults, as COLUMN.NAME=VALUE."""
    if is_own(choice.method):  # said by options of their own
        return []
    usual = completed(parse_column(choice.id))
    known = {param.name: param for param in method(choice.method).accepted(choice.settings)}
    return [
        f"{choice.id}.{name}={known[name].write(value)}"
        for name, value in choice.settings.items()
        if name in known and value != usual[name]
    ]


def recorded(choices: Iterable[Choice]) -> list[dict[str, Any]]:
    """What ``run.json`` says of the choices."""
    return [
        {"id": choice.id, "method": choice.method, "settings": dict(choice.settings)}
        for choice in choices
    ]


def options(choices: Iterable[Choice]) -> list[tuple[str, str]]:
    """The choices as options of the command line, each with its word."""
    everything = list(choices)
    known = [choice for choice in everything if not is_own(choice.method)]
    params = [("--param", text) for choice in known for text in assignments(choice)]
    # Where the maps are is not known; a folder that is called as they are is supposed.
    there = [choice for choice in everything if is_own(choice.method)]
    own = [("--maps", f"{title_of(one.method)}={title_of(one.method)}") for one in there]
    own += [
        ("--maps-cover", f"{title_of(one.method)}={one.settings[COVERED.name]}")
        for one in there
        if one.settings.get(COVERED.name, COVERED.default) != COVERED.default
    ]
    used = [name for one in known for name in (one.method, one.settings.get("base")) if name]
    files = [("--methods-from", file) for file in files_of(used)]
    return [("--methods", ",".join(choice.id for choice in known)), *params, *files, *own]


def words(value: Any) -> list[str]:
    """The words of a setting that is one or several."""
    several = value if isinstance(value, list | tuple) else [value]
    return [word for word in several if isinstance(word, str)]


def parse_column(word: str) -> Choice:
    """The method that a column's id names, with the base it names; undoes ``Choice.id``.

    Raises:
        MethodError: there is no such method, or it has no such base.
    """
    name, dash, base = (word, "", "") if is_own(word) else word.partition("-")
    param = base_param(name)
    if not dash:
        return Choice(name)
    if param is None:
        raise MethodError(f"{method(name).title} averages no other method: '{word}' is none.")
    return Choice(name, {"base": param.checked(method(name).title, base)})


def column_title(word: str) -> str:
    """What people read above a column."""
    choice = parse_column(word)
    base = choice.settings.get("base")
    title = method(choice.method).title
    return title if base is None else f"{title} of {method(base).title}"


def base_param(name: str) -> MethodParam | None:
    """The setting that says which method's relevance is averaged; None if there is none."""
    return next((param for param in method(name).params if isinstance(param, MethodParam)), None)


def signed(choice: Choice) -> bool:
    """Whether negative relevance has a meaning: of the method, and of the one it averages.

    Grad-CAM and its kin give negative values once their ReLU is switched off.
    """
    if is_own(choice.method):
        return bool(choice.settings.get(SIGNED.name, SIGNED.default))
    base = base_param(choice.method)
    averaged = choice.method if base is None else choice.settings.get("base", base.default)
    negative = method(averaged).signed or choice.settings.get(RELU.name) is False
    return negative and (base is None or method(choice.method).signed)
