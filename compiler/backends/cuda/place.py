"""Where every map of a network lies: NHWC, a window on the channels of a storage.

A concat is no launch: its parts are made in their windows. A slice is none either: it is a window on the map it takes
from. What cannot be arranged so is copied, and only that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from zcc.compiler.backends.common.channels import Channels, choose_channels
from zcc.compiler.backends.cuda.kernels.formats import FORMATS, Map
from zcc.compiler.backends.cuda.plain_operations import PLAIN
from zcc.compiler.ir.ops import Concat, Copy, Network, Op, Slice
from zcc.compiler.ir.plain_ops import Alias
from zcc.compiler.ir.tensors import Tensor

PIXEL = 8  # bytes of an image's pixel, at least


@dataclass(eq=False)
class Storage:
    """Memory for one map and all that lie inside it, or for the bytes of a plain tensor."""

    height: int
    width: int
    channels: int
    dtype: str

    @property
    def pixel(self) -> int:
        """Bytes from one pixel to the next."""
        return self.channels * FORMATS[self.dtype].bytes

    @property
    def bytes(self) -> int:
        """Bytes of all pixels."""
        return self.height * self.width * self.pixel


@dataclass(frozen=True)
class View:
    """Some channels of every pixel of a storage."""

    storage: Storage
    begin: int
    channels: int

    @property
    def offset(self) -> int:
        """Bytes before its first element."""
        return self.begin * FORMATS[self.storage.dtype].bytes

    @property
    def width(self) -> int:
        """Bytes of a pixel's channels."""
        return self.channels * FORMATS[self.storage.dtype].bytes

    def meets(self, other: View) -> bool:
        """Whether they have a channel in common."""
        apart = self.begin + self.channels <= other.begin or other.begin + other.channels <= self.begin
        return self.storage is other.storage and not apart

    def window(self, begin: int, channels: int) -> View:
        """Some of these channels."""
        return View(self.storage, self.begin + begin, channels)


@dataclass
class Placement:
    """The operations that are left to launch, and where their maps lie."""

    network: Network
    ops: list[Op]
    channels: dict[Tensor, Channels]
    views: dict[Tensor, View]

    def lanes(self, tensor: Tensor) -> NDArray[np.int64]:
        """For each lane of the map the channel it holds, -1 in a hole."""
        return self.channels[tensor].lanes()

    def map(self, tensor: Tensor) -> Map:
        """The map as kernels see it."""
        view = self.views[tensor]
        storage = view.storage
        meaning = tensor.quantisation if storage.dtype == "uint8" else None
        return Map(storage.height, storage.width, view.channels, storage.channels, storage.dtype, meaning)


def place(network: Network, stored: Mapping[str, str]) -> Placement:
    """Give every map its place. `stored` says for each dtype of the network the one that memory holds it in."""
    on_maps = [op for op in network.ops if not isinstance(op, (*PLAIN, Copy))]
    dtypes = {tensor.dtype for op in on_maps for tensor in (*op.inputs, *op.outputs)}
    block = max(FORMATS[stored[dtype]].block for dtype in dtypes)
    placer = _Placer(network, block, stored)
    placer.place_concats()
    placer.place_rest()
    ops = [op for op in placer.ops if not isinstance(op, Concat | Slice | Alias)]
    return Placement(network, ops, placer.channels, placer.views)


class _Placer:
    def __init__(self, network: Network, block: int, stored: Mapping[str, str]) -> None:
        self.network, self.stored = network, stored
        self.ops = list(network.ops)
        self.makers = network.makers()
        self.channels = choose_channels(network, block)
        self.views: dict[Tensor, View] = {}
        image = network.image
        pixel = PIXEL // FORMATS[stored[image.dtype]].bytes
        self.channels[image] = Channels((image.shape[1],), max(pixel, image.shape[1] + image.shape[1] % 2))

    def place_concats(self) -> None:
        """From the last concat to the first, so that one inside another is made there."""
        behind: list[Op] = []
        for op in reversed(self.ops):
            behind.append(op)
            if isinstance(op, Concat):
                behind.extend(self.place_parts(op))
        self.ops = behind[::-1]

    def place_parts(self, concat: Concat) -> list[Op]:
        """Give each part its window; those that cannot lie there are copied."""
        windows = self.windows(concat)
        copies: list[Op] = []
        for part, window in zip(concat.parts, windows, strict=True):
            if self.try_place(part, window, concat, windows):
                continue
            copy = Tensor(f"{part.name}_in_{concat.out.name}", part.shape, part.dtype, part.quantisation)
            self.channels[copy], self.views[copy] = self.channels[part], window
            copies.append(Copy(copy, part))
        return copies

    def windows(self, concat: Concat) -> list[View]:
        """The windows of a concat's parts."""
        whole, begin, windows = self.view(concat.out), 0, []
        for part in concat.parts:
            windows.append(whole.window(begin, self.lanes(part)))
            begin += self.lanes(part)
        return windows

    def try_place(self, part: Tensor, window: View, concat: Concat, windows: list[View]) -> bool:
        """Whether the part lies, or from now on will be made, in its window."""
        if part is self.network.image or part in self.network.results:
            return False
        if part in self.views:
            return self.views[part] == window
        maker = self.makers[part]
        if not isinstance(maker, Slice):
            self.views[part] = window
            return True
        source, begin = maker.x, window.begin - self.first_lane(maker)
        wanted = View(window.storage, begin, self.lanes(source))
        if source in self.views:
            return self.views[source] == wanted
        fixed = source is self.network.image or source in self.network.results or isinstance(self.makers[source], Slice)
        if fixed or not self.covers(concat, windows, source, wanted):
            return False
        self.views[source] = wanted
        return True

    def covers(self, concat: Concat, windows: list[View], source: Tensor, wanted: View) -> bool:
        """Whether slices of the source, each in its place, make up all that it would take in the concat."""
        inside = [(part, view) for part, view in zip(concat.parts, windows, strict=True) if view.meets(wanted)]
        for part, view in inside:
            maker = self.makers.get(part)
            if not isinstance(maker, Slice) or maker.x is not source:
                return False
            if view.begin != wanted.begin + self.first_lane(maker):
                return False
        return sum(view.channels for _, view in inside) == wanted.channels

    def place_rest(self) -> None:
        """Windows for slices, storages of their own for all others."""
        self.view(self.network.image)
        for op in self.ops:
            if isinstance(op, Slice):
                self.views[op.out] = self.view(op.x).window(self.first_lane(op), self.lanes(op.out))
            if isinstance(op, Alias):
                self.views[op.out] = self.view(op.x)
            for tensor in op.outputs:
                self.view(tensor)

    def lanes(self, tensor: Tensor) -> int:
        """How many the map takes."""
        return self.channels[tensor].blocks * self.channels[tensor].block

    def first_lane(self, cut: Slice) -> int:
        """The lane of the source at which the slice begins."""
        source = self.channels[cut.x]
        return source.block_of(cut.begin) * source.block

    def view(self, tensor: Tensor) -> View:
        """Where a map lies: in a storage of its own, when it has no place yet."""
        if tensor not in self.views:
            storage = self.storage(tensor)
            self.views[tensor] = View(storage, 0, storage.channels)
        return self.views[tensor]

    def storage(self, tensor: Tensor) -> Storage:
        """Memory for a map or a plain tensor."""
        if tensor not in self.channels:
            return Storage(1, 1, prod(tensor.shape) * np.dtype(tensor.dtype).itemsize, "uint8")
        height, width = tensor.shape[2:]
        return Storage(height, width, self.lanes(tensor), self.stored[tensor.dtype])
