"""What an uploaded checkpoint was recognised as, and everything that can be told instead."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from pages.components import checkpoint_store
from pages.components.address_bar import notice, write
from pages.components.select_controls import select_box
from pages.components.text import plain
from xai_core.classes import names_in
from xai_core.errors import ModelError
from xai_core.imagenet import IMAGENET
from xai_core.images import RESAMPLING
from xai_core.models.architectures import TRANSFORMING
from xai_core.models.checkpoint_layout import title
from xai_core.models.hugging_face import CONFIG, PICTURES, WEIGHTS
from xai_core.models.recognition import Recognised, recognise
from xai_core.models.replaced_heads import ACTIVATIONS
from xai_core.models.signatures import every_architecture

LARGEST_MB = 2048
ENDINGS = ["safetensors", "pt", "pth", "tar", "ckpt", "bin", "json"]
OUTPUTS = {
    "auto": "as the network ends, else exclude each other",
    "softmax": "exclude each other (softmax)",
    "sigmoid": "are there or not, each for itself (sigmoid)",
}
CONVERTS = {"auto": "find out", "yes": "yes", "no": "no"}
PARAMETER = "checkpoint"  # of the address: what was uploaded, in its store
_KEPT = "_kept-checkpoint"  # in the session: the same
COLOURS = ("red", "green", "blue")


def own_checkpoint() -> dict[str, Any] | None:
    """The controls of an own checkpoint.

    Returns:
        Keywords of ``load_classifier``, or None while something must be told.
    """
    uploads = st.file_uploader(
        "Weights",
        type=ENDINGS,
        accept_multiple_files=True,
        key="checkpoint",
        max_upload_size=LARGEST_MB,
        help="safetensors, or what torch.save wrote in a training, whatever its ending; or the "
        f"files of a folder of Hugging Face's together: {CONFIG}, {PICTURES}, {WEIGHTS}. Pickled "
        "modules and TorchScript are refused.",
    )
    path = _uploaded(uploads) if uploads else _kept()
    if path is None:
        return None
    st.session_state[_KEPT] = checkpoint_store.word_of(path)
    write(PARAMETER, st.session_state[_KEPT])
    return {"source": str(path)}


def _kept() -> Path | None:
    """The checkpoint that was uploaded earlier, as the address tells."""
    word = st.query_params.get(PARAMETER) or st.session_state.get(_KEPT, "")
    path = checkpoint_store.at(word)
    if path is not None:
        st.caption(f"{plain(path.stem)}, as it was uploaded. Upload other weights to replace it.")
    elif word:
        notice("The weights of this address are not kept on this server any more; upload them.")
        write(PARAMETER, None)
        st.session_state.pop(_KEPT, None)
    if path is None:
        st.info("Upload the weights; what they are is read from the file.")
    return path


def _uploaded(uploads: Sequence[UploadedFile]) -> Path | None:
    """The uploaded checkpoint with what is told of it; None while something must be told."""
    try:
        weights = checkpoint_store.stored(uploads)
        if weights.is_dir():
            return _folder(weights)
        facts = _facts(weights)
    except ModelError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return None
    if facts is None:
        return None
    facts = {"title": Path(uploads[0].name).stem, **facts}
    return checkpoint_store.with_facts(weights, json.dumps(facts))


def _folder(folder: Path) -> Path | None:
    missing = [name for name in (CONFIG, WEIGHTS) if not (folder / name).is_file()]
    if missing:
        st.error(
            f"Several files are taken for a folder of Hugging Face's, and {' and '.join(missing)} "
            "is not among them; upload the weights alone, or all files of the folder together.",
            icon=":material/error:",
        )
        return None
    return folder


def _facts(weights: Path) -> dict[str, Any] | None:
    """The file's facts, for the JSON beside it; None while something is missing."""
    name, key = str(weights), weights.parent.name[:12]  # another file begins with other controls
    architecture = _architecture(name, key)
    if architecture is None:
        return None
    told = {"architecture": architecture, **_choices(name, key, architecture)}
    found = _recognised(name, **told)
    if found.fit is None:
        raise ModelError(found.problem)
    st.caption(f"{found.fit.classes} scores for each picture.")
    names = st.text_area(
        "Class names, one a line",
        key=f"class_names_{key}",
        placeholder="class 0\nclass 1\n…",
        help=f"In the order of the scores. Without names the classes have numbers; {IMAGENET} "
        "stands for the 1,000 names of ImageNet.",
    )
    outputs = select_box(
        st,
        "The classes",
        OUTPUTS,
        f"outputs_{key}",
        bind=None,
        help="What makes probabilities of the scores; a network of one score is always a sigmoid.",
    )
    facts: dict[str, Any] = {**told, "class_names": names_in(names) or None}
    facts["outputs"] = None if outputs == "auto" else outputs
    facts |= _pictures(found, f"{key}_{architecture}")
    if architecture in TRANSFORMING and not found.fit.grey:
        facts["transform_input"] = _converts(key)
    known = {fact: value for fact, value in facts.items() if value is not None}
    return known if facts["input_size"] else None


