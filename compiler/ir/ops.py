"""The operations of a network, and the tensors between them.

They work on feature maps (1, C, H, W), which are kept channel-packed; those on other tensors are in plain_ops.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from zcc.compiler.ir.quantisation import QuantisedWeight
from zcc.compiler.ir.tensors import (
    Array,
    Stage,
    Tensor,
    stage_tensors,
)


@dataclass(eq=False)
class Op:
    """One operation; `out` is the tensor it makes."""

    out: Tensor

    @property
    def inputs(self) -> list[Tensor]:
        """The tensors it reads."""
        raise TypeError(f"{type(self).__name__} does not say what it reads")

    @property
    def outputs(self) -> list[Tensor]:
        """The tensors it makes."""
        return [self.out]

    @property
    def flops(self) -> int:
        """Multiplications and additions that its result needs, where they are worth counting."""
        return 0


@dataclass(eq=False)
class Conv(Op):
    """A convolution, its bias, and the elementwise stages written by the same tile."""

    x: Tensor
    weight: Array  # (O, I / groups, KH, KW)
    bias: Array  # (O,)
    stride: tuple[int, int]
    padding: tuple[int, int, int, int]  # top, left, bottom, right
    dilation: tuple[int, int]
    groups: int
    stages: list[Stage] = field(default_factory=list)

    @property
    def inputs(self) -> list[Tensor]:
        return [self.x, *stage_tensors(self.stages)]

    @property
    def depthwise(self) -> bool:
        """One input channel and one output channel per group."""
        return self.groups == self.x.shape[1] == self.out.shape[1] and self.groups > 1

    @property
    def flops(self) -> int:
        _, _, height, width = self.out.shape
        return 2 * self.weight.size * height * width


@dataclass(eq=False)
class QuantisedConv(Conv):
    """A convolution of bytes with bytes, summed in integers."""

    quantised: QuantisedWeight = field(kw_only=True)


@dataclass(eq=False)
class Bf16Convolution(Conv):
    """A convolution of bfloat16 numbers, summed in float32."""


@dataclass(eq=False)
class OfOne(Op):
    """An operation on one feature map."""

    x: Tensor

    @property
    def inputs(self) -> list[Tensor]:
        return [self.x]


@dataclass(eq=False)
class Convert(OfOne):
    """The same values in another number format."""


@dataclass(eq=False)
class MaxPool(OfOne):
    """Max pooling; what lies beyond the edge never counts."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]  # top, left
    border: tuple[int, int, int, int] = (0, 0, 0, 0)  # zeros around the map that do count: top, left, bottom, right


@dataclass(eq=False)
class Resize(OfOne):
    """Nearest-neighbour enlargement by whole factors."""

    factor: tuple[int, int]


@dataclass(eq=False)
class Concat(Op):
    """Feature maps one after another along the channels."""

    parts: list[Tensor]

    @property
    def inputs(self) -> list[Tensor]:
        return list(self.parts)


@dataclass(eq=False)
class Slice(OfOne):
    """The channels [begin, begin + C) of a feature map."""

    begin: int


@dataclass(eq=False)
class GlobalMean(OfOne):
    """The mean of each channel over all pixels, as a map of one pixel."""


@dataclass(eq=False)
class DepthToSpace(OfOne):
    """Groups of channels become the pixels between: group (i, j) those in row i and column j of every cell."""

    factor: tuple[int, int]


@dataclass(eq=False)
class Shuffle(OfOne):
    """The channels of a feature map in another order."""

    order: Array  # for each channel of `out` the channel of `x` that it is


@dataclass(eq=False)
class Attention(Op):
    """Every pixel becomes a mean of its area's values, weighted by softmax(scale * query . key), head by head.

    The heads of each operand stand one after another along its channels. Areas are equal parts of the map's rows.
    """

    query: Tensor
    key: Tensor
    value: Tensor
    heads: int
    areas: int
    scale: float

    @property
    def inputs(self) -> list[Tensor]:
        return [self.query, self.key, self.value]

    @property
    def flops(self) -> int:
        _, keys, height, width = self.key.shape
        return 2 * (height * width) ** 2 // self.areas * (keys + self.value.shape[1])


@dataclass(eq=False)
class Pointwise(Op):
    """A chain of elementwise stages."""

    x: Tensor
    stages: list[Stage]

    @property
    def inputs(self) -> list[Tensor]:
        return [self.x, *stage_tensors(self.stages)]


@dataclass(eq=False)
class Copy(OfOne):
    """The same values somewhere else, or in another layout."""


@dataclass
class Network:
    """A detector's network: from one image tensor to its decoded output.

    `maps` are the feature maps from which the output is decoded, where the head is one whose decoding the
    postprocess kernel does itself; empty elsewhere.
    """

    image: Tensor
    ops: list[Op]
    output: Tensor
    maps: list[Tensor] = field(default_factory=list)
    prototypes: Tensor | None = None  # the maps that masks are sums of

    @property
    def results(self) -> list[Tensor]:
        """The tensors that must be made."""
        return [self.output, *self.maps, *self._beside]

    @property
    def read(self) -> list[Tensor]:
        """The tensors that detections are read from: the maps, or the output where there are none."""
        return [*(self.maps or [self.output]), *self._beside]

    @property
    def _beside(self) -> list[Tensor]:
        return [] if self.prototypes is None else [self.prototypes]

    def users(self) -> dict[Tensor, list[Op]]:
        """The operations that read each tensor."""
        users: dict[Tensor, list[Op]] = {}
        for op in self.ops:
            for tensor in dict.fromkeys(op.inputs):
                users.setdefault(tensor, []).append(op)
        return users

    def makers(self) -> dict[Tensor, Op]:
        """The operation that makes each tensor."""
        return {tensor: op for op in self.ops for tensor in op.outputs}
