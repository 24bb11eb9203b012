"""Where every tensor lies: maps in blocks of lanes, with the border that their readers need.

A concat is no operation: its parts are made in their places inside it. A slice is no operation either: it is a window
on the map it takes from. What cannot be arranged so is copied, and only that.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import prod

import numpy as np

from zcc.compiler.backends.common.channels import Channels, choose_channels
from zcc.compiler.backends.cpu.kernels.generic import is_elementwise
from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.ir.heads.decoding import HeadDecode
from zcc.compiler.ir.needed_ops import ops_for
from zcc.compiler.ir.ops import Concat, Conv, Copy, MaxPool, Network, Op, Slice
from zcc.compiler.ir.plain_ops import Alias, Lowered, SampledMean, Softmax
from zcc.compiler.ir.tensors import Tensor


@dataclass(eq=False)
class Storage:
    """Memory for one map and all that lies inside it, or for one plain tensor."""

    blocks: int
    height: int
    width: int
    lanes: int
    dtype: str
    halo: int = 0  # width of the border that readers may reach into
    zero: int = 0  # what stands for 0.0 there

    @property
    def pitch(self) -> int:
        """Elements from one row to the next."""
        return (self.width + 2 * self.halo) * self.lanes

    @property
    def plane(self) -> int:
        """Elements from one block to the next."""
        return (self.height + 2 * self.halo) * self.pitch

    @property
    def bytes(self) -> int:
        """Size in memory, border included."""
        return self.blocks * self.plane * np.dtype(self.dtype).itemsize


@dataclass(frozen=True)
class View:
    """Some blocks of a storage."""

    storage: Storage
    block: int
    blocks: int

    def slab(self) -> Slab:
        """The blocks without their border, as kernels see them."""
        storage = self.storage
        return Slab(
            self.blocks, storage.height, storage.width, storage.lanes, storage.pitch, storage.plane, storage.dtype
        )

    def offset(self, top: int = 0, left: int = 0) -> int:
        """Bytes from the storage's start to the first pixel, `top` rows and `left` columns into the border."""
        storage = self.storage
        row, column = storage.halo - top, storage.halo - left
        elements = self.block * storage.plane + row * storage.pitch + column * storage.lanes
        return elements * np.dtype(storage.dtype).itemsize

    def window(self, block: int, blocks: int) -> View:
        """Some of these blocks."""
        return View(self.storage, self.block + block, blocks)


VIEWS = (Concat, Slice, Alias)


@dataclass
class Placement:
    """The operations, and where their tensors lie; those of VIEWS need no computing any more."""

    ops: list[Op]
    body: int  # so many of the operations make the maps that a raw head is read from; the others decode them
    image: Tensor
    output: Tensor
    maps: list[Tensor]
    prototypes: Tensor | None
    channels: dict[Tensor, Channels]
    views: dict[Tensor, View] = field(default_factory=dict)

    @property
    def beside(self) -> list[Tensor]:
        """What is read beside the head."""
        return [] if self.prototypes is None else [self.prototypes]


def unplaced(network: Network, block: int) -> Placement:
    """The network with the channels of its maps in blocks, and no place for any tensor yet."""
    channels = choose_channels(network, block)
    # Planes of floats, or pixels of four shorter numbers.
    channels[network.image] = Channels((network.image.shape[1],), 1 if network.image.dtype == "float32" else 4)
    return Placement(
        network.ops, len(network.ops), network.image, network.output, network.maps, network.prototypes, channels
    )


def separate_layouts(network: Network) -> Network:
    """Copies wherever a packed map meets an operation on plain tensors, or the other way round."""
    packed: set[Tensor] = set()
    copies: dict[Tensor, Tensor] = {}
    ops: list[Op] = []

    def converted(tensor: Tensor) -> Tensor:
        if tensor not in copies:
            copies[tensor] = Tensor(f"{tensor.name}_copy", tensor.shape, tensor.dtype)
            ops.append(Copy(copies[tensor], tensor))
        return copies[tensor]

    for op in network.ops:
        if isinstance(op, Lowered | SampledMean | Softmax | Alias):
            lies_anyhow = isinstance(op, Lowered) and is_elementwise(op.function)
            for tensor in op.inputs:
                if (tensor in packed and not lies_anyhow) or tensor is network.image:
                    op.replace(tensor, converted(tensor))
        elif not isinstance(op, HeadDecode):
            packed.update(op.outputs)
            # The image is the one plain tensor that convolutions read as it is.
            if isinstance(op, Conv) and op.x not in packed and op.x is not network.image:
                op.x = converted(op.x)
                packed.add(op.x)
        ops.append(op)
    output = converted(network.output) if network.output in packed else network.output
    return replace(network, ops=ops, output=output)


def place_inside_concats(placement: Placement) -> None:
    """Let the parts of each concat be made where the concat wants them."""
    makers = {tensor: op for op in placement.ops for tensor in op.outputs}
    reversed_ops: list[Op] = []
    for op in reversed(placement.ops):
        reversed_ops.append(op)
        if isinstance(op, Concat):
            reversed_ops.extend(_place_parts(placement, op, _view_of(placement, op.out), makers))
    placement.ops = reversed_ops[::-1]


