"""The known rule by which a bot answers: from what anybody sees, and its seed.

A bot sees pictures, not which model or method made them; so its answer is worked out from the
bytes of the pictures. Whoever knows the bytes and the seed knows the answer.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Literal

Escape = Literal["cannot_distinguish", "same"]
ESCAPES: dict[str, Escape] = {
    "can't distinguish": "cannot_distinguish",
    "cannot distinguish": "cannot_distinguish",
    "they look the same": "same",
}
ESCAPED = 8  # one trial in so many is answered with an escape choice


def choose(seed: int, original: str, options: Sequence[tuple[str, str]], instruction: str) -> str:
    """A letter or an escape choice.

    Args:
        seed: of the bot.
        original: SHA-256 of the original picture.
        options: letter and SHA-256 of each heatmap, in the order shown.
        instruction: sentence that says what to choose, or "".

    Returns:
        What the instruction says; "same" if all pictures are the same; an escape choice for one
        original in ``ESCAPED``; else the letter of the picture with the smallest hash.
    """
    if instruction:
        return instructed(instruction, [letter for letter, _ in options])
    if len({picture for _, picture in options}) == 1:
        return "same"
    drawn = _number(seed, original)
    if drawn % ESCAPED == 0:
        return "same" if drawn // ESCAPED % 2 else "cannot_distinguish"
    return min(options, key=lambda option: _number(seed, original + option[1]))[0]


def instructed(sentence: str, letters: Sequence[str]) -> str:
    """The choice that a sentence asks for.

    Raises:
        ValueError: if it names none, or several.
    """
    plain = sentence.replace("’", "'").lower()
    found = {choice for label, choice in ESCAPES.items() if label in plain}
    if not found:
        # A letter stands alone; "A" as the article would, too, at the start of a sentence only.
        words = re.findall(r"(?<![\w'])[A-Z](?![\w'])", sentence.replace("’", "'"))
        found = set(words) & set(letters)
    if len(found) != 1:
        raise ValueError(f"This does not say what to choose: {sentence!r}")
    return found.pop()


def draw(seed: int, what: str, among: int) -> int:
    """A number in [0, among) that depends on nothing else."""
    return _number(seed, what) % among


def _number(seed: int, text: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed} {text}".encode()).digest()[:8], "big")
