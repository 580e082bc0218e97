"""The model that pages and commands begin with. Needs no torch."""

from __future__ import annotations

import os

FIRST = "efficientnet-lite0"


def first_model() -> str:
    """Its id: what ``XAI_MODEL`` says, or the embedded network of ImageNet's classes."""
    return os.environ.get("XAI_MODEL") or FIRST
