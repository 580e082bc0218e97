"""What a network does with a batch, written down while it does it.

The network runs as it is, once, and every torch function whose input depends on the pictures
becomes a step of the tape, be it called by a module or not, in branches, reused or in place.
Methods that lead relevance back layer by layer go through the tape in reverse.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from xai_core.errors import MethodError
from xai_core.models.recorder import Recorder
from xai_core.models.scores import first_line
from xai_core.models.tape import Tape
from xai_core.models.torch_calls import running_layers


def record_module(module: nn.Module, x: Tensor, known: Tape | None = None) -> Tape:
    """Run a network and write down what it does.

    A step that overwrites a value is written down as one that gives a new value; ``x`` and
    the values of ``known`` are never changed.

    Args:
        module: a network that nobody else uses meanwhile.
        x: its input, [N, 3, H, W].
        known: the tape of a network that shares some of its weights, run on this very ``x``.
            A step that is the same there, with the same arguments, is not computed again.

    Raises:
        MethodError: the run does not follow from its steps: the network overwrites a value that
            it still uses in another place, or its output does not depend on the input. Where
            ``x`` requires a gradient and the weights do not, also if a value depends on the
            pictures by way of something that is no torch function.
    """
    tape = Tape([x])
    batch = x.view_as(x)
    strict = x.requires_grad and not any(weight.requires_grad for weight in module.parameters())
    recorder = Recorder(tape, batch, known, strict)
    with running_layers(module, ends=recorder.note_output) as recorder.running, recorder:
        logits = module(batch)
    tape.output = recorder.number(logits)
    recorder.check_constants()
    return tape


def why_not_recorded(module: nn.Module, probe: Tensor) -> str:
    """Why runs of a network cannot be written down, in a sentence; "" if they can.

    Args:
        module: a network whose weights require no gradient.
        probe: an input, [N, 3, H, W].
    """
    try:
        with torch.enable_grad():
            record_module(module, probe.clone().requires_grad_())
    except MethodError as error:
        return str(error)
    except RuntimeError as error:
        # It does run: what cannot be done is to differentiate it, as with NumPy inside.
        return f"The model's run cannot be followed with gradients: {first_line(error)}"
    return ""
