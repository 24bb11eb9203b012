"""INT8: a network whose maps are bytes between its convolutions.

Convolutions, and what only moves maps, work on bytes; every other operation, the maps that the head is decoded from,
and the convolutions named in `floating` stay in float. Where the two meet, a conversion stands.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import fields, replace
from typing import Any

import numpy as np

from zcc.compiler.network.ops import (
    Array,
    Combine,
    Concat,
    Conv,
    Convert,
    MaxPool,
    Network,
    Op,
    QuantisedConv,
    Resize,
    Shuffle,
    Slice,
    Tensor,
)
from zcc.compiler.precision.quantisation import IMAGE, Quantisation, correct_bias, quantise_weight

FLOAT, BYTE = "float32", "uint8"
MOVES = (Concat, MaxPool, Resize, Shuffle, Slice)


def quantise(
    network: Network,
    quantisations: Mapping[str, Quantisation],
    means: Mapping[str, Array],
    floating: Collection[str] = (),
) -> Network:
    """The network in bytes; `quantisations` and channel `means` are by the names of tensors."""
    return _Quantiser(network, quantisations, means, floating).run()


class _Quantiser:
    def __init__(
        self,
        network: Network,
        quantisations: Mapping[str, Quantisation],
        means: Mapping[str, Array],
        floating: Collection[str],
    ) -> None:
        self.network = network
        self.quantisations = quantisations
        self.means = means
        self.floating = floating
        self.ops: list[Op] = []
        self.versions: dict[tuple[Tensor, str], Tensor] = {}

    def run(self) -> Network:
        image = self.network.image
        readers = [op for op in self.network.ops if image in op.inputs]
        if all(self.in_bytes(op) and isinstance(op, Conv) for op in readers):
            self.declare(image, IMAGE)
        for op in self.network.ops:
            self.add(op)
        output = self.version(self.network.output, FLOAT)
        return replace(self.network, ops=self.ops, output=output)

    def in_bytes(self, op: Op) -> bool:
        """Whether the operation works on bytes."""
        if isinstance(op, Conv):
            dense_or_depthwise = op.groups == 1 or op.depthwise
            return dense_or_depthwise and op.out.name not in self.floating and op.x.name in self.quantisations
        return isinstance(op, MOVES) and op.out not in self.network.results

    def add(self, op: Op) -> None:
        """The operation, on the versions of its operands that it works on."""
        if isinstance(op, Conv) and self.in_bytes(op):
            self.ops.append(self.quantised_conv(op))
        elif self.in_bytes(op):
            self.declare(op.out, self.quantisations[op.out.name])
            self.ops.append(self.rewired(op, BYTE))
        else:
            self.ops.append(self.rewired(op, FLOAT))

    def quantised_conv(self, conv: Conv) -> QuantisedConv:
        quantised = quantise_weight(conv.weight)
        means = self.means.get(conv.x.name)
        bias = conv.bias if means is None else correct_bias(conv.bias, conv.weight, quantised, means)
        x = self.version(conv.x, BYTE)
        if conv.out not in self.network.results and conv.out.name in self.quantisations:
            self.declare(conv.out, self.quantisations[conv.out.name])
        held = {f.name: getattr(conv, f.name) for f in fields(Conv)}
        # The kernel reads the other operands of its stages in whatever format they have.
        return QuantisedConv(**{**held, "x": x, "bias": bias, "quantised": quantised})

    def declare(self, tensor: Tensor, quantisation: Quantisation) -> None:
        """From here on the tensor is one of bytes."""
        tensor.dtype, tensor.quantisation = BYTE, quantisation

    def version(self, tensor: Tensor, dtype: str, quantisation: Quantisation | None = None) -> Tensor:
        """The tensor in a format, converted once; in bytes of its own quantisation unless another is named."""
        wanted = (quantisation or self.quantisations.get(tensor.name)) if dtype == BYTE else None
        if tensor.dtype == dtype and (wanted is None or tensor.quantisation in (wanted, IMAGE)):
            return tensor
        key = (tensor, f"{dtype} {wanted}")
        if key not in self.versions:
            made = Tensor(f"{tensor.name}_{dtype}_{len(self.versions)}", tensor.shape, dtype, wanted)
            self.versions[key] = made
            self.ops.append(Convert(made, tensor))
        return self.versions[key]

    def rewired(self, op: Op, dtype: str) -> Op:
        """A copy of the operation that reads its operands in the format."""
        wanted = op.out.quantisation

        def seen(tensor: Tensor) -> Tensor:
            return self.version(tensor, dtype, wanted)

        changed: dict[str, Any] = {
            field.name: _mapped(getattr(op, field.name), seen) for field in fields(op) if field.name != "out"
        }
        return replace(op, **changed)


def _mapped(value: Any, seen: Callable[[Tensor], Tensor]) -> Any:
    """A field of an operation with its tensors replaced."""
    if isinstance(value, Tensor):
        return seen(value)
    if isinstance(value, list):
        return [_mapped(item, seen) for item in value]
    if isinstance(value, Combine):
        return replace(value, other=seen(value.other))
    return value


def integer_start(conv: QuantisedConv) -> tuple[Array, Array]:
    """Per output channel: the int32 that the sum starts at, and the float that one unit of the sum stands for."""
    quantisation = conv.x.quantisation
    assert quantisation is not None
    unit = conv.quantised.scale.astype(np.float64) * quantisation.scale
    total = conv.quantised.values.astype(np.int64).sum(axis=(1, 2, 3))
    start = np.rint(conv.bias / unit) - quantisation.zero_point * total
    return np.clip(start, -(2**31), 2**31 - 1).astype(np.int32), unit.astype(np.float32)
