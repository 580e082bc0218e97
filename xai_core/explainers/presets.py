"""Choices of methods with their settings, and the published sets of them.

A choice is one column of a comparison. Its id is the method's; where another method's relevance
is averaged instead of the usual one's, that one's id follows: ``smoothgrad-deeplift``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from xai_core.errors import MethodError
from xai_core.explainers.registry import METHODS, Param, method

BLURRED = {"baseline": "blurred"}
SANITY = "Sanity Checks for Explanations of Deep Neural Networks Predictions (Nuzzo 2020), ch. 7"
EVERYTHING = "everything"
PICTURED = ("baseline", "baselines")  # settings whose values may be pictures


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
        """The name of its column."""
        return column(self.method, self.settings)


@dataclass(frozen=True)
class Preset:
    """A set of methods with settings.

    Attributes:
        id: as the command line spells it.
        title: what people read.
        source: where the set comes from, and what differs from there.
        choices: the methods, in the order of the source.
    """

    id: str
    title: str
    source: str
    choices: tuple[Choice, ...]


def completed(choice: Choice, pictures: Collection[str] = ()) -> dict[str, Any]:
    """All settings of a choice, the defaults included.

    Args:
        choice: the method with its settings.
        pictures: words that stand for pictures; a setting that names one is left as it is.

    Raises:
        MethodError: an unknown method or setting, or a value out of its range.
    """
    left = {
        name: value
        for name, value in choice.settings.items()
        if name in PICTURED and any(word in pictures for word in words(value))
    }
    given = {name: value for name, value in choice.settings.items() if name not in left}
    return {**method(choice.method).settings(given), **left}


def replaced(settings: Mapping[str, Any], pictures: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with every word that stands for a picture replaced by what it stands for."""

    def picture(value: Any) -> Any:
        if isinstance(value, list | tuple):
            return [picture(item) for item in value]
        return pictures.get(value, value) if isinstance(value, str) else value

    return {
        name: picture(value) if name in PICTURED else value for name, value in settings.items()
    }


def words(value: Any) -> list[str]:
    """The words of a setting that is one or several."""
    several = value if isinstance(value, list | tuple) else [value]
    return [word for word in several if isinstance(word, str)]


def column(name: str, settings: Mapping[str, Any]) -> str:
    """Id of the column of a method with these settings.

    Raises:
        MethodError: there is no such method.
    """
    param = base_param(name)
    base = None if param is None else settings.get("base", param.default)
    return name if param is None or base == param.default else f"{name}-{base}"


def parse_column(word: str) -> Choice:
    """The method that a column's id names, with the base it names; undoes ``column``.

    Raises:
        MethodError: there is no such method, or it has no such base.
    """
    name, dash, base = word.partition("-")
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


def base_param(name: str) -> Param | None:
    """The setting that says which method's relevance is averaged; None if there is none."""
    return next((param for param in method(name).params if param.name == "base"), None)


def everything(refusals: Mapping[str, str]) -> tuple[Choice, ...]:
    """Every method with its defaults, except those with a sentence in ``refusals``."""
    return tuple(Choice(name) for name in METHODS if not refusals.get(name))


PRESETS: dict[str, Preset] = {
    preset.id: preset
    for preset in (
        Preset(
            "group-1",
            "Group 1",
            SANITY,
            tuple(
                Choice(name)
                for name in (
                    "saliency",
                    "input_x_gradient",
                    "deconvnet",
                    "guided_backprop",
                    "gradcam",
                    "guided_gradcam",
                )
            ),
        ),
        Preset(
            "group-2",
            "Group 2",
            f"{SANITY}; the reference pictures of DeepSHAP are ours",
            (
                Choice("deeplift", BLURRED),
                Choice("deepshap"),
                Choice("smoothgrad", {"base": "deeplift", "sigma": 0.7, **BLURRED}),
            ),
        ),
        Preset(
            "group-3",
            "Group 3",
            f"{SANITY}; the reference pictures of expected gradients are ours",
            (
                Choice("integrated_gradients", {"steps": 200, **BLURRED}),
                Choice("smoothgrad", {"base": "integrated_gradients", "sigma": 0.7, **BLURRED}),
                Choice("expected_gradients"),
            ),
        ),
        Preset(
            "group-4",
            "Group 4",
            SANITY,
            (
                *(Choice(f"lrp_alpha{alpha}_beta{alpha - 1}") for alpha in (1, 2, 3, 4, 5, 6, 9)),
                Choice("rap"),
            ),
        ),
    )
}
