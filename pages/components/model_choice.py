"""Which model the page is about: an embedded one, a torchvision one, or a checkpoint."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from pages.components import model_search
from pages.components.address_bar import warn_of_unknown
from pages.components.select_controls import select_box
from xai_core.cache import default_folder
from xai_core.classes import names_in
from xai_core.errors import ModelError
from xai_core.first_model import first_model
from xai_core.models import ModelInfo, available_models
from xai_core.models.architectures import ARCHITECTURES, TRANSFORMING

OWN = "your checkpoint"
LARGEST_MB = 2048
STORE_BYTES = 8 * 2**30
OUTPUTS = {
    "auto": "as the network ends, else exclude each other",
    "softmax": "exclude each other (softmax)",
    "sigmoid": "are there or not, each for itself (sigmoid)",
}
CONVERTS = {"auto": "find out", "yes": "yes", "no": "no"}


def choose_model() -> dict[str, Any] | None:
    """The sidebar's model part.

    Returns:
        Keywords of ``load_classifier``, or None while a checkpoint is incomplete.
    """
    infos = {info.id: info for info in model_infos()}
    st.subheader("Model")
    warn_of_unknown("model", [*infos, OWN], "model")
    names = _offered(infos)
    chosen = st.selectbox(
        "Model",
        names,
        key="model",
        bind="query-params",
        label_visibility="collapsed",
    )
    model_search.offer(list(infos.values()), "model")
    if chosen == OWN:
        return _own_checkpoint()
    st.caption(_facts(infos[chosen]))
    return {"source": chosen}


def _offered(infos: Mapping[str, ModelInfo]) -> list[str]:
    """The model to begin with, those whose weights are here, and what was found or asked for."""
    first = first_model()
    if first not in infos:
        raise ModelError(f"XAI_MODEL names '{first}', and there is no such model.")
    here = [name for name, info in infos.items() if info.local]
    asked = st.session_state.get("model", st.query_params.get("model"))
    found = [asked] if asked in infos else []
    return [*dict.fromkeys([first, *here, *found]), OWN]


@st.cache_resource(show_spinner=False)
def model_infos() -> list[ModelInfo]:
    """What can be chosen, besides own checkpoints."""
    return available_models()


def _facts(info: ModelInfo) -> str:
    height, width = info.input_size
    facts = [f"{info.classes} classes", f"{height}×{width} pixels"]
    if info.accuracy is not None:
        facts.append(f"{info.accuracy:.1f} % right on its validation pictures")
    title = f"{info.title}: " if info.title != info.id else ""
    return f"{title}{', '.join(facts)}. {info.note}".strip()


def _own_checkpoint() -> dict[str, Any] | None:
    upload = st.file_uploader(
        "Weights",
        type=["safetensors", "pt", "pth", "tar", "ckpt", "bin"],
        key="checkpoint",
        max_upload_size=LARGEST_MB,
        help="safetensors, or a PyTorch state dict, whatever its ending. Pickled modules and "
        "TorchScript are refused.",
    )
    known = [*ARCHITECTURES, *(info.id for info in model_infos() if info.source == "torchvision")]
    architecture = st.selectbox("Architecture", known, key="architecture")
    names = st.text_area(
        "Class names, one a line", key="class_names", help="In the order of the logits."
    )
    outputs = select_box(
        st,
        "The classes",
        OUTPUTS,
        "outputs",
        bind=None,
        help="What makes probabilities of the scores; a network of one score is always a sigmoid.",
    )
    side = st.number_input("Input side in pixels", 16, 1024, 64, step=16, key="side")
    with st.expander("Normalisation"):
        st.caption("Per channel, for pixels from 0 to 1.")
        mean = [
            st.number_input(f"Mean, {c}", 0.0, 1.0, v, 0.001, "%.3f", key=f"mean_{c}")
            for c, v in (("red", 0.485), ("green", 0.456), ("blue", 0.406))
        ]
        std = [
            st.number_input(f"Deviation, {c}", 0.001, 2.0, v, 0.001, "%.3f", key=f"std_{c}")
            for c, v in (("red", 0.229), ("green", 0.224), ("blue", 0.225))
        ]
    transform_input = "auto"
    if architecture in TRANSFORMING:
        transform_input = select_box(
            st,
            "Converts its input to [-1, 1] itself",
            CONVERTS,
            "transform_input",
            bind=None,
            help="torchvision's transform_input, which the weights do not hold. Its own weights "
            "and what is fine-tuned from them have it.",
        )
    classes = names_in(names)
    if upload is None or not classes:
        st.info("Upload the weights and give the class names, then the model is loaded.")
        return None
    facts: dict[str, Any] = {
        "title": Path(upload.name).stem,
        "architecture": architecture,
        "class_names": classes,
        "input_size": [int(side), int(side)],
        "mean": mean,
        "std": std,
    }
    if outputs != "auto":
        facts["outputs"] = outputs
    if transform_input != "auto":
        facts["transform_input"] = transform_input == "yes"
    return {"source": str(_stored(upload.getvalue(), upload.name, json.dumps(facts)))}


def _stored(content: bytes, name: str, facts: str) -> Path:
    """The checkpoint with its facts beside it, as files that worker and command line can read.

    They lie in a folder named by their content, under the name they came with.
    """
    digest = hashlib.sha256(content + facts.encode()).hexdigest()
    folder = default_folder() / "checkpoints" / digest
    folder.mkdir(parents=True, exist_ok=True)
    stem = re.sub(r"[^\w-]+", "-", Path(name).stem)[:60] or "checkpoint"
    path = folder / f"{stem}{Path(name).suffix.lower()}"
    for file, data in ((path.with_suffix(".json"), facts.encode()), (path, content)):
        if not file.exists():
            part = file.with_name(f"{uuid.uuid4().hex}.part")
            part.write_bytes(data)
            part.replace(file)
    os.utime(folder)
    _make_room(folder.parent)
    return path


def _make_room(store: Path) -> None:
    """Remove the checkpoints longest unused while they take more than ``STORE_BYTES``."""
    folders = sorted(store.iterdir(), key=lambda folder: folder.stat().st_mtime)
    sizes = [sum(file.stat().st_size for file in folder.iterdir()) for folder in folders]
    excess = sum(sizes) - STORE_BYTES
    for folder, size in zip(folders[:-1], sizes, strict=False):
        if excess > 0:
            shutil.rmtree(folder, ignore_errors=True)
            excess -= size
