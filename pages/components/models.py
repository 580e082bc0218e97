"""Which model the page is about: an embedded one, a torchvision one, or a checkpoint."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import streamlit as st

from pages.components.address import warn_of_unknown
from xai_core.cache import default_folder
from xai_core.models import ModelInfo, available_models
from xai_core.models.architectures import ARCHITECTURES

OWN = "your checkpoint"
LARGEST_MB = 2048


def choose_model() -> dict[str, Any] | None:
    """The sidebar's model part.

    Returns:
        Keywords of ``load_classifier``, or None while a checkpoint is incomplete.
    """
    infos = {info.id: info for info in _models()}
    st.subheader("Model")
    names = [*infos, OWN]
    warn_of_unknown("model", names, "model")
    chosen = st.selectbox(
        "Model",
        names,
        key="model",
        bind="query-params",
        label_visibility="collapsed",
    )
    if chosen == OWN:
        return _own_checkpoint()
    st.caption(_facts(infos[chosen]))
    return {"source": chosen}


@st.cache_resource(show_spinner=False)
def _models() -> list[ModelInfo]:
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
        type=["safetensors", "pt", "pth"],
        key="checkpoint",
        max_upload_size=LARGEST_MB,
        help="safetensors, or a PyTorch state dict. Pickled modules and TorchScript are refused.",
    )
    known = [*ARCHITECTURES, *(info.id for info in _models() if info.source == "torchvision")]
    architecture = st.selectbox("Architecture", known, key="architecture")
    names = st.text_area(
        "Class names, one a line", key="class_names", help="In the order of the logits."
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
    classes = [line.strip() for line in names.splitlines() if line.strip()]
    if upload is None or not classes:
        st.info("Upload the weights and give the class names, then the model is loaded.")
        return None
    return {
        "source": str(_stored(upload.getvalue(), Path(upload.name).suffix)),
        "architecture": architecture,
        "class_names": classes,
        "input_size": (int(side), int(side)),
        "mean": mean,
        "std": std,
    }


def _stored(content: bytes, suffix: str) -> Path:
    """The checkpoint as a file the worker can read, named by its content."""
    folder = default_folder() / "checkpoints"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{hashlib.sha256(content).hexdigest()}{suffix.lower()}"
    if not path.exists():
        part = path.with_suffix(".part")
        part.write_bytes(content)
        part.replace(path)
    return path
