"""Proof that what runs in a network is linear in its input, but for the layers allowed.

A method with rules for single layers is silently wrong where a network does something else
between them: a product of two branches, a softmax, a function called without a module. Such
steps cannot be seen in the list of modules, but all are recorded in autograd's graph.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import Tensor, nn

from xai_core.errors import MethodError

# Autograd's names, without "Backward" and its version number.
REARRANGING = frozenset(
    {
        "Alias",
        "AsStrided",
        "Cat",
        "Clone",
        "ConstantPadNd",
        "Expand",
        "Flip",
        "Gather",
        "Index",
        "IndexSelect",
        "Permute",
        "PixelShuffle",
        "PixelUnshuffle",
        "ReflectionPad2D",
        "Repeat",
        "ReplicationPad2D",
        "ReshapeAlias",
        "Roll",
        "Select",
        "Slice",
        "Split",
        "SplitWithSizes",
        "Squeeze",
        "Stack",
        "T",
        "ToCopy",
        "Transpose",
        "Unbind",
        "UnsafeSplit",
        "UnsafeView",
        "Unsqueeze",
        "View",
    }
)
SUMMING = frozenset(
    {
        "AdaptiveAvgPool2D",
        "Add",
        "AvgPool2D",
        "Mean",
        "MkldnnAdaptiveAvgPool2D",
        "Neg",
        "Sub",
        "Sum",
        "UpsampleBicubic2D",
        "UpsampleBilinear2D",
        "UpsampleNearest2D",
        "UpsampleNearestExact2D",
    }
)
# Linear as long as only one of the factors depends on the input.
MULTIPLYING = frozenset(
    {"Addmm", "Addmv", "Baddbmm", "Bmm", "Convolution", "Div", "Mm", "Mul", "Mv"}
)


@contextmanager
def only_linear(network: nn.Module, besides: tuple[type[Any], ...], title: str) -> Iterator[None]:
    """Refuse, within the block, every step of ``network`` that is not linear in the input.

    Args:
        network: a network whose parameters need no gradients, run on an input that does.
        besides: ``torch.autograd.Function`` classes that are allowed.
        title: the method's name, for the error.

    Raises:
        MethodError: the network takes another step; the sentence names the layer.
    """
    allowed = {f"{function.__name__}Backward" for function in besides}
    seen: dict[Any, None] = {}  # keeps the nodes alive: autograd makes their wrappers anew
    with ExitStack() as hooks:
        for name, module in network.named_modules():
            check = _checking(name, allowed, seen, title)
            hooks.enter_context(module.register_forward_hook(check))
        yield


def _checking(name: str, allowed: set[str], seen: dict[Any, None], title: str) -> Any:
    """Forward hook that checks the steps taken since the last module finished."""

    def check(module: nn.Module, inputs: Any, output: Any) -> None:
        # MultiheadAttention and its like return several tensors.
        tensors = output if isinstance(output, tuple | list) else (output,)
        waiting = [item.grad_fn for item in tensors if isinstance(item, Tensor) and item.grad_fn]
        while waiting:
            node: Any = waiting.pop()
            if node in seen:
                continue
            seen[node] = None
            if node.name() not in allowed and not _linear(node):
                where = f"layer '{name}' ({type(module).__name__})" if name else "the model"
                step = re.sub(r"Backward\d*$", "", node.name())
                raise MethodError(
                    f"{title} has no rule for the step '{step}' in {where}; "
                    "saliency or integrated_gradients work on this model."
                )
            waiting.extend(parent for parent, _ in node.next_functions if parent is not None)

    return check


def _linear(node: Any) -> bool:
    step = re.sub(r"Backward\d*$", "", node.name())
    dependent = [index for index, (parent, _) in enumerate(node.next_functions) if parent]
    if step == "NativeBatchNorm":
        return not node._saved_training
    if step == "Div":
        return dependent == [0]
    if step in MULTIPLYING:
        return len(dependent) == 1
    return step in REARRANGING or step in SUMMING or step.endswith("AccumulateGrad")
