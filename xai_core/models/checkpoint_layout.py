"""Where in a file the weights of a network lie: found by their names, not by a list of keys.

A training script nests the network's weights under keys of its own, wrappers put words before and
between their names, and other things lie beside them. All of this is a prefix: a *place* is the
keys and words that stand before the names that the network has.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from xai_core.models.checkpoint_files import Key

# What DataParallel, torch.compile, FSDP and activation checkpointing put into names.
WRAPPERS = frozenset(("module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"))
# Words of a key that say that its weights are an average over training.
_AVERAGED = re.compile(r"(?:^|[_.])(?:ema|swa|avg|averaged?|shadow)(?:$|[_.])")
# torchvision's DenseNet files date from before dots in names were forbidden.
_OLD_DENSENET = re.compile(r"^(.*denselayer\d+\.(?:norm|conv))\.([12]\..*)$")

Place = tuple[str, ...]


def title(place: Place) -> str:
    """A place as people name it: "." where nothing stands before the names."""
    return ".".join(place) or "."


def is_averaged(place: Place) -> bool:
    """Whether the keys say that the weights are an average over training (EMA, SWA)."""
    return _AVERAGED.search(title(place).lower()) is not None


def votes(keys: Iterable[Key], expected: Collection[str]) -> Counter[Place]:
    """How many of the expected names stand at each place."""
    found: Counter[Place] = Counter()
    for key in keys:
        parts = _parts(key)
        for start, part in enumerate(parts):
            if part not in WRAPPERS and _plain(parts[start:]) in expected:
                found[parts[:start]] += 1
    return found


def weights_at(
    keys: Iterable[Key], place: Place, expected: Collection[str] | None = None
) -> dict[Key, str]:
    """The weights at a place, with their names in the network.

    A mapping within that holds nothing of the network is something else, as an optimizer's state
    beside the weights; a word of a wrapper begins another place.

    Args:
        keys: of all tensors of the file.
        place: where the network's names begin.
        expected: names that the network has; None takes a mapping within for something else
            unless everything is in one.
    """
    depth = len(place)
    under = [key for key in keys if _parts(key)[:depth] == place and len(_parts(key)) > depth]
    inside = [key for key in under if _parts(key)[depth] not in WRAPPERS]
    names = {key: _plain(_parts(key)[depth:]) for key in inside}
    nested = {key: key[: depth + 1] for key in inside if len(key) > depth + 1}
    if expected is None:
        own = set() if len(nested) < len(inside) else set(nested.values())
    else:
        own = {nested[key] for key in nested if names[key] in expected}
    found: dict[Key, str] = {}
    taken: set[str] = set()
    for key in inside:
        if key in nested and nested[key] not in own:
            continue
        name = names[key]
        found[key] = ".".join(_parts(key)[depth:]) if name in taken else name
        taken.add(name)
    return found


def beside(keys: Iterable[Key], place: Place, used: Collection[Key]) -> dict[str, dict[str, Key]]:
    """What lies beside the weights at a place, in the same mapping of the file.

    Returns:
        First words where it parts from the place -> name within -> key.
    """
    containers = {key[:-1] for key in used}
    found: dict[str, dict[str, Key]] = {}
    for key in keys:
        parts = _parts(key)
        if key in used or key[:-1] not in containers or parts[: len(place)] == place:
            continue
        common = _common(place, parts)
        found.setdefault(".".join(parts[: common + 1]), {})[".".join(parts[common + 1 :])] = key
    return found


def places(keys: Iterable[Key]) -> dict[Place, list[Key]]:
    """Every place at which a network's names could begin, with what lies there."""
    found: dict[Place, list[Key]] = {}
    for key in keys:
        parts = _parts(key)
        for end in range(len(parts)):
            found.setdefault(parts[:end], []).append(key)
    return found


def named(wanted: str, choices: Collection[Place]) -> list[Place]:
    """The places that a word means: the one of that name, or those within or around it."""
    parts = tuple(wanted.split("."))
    exact = [place for place in choices if title(place) == wanted]
    return exact or [place for place in choices if place[: len(parts)] == parts]


def first_names(names: Iterable[str]) -> str:
    """Some of the names, for a sentence."""
    listed = list(names)
    return ", ".join(listed[:3]) + (", …" if len(listed) > 3 else "")


def left_out(keys: Iterable[Key], place: Place, used: Collection[Key]) -> list[str]:
    """What is not used of a file: the words at which its names part from those used, each once."""
    found: dict[str, None] = {}
    for key in keys:
        if key not in used:
            parts = _parts(key)
            found[".".join(parts[: _common(place, parts) + 1])] = None
    return list(found)


def _common(place: Place, parts: Sequence[str]) -> int:
    """How many words both begin with."""
    pairs = zip(place, parts, strict=False)
    return next((i for i, (one, other) in enumerate(pairs) if one != other), len(place))


def _parts(key: Key) -> tuple[str, ...]:
    return (*key[:-1], *key[-1].split("."))


def _plain(parts: tuple[str, ...]) -> str:
    name = ".".join(part for part in parts if part not in WRAPPERS)
    return _OLD_DENSENET.sub(r"\1\2", name)
