"""A graphics card that is only pretended: tensors of the processor that count as being on it.

Every number is what the processor computes, so that whole methods run, whatever they decide by
their values. What a card would refuse is refused:

- an operation on tensors of both sides. As on a card, one number of the processor (no dimensions)
  may take part element by element, and what picks places out of a tensor may be on the processor;
- to read a tensor as a NumPy array before it is brought back;
- to draw random numbers there, which would be others than the processor's;
- float64, if the card has none.

torch's own FakeTensorMode cannot do it: its tensors have no values, by which many methods decide,
and without a card its backward pass on "cuda" stops ("hasPrimaryContext expects a valid device
index").
"""

import weakref
from contextlib import ExitStack, contextmanager
from unittest import mock

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from xai_core.models.trees import tensors

FACTORIES = (
    *("tensor", "as_tensor", "zeros", "ones", "full", "empty", "arange", "linspace", "eye"),
    *("rand", "randn", "randint", "randperm", "zeros_like", "ones_like", "full_like"),
    *("empty_like", "rand_like", "randn_like"),
)
ATEN = torch.ops.aten
MOVES = {ATEN.copy_.default, ATEN._to_copy.default}
# The second argument, places, may be anywhere.
PICKING = {
    *(ATEN.index.Tensor, ATEN._unsafe_index.Tensor),
    *(ATEN.index_put.default, ATEN.index_put_.default, ATEN._index_put_impl_.default),
}
FILLING = {ATEN.masked_fill.Tensor, ATEN.masked_fill_.Tensor}


class MixedError(RuntimeError):
    """A card and the processor were to compute together."""


class Card(TorchDispatchMode):
    """Within the block storages are on the card or not; what is computed on it stays there."""

    def __init__(self, device, float64):
        super().__init__()
        self.device, self.float64 = torch.device(device), float64
        self.storages = weakref.WeakSet()
        self.operations = 0

    @classmethod
    def _should_skip_dynamo(cls):
        return False  # so that torch does not load its compiler

    def holds(self, tensor):
        return tensor.untyped_storage() in self.storages

    def take(self, tensor):
        """A copy on the card."""
        if tensor.dtype == torch.float64 and not self.float64:
            raise TypeError(f"{self.device} has no float64.")
        moved = tensor.clone()
        self.storages.add(moved.untyped_storage())
        return moved

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        given = tensors((args, kwargs))
        here = [tensor for tensor in given if self.holds(tensor)]
        if here and func not in MOVES:
            self._check(func, args, kwargs)
        result = func(*args, **kwargs)
        if here and not (func is ATEN.copy_.default and not self.holds(args[0])):
            self.operations += 1
            for tensor in tensors(result):
                if tensor.dtype == torch.float64 and not self.float64:
                    raise TypeError(f"{func} makes float64, which {self.device} does not have.")
                self.storages.add(tensor.untyped_storage())
        return result

    def _check(self, func, args, kwargs):
        # Attention draws only for dropout, which is off.
        if torch.Tag.nondeterministic_seeded in func.tags and "attention" not in func.name():
            raise RuntimeError(f"{func} would draw from the card.")
        if func in PICKING:
            args = [*args[:1], *args[2:]]
        elsewhere = [tensor for tensor in tensors((args, kwargs)) if not self.holds(tensor)]
        single = torch.Tag.pointwise in func.tags or func in PICKING | FILLING
        for tensor in elsewhere:
            if tensor.dim() or not single:
                raise MixedError(f"{func}: {list(tensor.shape)} is not on {self.device}.")
        changed = args[0] if func._schema.is_mutable and args else None
        if isinstance(changed, Tensor) and not self.holds(changed):
            raise MixedError(f"{func} would put the result of {self.device} elsewhere.")


