"""Where each channel of a feature map lies among the lanes of its blocks.

A map is stored as blocks of `block` lanes. Its channels are cut into segments that each start on a block of their own,
so that a slice or a concat at a cut moves no data. Lanes that no channel fills are holes: convolutions that read them
have zero weights there, so their content never matters.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np

from zcc.compiler.ir.heads.decoding import HeadDecode
from zcc.compiler.ir.ops import (
    Attention,
    Concat,
    Conv,
    Convert,
    Copy,
    DepthToSpace,
    GlobalMean,
    MaxPool,
    Network,
    Op,
    Pointwise,
    Resize,
    Slice,
)
from zcc.compiler.ir.plain_ops import Alias, Generic, Lowered, SampledMean, Softmax
from zcc.compiler.ir.tensors import Array, Combine, Tensor


@dataclass(frozen=True)
class Channels:
    """The segments of a map's channels, and the lanes of a block."""

    segments: tuple[int, ...]
    block: int

    @property
    def blocks(self) -> int:
        """How many blocks the map takes."""
        return sum(-(-segment // self.block) for segment in self.segments)

    def lanes(self) -> Array:
        """For each physical lane the channel it holds, -1 in a hole."""
        lanes = np.full(self.blocks * self.block, -1)
        channel = lane = 0
        for segment in self.segments:
            lanes[lane : lane + segment] = np.arange(channel, channel + segment)
            channel += segment
            lane += -(-segment // self.block) * self.block
        return lanes

    def within(self, channels: int) -> tuple[int, ...]:
        """The segments of the first `channels` channels, at whose end one of them ends."""
        ends = list(accumulate(self.segments))
        return self.segments[: ends.index(channels) + 1]

    def block_of(self, channel: int) -> int:
        """The block at which the segment that begins at `channel` starts."""
        start = blocks = 0
        for segment in self.segments:
            if start == channel:
                return blocks
            start += segment
            blocks += -(-segment // self.block)
        if start == channel:
            return blocks
        raise ValueError(f"no segment of {self.segments} begins at channel {channel}")


def choose_channels(network: Network, block: int) -> dict[Tensor, Channels]:
    """The channel layout of every feature map that the packed kernels touch.

    Cuts spread along the operations until none is missing: a slice cuts the map it takes from, a concat cuts where its
    parts meet, and operations that keep channels share the cuts of what they read and make.
    """
    cuts: dict[Tensor, set[int]] = {}
    for op in network.ops:
        for tensor in _maps(op):
            cuts.setdefault(tensor, {0, tensor.shape[1]})
    while any(_spread(op, cuts) for op in network.ops):
        pass
    return {tensor: Channels(_segments(points), block) for tensor, points in cuts.items()}


def _segments(points: set[int]) -> tuple[int, ...]:
    ordered = sorted(points)
    return tuple(end - begin for begin, end in pairwise(ordered))


def _maps(op: Op) -> list[Tensor]:
    """The tensors that must have a channel layout for `op`."""
    if isinstance(op, HeadDecode):
        return op.inputs
    plain = isinstance(op, Generic | Lowered | SampledMean | Softmax | Alias | Copy)
    return [] if plain else [*op.inputs, op.out]


def _spread(op: Op, cuts: dict[Tensor, set[int]]) -> bool:
    """Carry the cuts over one operation; whether any was new."""
    if isinstance(op, Concat):
        begin, changed = 0, False
        for part in op.parts:
            changed |= _share(cuts, part, op.out, begin)
            begin += part.shape[1]
        return changed
    if isinstance(op, Slice):
        return _share(cuts, op.out, op.x, op.begin)
    if isinstance(op, Convert | GlobalMean | MaxPool | Resize):
        return _share(cuts, op.x, op.out, 0)
    if isinstance(op, Conv | Pointwise):
        same = [stage.other for stage in op.stages if isinstance(stage, Combine)]
        if isinstance(op, Pointwise) or op.depthwise:
            same.append(op.x)
        return any(_share(cuts, tensor, op.out, 0) for tensor in same)
    if isinstance(op, Attention):
        heads = op.heads
        return _repeat(cuts, {op.query: heads, op.key: heads}) | _repeat(cuts, {op.value: heads, op.out: heads})
    if isinstance(op, DepthToSpace):
        return _repeat(cuts, {op.x: op.factor[0] * op.factor[1], op.out: 1})
    return False


def _share(cuts: dict[Tensor, set[int]], part: Tensor, whole: Tensor, begin: int) -> bool:
    """`part` lies in `whole` from channel `begin` on: both get the cuts that fall into the part."""
    end = begin + part.shape[1]
    inside = {point - begin for point in cuts[whole] if begin <= point <= end}
    union = cuts[part] | inside
    lifted = cuts[whole] | {point + begin for point in union}
    changed = union != cuts[part] or lifted != cuts[whole]
    cuts[part], cuts[whole] = union, lifted
    return changed


def _repeat(cuts: dict[Tensor, set[int]], groups: dict[Tensor, int]) -> bool:
    """All groups of as many channels, of which each tensor has some, are cut where any of them is."""
    within: set[int] = set()
    for tensor, count in groups.items():
        within |= {point % (tensor.shape[1] // count) for point in cuts[tensor]}
    changed = False
    for tensor, count in groups.items():
        size = tensor.shape[1] // count
        union = {group * size + point for group in range(count) for point in within} | {tensor.shape[1]}
        changed |= union != cuts[tensor]
        cuts[tensor] = union
    return changed
