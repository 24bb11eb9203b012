"""A network rewritten so that its maps are stored in another format, with conversions where formats meet."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import fields, replace
from typing import Any, ClassVar

from zcc.compiler.ir.ops import Conv, Convert, Network, Op
from zcc.compiler.ir.quantisation import Quantisation
from zcc.compiler.ir.tensors import Combine, Tensor

FLOAT = "float32"


class Rewriter:
    """Walks the operations in order. Those that `works_stored` read and make maps in the stored format.

    All others, the maps that the head is decoded from, and the convolutions named in `floating` stay in float32.
    """

    stored: ClassVar[str]  # the type of an element
    moves: ClassVar[tuple[type[Op], ...]]  # operations that only move elements of that type

    def __init__(self, network: Network, floating: Collection[str]) -> None:
        self.network = network
        self.floating = floating
        self.ops: list[Op] = []
        self.versions: dict[tuple[Tensor, str, Quantisation | None], Tensor] = {}

    def run(self) -> Network:
        """The rewritten network; tensors that are stored are changed in place."""
        readers = [op for op in self.network.ops if self.network.image in op.inputs]
        if self.stores_image() and all(isinstance(op, Conv) and self.works_stored(op) for op in readers):
            self.store(self.network.image)
        for op in self.network.ops:
            self.ops.append(self.rewritten(op))
        output = self.version(self.network.output, FLOAT)
        return replace(self.network, ops=self.ops, output=output)

    def works_stored(self, op: Op) -> bool:
        """Whether the operation works on stored maps."""
        if isinstance(op, Conv):
            maps = all(s.other.shape == op.out.shape for s in op.stages if isinstance(s, Combine))
            return maps and op.out.name not in self.floating and self.can_convolve(op)
        return isinstance(op, self.moves) and op.out not in self.network.results and self.can_store(op.out)

    def stores_image(self) -> bool:
        """Whether convolutions may read the image in that format."""
        return True

    def can_convolve(self, conv: Conv) -> bool:
        """Whether there is a kernel for it."""
        return conv.groups == 1 or conv.depthwise

    def can_store(self, tensor: Tensor) -> bool:
        """Whether the tensor has what storing it takes."""
        return True

    def store(self, tensor: Tensor) -> None:
        """From here on the tensor is a stored one."""
        tensor.dtype = self.stored

    def meaning(self, tensor: Tensor) -> Quantisation | None:
        """What the elements of the tensor stand for once it is stored."""
        return None

    def convolution(self, conv: Conv, attributes: dict[str, Any]) -> Conv:
        """The stored convolution; `attributes` is its fields, `x` in the stored format."""
        raise TypeError(f"{type(self).__name__} does not say how to convolve {conv.out.name}")

    def rewritten(self, op: Op) -> Op:
        """The operation, on the versions of its operands that it works on."""
        if not self.works_stored(op):
            return self._reading(op, FLOAT, None)
        if isinstance(op, Conv):
            x = self.version(op.x, self.stored, self.meaning(op.x))
            if op.out not in self.network.results and self.can_store(op.out):
                self.store(op.out)
            # The kernel reads the other operands of its stages in whatever format they have.
            return self.convolution(op, {**{f.name: getattr(op, f.name) for f in fields(Conv)}, "x": x})
        self.store(op.out)
        return self._reading(op, self.stored, self.meaning(op.out))

    def version(self, tensor: Tensor, dtype: str, meaning: Quantisation | None = None) -> Tensor:
        """The tensor in a format, converted once."""
        if tensor.dtype == dtype and tensor.quantisation == meaning:
            return tensor
        key = (tensor, dtype, meaning)
        if key not in self.versions:
            made = Tensor(f"{tensor.name}_{dtype}_{len(self.versions)}", tensor.shape, dtype, meaning)
            self.versions[key] = made
            self.ops.append(Convert(made, tensor))
        return self.versions[key]

    def _reading(self, op: Op, dtype: str, meaning: Quantisation | None) -> Op:
        """A copy of the operation that reads its operands in the format; integers that are no maps stay as they are."""

        def seen(tensor: Tensor) -> Tensor:
            return self.version(tensor, dtype, meaning) if tensor.dtype in (FLOAT, self.stored) else tensor

        changed: dict[str, Any] = {
            field.name: mapped(getattr(op, field.name), seen) for field in fields(op) if field.name != "out"
        }
        return replace(op, **changed)


def mapped(value: Any, seen: Callable[[Tensor], Tensor]) -> Any:
    """A field of an operation with its tensors replaced."""
    if isinstance(value, Tensor):
        return seen(value)
    if isinstance(value, list):
        return [mapped(item, seen) for item in value]
    if isinstance(value, Combine):
        return replace(value, other=seen(value.other))
    return value