def _place_parts(placement: Placement, concat: Concat, whole: View, makers: dict[Tensor, Op]) -> list[Op]:
    """Place each part in its window; those that already lie elsewhere are copied there."""
    copies: list[Op] = []
    begin = 0
    for index, part in enumerate(list(concat.parts)):
        window = whole.window(begin, placement.channels[part].blocks)
        begin += window.blocks
        if _try_place(placement, concat, index, window, makers):
            continue
        copy = Tensor(f"{part.name}_in_{concat.out.name}", part.shape, part.dtype)
        placement.channels[copy] = placement.channels[part]
        placement.views[copy] = window
        copies.append(Copy(copy, part))
        concat.parts[index] = copy
    return copies


def _try_place(placement: Placement, concat: Concat, index: int, window: View, makers: dict[Tensor, Op]) -> bool:
    """Whether the part lies, or now will be made, in its window."""
    part = concat.parts[index]
    if part is placement.image:
        return False
    maker = makers[part]
    if isinstance(maker, Slice) and part not in placement.views:
        return _try_place_source(placement, concat, index, window, makers)
    if part in placement.views:
        return placement.views[part] == window
    placement.views[part] = window
    return True


def _try_place_source(placement: Placement, concat: Concat, index: int, window: View, makers: dict[Tensor, Op]) -> bool:
    """Place the map that a slice takes from, when the concat holds all of it, slice after slice."""
    part = concat.parts[index]
    cut = makers[part]
    assert isinstance(cut, Slice)
    source = placement.channels[cut.x]
    begin = window.block - source.block_of(cut.begin)
    wanted = View(window.storage, begin, source.blocks)
    if cut.x in placement.views:
        return placement.views[cut.x] == wanted
    covered, channel = 0, cut.begin
    # The slices of one map stand side by side, from its first channel to its last.
    first = index
    while first > 0 and (left := _slice_of(makers, concat.parts[first - 1], cut.x)) is not None:
        if left.begin + left.out.shape[1] != channel:
            break
        first, channel = first - 1, left.begin
    if channel != 0:
        return False
    for later in concat.parts[first:]:
        right = _slice_of(makers, later, cut.x)
        if right is None or right.begin != covered:
            break
        covered += right.out.shape[1]
    if covered != cut.x.shape[1] or cut.x is placement.image or isinstance(makers[cut.x], Slice):
        return False
    placement.views[cut.x] = wanted
    return True


def _slice_of(makers: dict[Tensor, Op], part: Tensor, source: Tensor) -> Slice | None:
    maker = makers.get(part)
    return maker if isinstance(maker, Slice) and maker.x is source else None


def place_rest(placement: Placement) -> None:
    """Windows for the slices, storages of their own for all others."""
    _view_of(placement, placement.image)
    for op in placement.ops:
        if isinstance(op, Slice):
            source, kept = placement.channels[op.x], placement.channels[op.out]
            window = _view_of(placement, op.x).window(source.block_of(op.begin), kept.blocks)
            placement.views[op.out] = window
        elif isinstance(op, Alias):
            placement.views[op.out] = _view_of(placement, op.x)
        else:
            for tensor in op.outputs:
                _view_of(placement, tensor)


def _view_of(placement: Placement, tensor: Tensor) -> View:
    """The view of a tensor, with a storage of its own when it has none yet."""
    if tensor not in placement.views:
        channels = placement.channels.get(tensor)
        if channels is None:
            storage = Storage(1, 1, prod(tensor.shape), 1, tensor.dtype)
        else:
            zero = tensor.quantisation.zero_point if tensor.quantisation else 0
            size = (tensor.shape[2], tensor.shape[3])
            storage = Storage(channels.blocks, *size, channels.block, tensor.dtype, zero=zero)
        placement.views[tensor] = View(storage, 0, storage.blocks)
    return placement.views[tensor]


def grow_halos(placement: Placement) -> None:
    """A border wide enough for everything that reads beyond the map's edge."""
    for op in placement.ops:
        if isinstance(op, Conv | MaxPool):
            storage = placement.views[op.x].storage
            storage.halo = max(storage.halo, *(op.border if isinstance(op, MaxPool) else reach(op)))


def make_maps_first(placement: Placement) -> None:
    """What the maps of a head depend on, then what decodes them; without maps nothing is left for then."""
    needed = ops_for([*(placement.maps or [placement.output]), *placement.beside], placement.ops)
    rest = [op for op in placement.ops if op not in needed]
    placement.ops, placement.body = [*needed, *rest], len(needed)


def reach(conv: Conv) -> tuple[int, int, int, int]:
    """How far the convolution reads beyond each edge of its map: top, left, bottom, right."""
    _, _, height, width = conv.x.shape
    _, _, out_height, out_width = conv.out.shape
    top, left = conv.padding[:2]
    spans = [(size - 1) * dilation + 1 for size, dilation in zip(conv.weight.shape[2:], conv.dilation, strict=True)]
    bottom = (out_height - 1) * conv.stride[0] + spans[0] - top - height
    right = (out_width - 1) * conv.stride[1] + spans[1] - left - width
    return top, left, max(bottom, 0), max(right, 0)