def _architecture(weights: str, key: str) -> str | None:
    found = _recognised(weights)
    others = [name for name in every_architecture() if name not in found.architectures]
    one = len(found.architectures) == 1
    chosen: str | None = st.selectbox(
        "Architecture",
        [*found.architectures, *others],
        index=0 if one else None,
        placeholder="Choose the architecture",
        key=f"architecture_{key}",
    )
    if one and chosen == found.architectures[0]:
        st.caption(plain(f"Recognised: {found.reason}."))
    elif chosen is None:
        st.info(plain(found.problem))
    return chosen


def _choices(weights: str, key: str, architecture: str) -> dict[str, str]:
    """Which set of weights, and what stands in the head, where the file needs to be told."""
    told: dict[str, str] = {}
    for _ in range(2):  # what one of them leaves open, the other may
        found = _recognised(weights, architecture, **told)
        if found.sets and "weights" not in told:
            told["weights"] = _chosen(
                "Weights in the file",
                found.sets,
                f"weights_{key}",
                title(found.fit.place) if found.fit else None,
                "Several sets of them fit.",
            )
        elif found.activation and "head_activation" not in told:
            told["head_activation"] = _chosen(
                "Activation in its last layers",
                tuple(ACTIVATIONS),
                f"head_activation_{key}",
                None,
                "It stands between the layers that take the place of the architecture's last one, "
                "and is not in the file.",
            )
    return told


def _chosen(label: str, options: Sequence[str], key: str, first: str | None, text: str) -> str:
    index = options.index(first) if first in options else None
    chosen: str | None = st.selectbox(
        label, options, index=index, placeholder="Choose", key=key, help=text
    )
    if chosen is None:
        raise ModelError(f"Choose: {label.lower()}. {text}")
    return chosen


def _pictures(found: Recognised, key: str) -> dict[str, Any]:
    """How pictures are prepared; the input size is None while it is missing."""
    usual, fit = found.usual, found.fit
    usual_side = usual.input_size[0] if usual.input_size else None
    side = st.number_input(
        "Input side in pixels",
        16,
        1024,
        (fit.side if fit else None) or usual_side,
        placeholder="Nothing tells it",
        key=f"side_{key}",
    )
    with st.expander("How pictures are prepared"):
        st.caption(
            plain(f"As for {usual.origin}, unless you change it.")
            if usual.origin
            else "Nobody says how; with these values pictures stay as they are."
        )
        if fit is not None and fit.grey:
            colours: Sequence[str] = ("grey",)
            st.caption("The network takes grey pictures; give the values of its training.")
        else:
            colours = COLOURS
        mean = [_value("Mean", c, usual.mean, (0.0, 0.0, 1.0), key) for c in colours]
        std = [_value("Deviation", c, usual.std, (1.0, 0.001, 2.0), key) for c in colours]
        crop = st.number_input(
            "Share that the crop keeps", 0.05, 1.0, usual.crop, key=f"crop_{key}"
        )
        ways = list(RESAMPLING)
        way = st.selectbox(
            "Resizing", ways, index=ways.index(usual.resample), key=f"resample_{key}"
        )
        squash = st.toggle(
            "Squeezed into a square, without cutting", usual.squash, key=f"squash_{key}"
        )
    missing = side is None or None in mean or None in std
    if missing:
        st.info("Give the input side, and mean and deviation below it.")
    size = None if missing or side is None else [int(side), int(side)]
    prepared = {"crop": crop, "resample": way, "squash": squash}
    return {"input_size": size, "mean": mean, "std": std, **prepared}


def _value(
    label: str,
    colour: str,
    usual: Sequence[float] | None,
    limits: tuple[float, float, float],
    key: str,
) -> float | None:
    """A number for a colour; a grey network has no usual one."""
    first, low, high = limits
    if usual is not None and colour in COLOURS:
        first = usual[COLOURS.index(colour)]
    value: float | None = st.number_input(
        f"{label}, {colour}",
        low,
        high,
        first if colour in COLOURS else None,
        0.001,
        "%.3f",
        key=f"{label.lower()}_{colour}_{key}",
    )
    return value


def _converts(key: str) -> bool | None:
    chosen = select_box(
        st,
        "Converts its input to [-1, 1] itself",
        CONVERTS,
        f"transform_input_{key}",
        bind=None,
        help="torchvision's transform_input, which the weights do not hold. Its own weights "
        "and what is fine-tuned from them have it.",
    )
    return None if chosen == "auto" else chosen == "yes"


@st.cache_resource(max_entries=64, show_spinner="Reading names and shapes")
def _recognised(path: str, architecture: str | None = None, **told: Any) -> Recognised:
    """``recognise``, once for each file: one of that name always has the same content."""
    return recognise(path, architecture, **told)
