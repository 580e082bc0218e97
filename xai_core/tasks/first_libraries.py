"""Imported by the process of which workers are copies: what the model needs that pages begin with.

timm, with torchvision below it, takes two seconds to load. Nothing is computed here: what torch's
threads have once worked in cannot be copied.
"""

from __future__ import annotations

from contextlib import suppress

from xai_core.errors import XaiError
from xai_core.first_model import first_model
from xai_core.models.architectures import blueprint
from xai_core.models.model_facts import embedded, read_facts

_file = embedded().get(first_model())
if _file is not None:
    with suppress(XaiError):  # told when the model is loaded
        _facts = read_facts(_file.with_suffix(".json"))
        blueprint(_facts["architecture"], len(_facts["class_names"]))
