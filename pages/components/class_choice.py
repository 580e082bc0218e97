"""Which class is explained: each picture's predicted one, one chosen for all, or for one alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from pages.components.address_bar import notice, write
from pages.components.text import label, plain
from xai_core.classes import class_index, class_named, class_titles, class_word
from xai_core.errors import ModelError, UnknownClassError

PREDICTED = "predicted"
TRUE = "true class"  # in the address, too: no class is called like that
_TITLES = {
    PREDICTED: "Each picture's predicted class",
    TRUE: "Each picture's true class, where it is known",
}
MOST_NAMED = 3
_LATEST = "_class"  # in the session: what the address says of it, or said on another page
NAMES = "_class_names"  # in the session: of the model that the class was chosen for
TOP = 5
PARAMETER = "picture_class"  # of the address: a picture, by the beginning of its hash, and a class
_OWN = "_picture-classes"  # in the session: the same
_AS_ALL = "as all"
_DIGITS = 12  # of a hash: enough among some hundred pictures


def choose_target(
    class_names: Sequence[str],
    probabilities: NDArray[np.float32],
    pictures: Mapping[str, str] | None = None,
    true: Mapping[str, str] = MappingProxyType({}),
) -> list[int]:
    """The sidebar's class part.

    Args:
        class_names: K names.
        probabilities: [N, K], one row a picture.
        pictures: names of the N pictures by their hashes; with several, each may have a class of
            its own.
        true: names of the pictures' true classes, as far as they are known, by their hashes.

    Returns:
        One class index per picture.
    """
    st.subheader("Class to explain")
    pictures = {} if pictures is None else pictures
    known = _true_indices(true, class_names)
    chosen = _for_all(class_names, probabilities, bool(true))
    best = [int(index) for index in probabilities.argmax(1)]
    if chosen == TRUE:
        _say_untrue(pictures, known)
        targets = [known.get(key, index) for key, index in zip(pictures, best, strict=True)]
    else:
        targets = best if chosen == PREDICTED else [int(chosen)] * len(best)
    if len(pictures) < 2:
        return targets
    own = _own_classes(class_names, probabilities, pictures, known)
    return [own.get(key[:_DIGITS], one) for key, one in zip(pictures, targets, strict=True)]


def _true_indices(true: Mapping[str, str], class_names: Sequence[str]) -> dict[str, int]:
    """Indices of the true classes that the model has."""
    found = {}
    for key, name in true.items():
        with suppress(ModelError):
            found[key] = class_named(name, class_names)
    return found


def _say_untrue(pictures: Mapping[str, str], known: Mapping[str, int]) -> None:
    """Of which pictures another class is explained than the true one."""
    others = [plain(name) for key, name in pictures.items() if key not in known]
    more = f" and {len(others) - MOST_NAMED} more" if len(others) > MOST_NAMED else ""
    if others:
        st.caption(
            f"Of {', '.join(others[:MOST_NAMED])}{more} no true class is known that the model has; "
            "there the predicted one is explained."
        )


def _own_classes(
    class_names: Sequence[str],
    probabilities: NDArray[np.float32],
    pictures: Mapping[str, str],
    true: Mapping[str, int],
) -> dict[str, int]:
    """Classes of single pictures, by the beginnings of their hashes."""
    words = st.session_state.get(_OWN)
    if words is None:
        asked = (text.partition("~") for text in st.query_params.get_all(PARAMETER))
        words = st.session_state[_OWN] = {key: word for key, _, word in asked if word}
    found = {}
    for key, word in list(words.items()):
        try:
            found[key] = _index(word, class_names)
        except ModelError:
            del words[key]
            notice(f"The model has no class “{plain(word[:80])}” for one of the pictures.")
    with st.expander("A picture's own class", expanded=bool(found)):
        which = st.selectbox(
            "Which picture",
            list(pictures),
            format_func=pictures.__getitem__,
            key="picture with a class",
        )
        row = probabilities[list(pictures).index(which)]
        likely, rest, titles = _sorted(class_names, row)
        key = which[:_DIGITS]
        first = [true[which]] if which in true else []
        options = [_AS_ALL, *map(str, dict.fromkeys([*first, *likely, *rest]))]

        def title(option: str) -> str:
            if option == _AS_ALL:
                return "As for all pictures"
            known = " (true class)" if int(option) in first else ""
            return f"{titles[int(option)]}{known} · {row[int(option)]:.1%}"

        # Of another picture, or after another model, the control begins anew.
        name = f"class of {key} {hash(tuple(class_names))}"

        def change() -> None:
            option = st.session_state[name]
            words.pop(key, None)
            if option != _AS_ALL:
                words[key] = class_word(int(option), class_names)

        now = str(found[key]) if key in found else _AS_ALL
        # The label names the picture: it stands there until the page has run for another choice.
        st.selectbox(
            label(f"Class of {pictures[which]}"),
            options,
            index=options.index(now),
            format_func=title,
            key=name,
            on_change=change,
        )
    write(PARAMETER, [f"{key}~{word}" for key, word in words.items()] or None)
    return found


def _sorted(
    class_names: Sequence[str], best: NDArray[np.float32]
) -> tuple[list[int], list[int], Sequence[str]]:
    """The most probable classes, the others by their titles, and all titles."""
    likely = np.argsort(-best)[:TOP].tolist()
    titles = class_titles(class_names)
    rest = sorted(set(range(len(titles))) - set(likely), key=lambda k: titles[k].lower())
    return likely, rest, titles


def _for_all(class_names: Sequence[str], probabilities: NDArray[np.float32], true: bool) -> str:
    """The class of every picture that has none of its own: PREDICTED, TRUE, or an index.

    Args:
        class_names: K names.
        probabilities: [N, K].
        true: whether the true class of any picture is known.
    """
    best = probabilities.max(0)
    likely, rest, titles = _sorted(class_names, best)
    first = [PREDICTED, TRUE] if true else [PREDICTED]
    options = [*first, *map(str, [*likely, *rest])]

    def title(option: str) -> str:
        if option in first:
            return _TITLES[option]
        name = titles[int(option)]
        return f"{name} · {best[int(option)]:.1%}" if int(option) in likely else name

    # Of another model the same number is another class.
    known = st.session_state.get(NAMES, class_names) == class_names
    if not known or st.session_state.get("class") not in options:
        st.session_state["class"] = _asked(class_names, true)
    st.session_state[NAMES] = class_names
    chosen: str = st.selectbox(
        "Class",
        options,
        format_func=title,
        key="class",
        label_visibility="collapsed",
        help="The five most probable classes come first; type to search all of them.",
    )
    words = {PREDICTED: None, TRUE: TRUE}
    word = words[chosen] if chosen in words else class_word(int(chosen), class_names)
    st.session_state[_LATEST] = word or ""
    write("class", word)
    return chosen


def _asked(class_names: Sequence[str], true: bool) -> str:
    """The option that the address asks for, by the class's number, its name, or both.

    In another model a class of the same name may have another number.
    """
    # A control of another page is another one, and that page's address says nothing of it.
    wanted = st.query_params.get("class", "").strip() or st.session_state.get(_LATEST, "")
    if not wanted or (wanted == TRUE and not true):
        return PREDICTED
    if wanted == TRUE:
        return TRUE
    try:
        return str(_index(wanted, class_names))
    except UnknownClassError:
        notice(f"The model has no class “{plain(wanted[:80])}”; the predicted one is explained.")
    except ModelError as error:
        notice(f"{plain(str(error))} The predicted one is explained.")
    return PREDICTED


def _index(word: str, class_names: Sequence[str]) -> int:
    """The class of an address; of another model than it was written for, the one of that name.

    Raises:
        ModelError: there is none, or several.
    """
    try:
        return class_index(word, class_names)
    except UnknownClassError:
        number, _, name = word.partition("-")
        if not (number.isdecimal() and name):
            raise
        return class_named(name, class_names)


def top_classes(titles: Sequence[str], row: NDArray[np.float32]) -> list[tuple[str, float]]:
    """The five most probable classes of one picture, with their probabilities."""
    return [(titles[k], float(row[k])) for k in np.argsort(-row)[:TOP]]