@contextmanager
def pretended(device="cuda:0", *, float64=True, free=2**30, count=1):
    """Within the block torch has ``count`` such cards; gives this one.

    Args:
        device: its name.
        float64: whether it computes in double precision.
        free: its free memory in bytes.
        count: cards of the machine.
    """
    card = Card(device, float64)
    with ExitStack() as stack:
        for owner, names in (
            (Tensor, _methods(card)),
            (torch, {name: _making(getattr(torch, name)) for name in FACTORIES}),
            (torch.cuda, _cuda(card.device, free, count)),
            (torch.mps, {"recommended_max_memory": lambda: free} | {"empty_cache": lambda: None}),
            (torch.mps, {"current_allocated_memory": lambda: 0}),
            (torch.backends.mps, {"is_available": lambda: card.device.type == "mps"}),
        ):
            for name, change in names.items():
                stack.enter_context(mock.patch.object(owner, name, change))
        stack.enter_context(card)
        yield card


def _cuda(device, free, count):
    state = torch.zeros(1, dtype=torch.uint8)
    count = count if device.type == "cuda" else 0
    return {
        "is_available": lambda: count > 0,
        "device_count": lambda: count,
        "get_device_name": lambda number: f"Card {number}",
        "mem_get_info": lambda device: (free, 2 * free),
        "memory_reserved": lambda device: 0,
        "memory_allocated": lambda device: 0,
        "empty_cache": lambda: None,
        "get_rng_state": lambda device: state,
        "set_rng_state": lambda new, device: None,
    }


def _methods(card):
    """What of ``Tensor`` knows where a tensor is."""
    usual = {name: getattr(Tensor, name) for name in ("to", "numpy", "new_tensor", "__deepcopy__")}

    def to(self, *args, **kwargs):
        target, dtype, rest = _asked(args, dict(kwargs))
        if isinstance(target, Tensor):
            target, dtype = target.device, target.dtype
        target = self.device if target is None else torch.device(target)
        if target.type == card.device.type and target.index is None:
            target = card.device
        if target not in (torch.device("cpu"), card.device):
            raise RuntimeError(f"There is no {target}.")
        leaves = target.type == "cpu" and card.holds(self)
        if leaves and dtype == torch.float64 != self.dtype and not card.float64:
            raise TypeError(f"{card.device} has no float64; bring it back first.")
        found = usual["to"](self, dtype or self.dtype, **rest)
        if leaves:
            found = found.clone()
            card.storages.discard(found.untyped_storage())
        return found if target.type == "cpu" or card.holds(found) else card.take(found)

    def numpy(self, *args, **kwargs):
        if card.holds(self):
            raise TypeError(f"A tensor on {card.device} is no NumPy array.")
        return usual["numpy"](self, *args, **kwargs)

    def new_tensor(self, *args, **kwargs):
        found = usual["new_tensor"](self, *args, **kwargs)
        return card.take(found) if card.holds(self) else found

    def deepcopy(self, memo):
        found = usual["__deepcopy__"](self, memo)
        if card.holds(self):
            card.storages.add(found.untyped_storage())
        return found

    return {
        "to": to,
        "cpu": lambda self: to(self, "cpu"),
        "numpy": numpy,
        "new_tensor": new_tensor,
        "__deepcopy__": deepcopy,
        "device": property(lambda self: card.device if card.holds(self) else torch.device("cpu")),
        "is_cuda": property(lambda self: self.device.type == "cuda"),
    }


def _making(function):
    """A function that makes a tensor, where ``device`` may be the card."""

    def make(*args, **kwargs):
        device = kwargs.pop("device", None)
        found = function(*args, **kwargs)
        if device is None:
            return found
        moved = found.detach().to(device)
        moved.requires_grad = found.requires_grad
        return moved

    return make


def _asked(args, kwargs):
    """Device or tensor, and type, among the arguments of ``Tensor.to``; and what else."""
    target, dtype = kwargs.pop("device", None), kwargs.pop("dtype", None)
    other = kwargs.pop("other", None)
    for word in args:
        if isinstance(word, torch.dtype):
            dtype = word
        elif isinstance(word, str | torch.device | Tensor):
            target = word
        elif isinstance(word, bool):
            kwargs.setdefault("copy", word)
    kwargs.pop("non_blocking", None)
    return other if target is None else target, dtype, kwargs
