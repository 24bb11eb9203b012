"""A convolution on tensor cores: geometry, tile and ending of what conv_mma.cuh computes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zcc.compiler.backends.cuda.kernels.formats import Map
from zcc.compiler.backends.cuda.kernels.kernel_source import Extent
from zcc.compiler.backends.cuda.kernels.stages import Ending

MULTIPLIED = {"float16": "fp16", "bfloat16": "bf16", "float32": "tf32", "uint8": "int8"}
SUMS = {"float16": "float", "bfloat16": "float", "float32": "float", "uint8": "int"}  # float32 is rounded to tf32


@dataclass(frozen=True)
class Tile:
    """What one block computes, and how."""

    pixels: int
    outputs: int
    row: int = 128  # bytes of the taps' channels that it takes up at a time: 64 or 128
    warps: tuple[int, int] = (2, 2)  # along pixels and outputs
    stages: int = 4
    split: int = 1  # blocks that share the taps' channels of one tile
    cached: bool = False  # whether the map is read through the cache next to the cores
    patch: bool = False  # whether what the taps read of the map lies in shared memory once, where that is possible
    # Whether it starts while those it waits for end: 1 lets others do so once it has its sums, 2 at once.
    early: int = 0

    @property
    def threads(self) -> int:
        """Threads of a block."""
        return 32 * self.warps[0] * self.warps[1]

    @property
    def shared_bytes(self) -> int:
        """Bytes of shared memory that a block's stages take."""
        return self.stages * (self.pixels + self.outputs) * self.row


@dataclass(frozen=True)
class Geometry:
    """Which pixels and taps a convolution reads."""

    window: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)  # top, left
    dilation: tuple[int, int] = (1, 1)


@dataclass(frozen=True)
class ConvMma:
    """The kernel."""

    x: Map
    geometry: Geometry
    ending: Ending
    tile: Tile
    clustered: bool  # whether the blocks of a split are a cluster; otherwise they meet in memory

    library = ("mma.cuh", "patch.cuh", "conv_mma.cuh")

    @property
    def title(self) -> str:
        """What tensor cores multiply, which profiles hold it against."""
        return f"{MULTIPLIED[self.x.dtype]}_conv"

    @property
    def y(self) -> Map:
        """What it makes."""
        return self.ending.y

    @property
    def early(self) -> bool:
        """Whether it starts while those it waits for end."""
        return self.tile.early > 0

    @property
    def depth(self) -> int:
        """Products of one output."""
        return self.geometry.window[0] * self.geometry.window[1] * self.x.channels

    @property
    def step(self) -> int:
        """Products that a block takes up at a time."""
        return self.tile.row // self.x.format.bytes

    @property
    def padded(self) -> tuple[int, int]:
        """Rows and columns of the weights."""
        return _up(self.y.channels, self.tile.outputs), _up(self.depth, self.step)

    @property
    def grid(self) -> Extent:
        """Blocks: along outputs, pixels and the split."""
        outputs, tile = self.padded[0] // self.tile.outputs, self.tile
        pixels = -(-self.y.pixels // tile.pixels)
        if self.across:
            pixels = self.y.width // self.across * -(-self.y.height // (tile.pixels // self.across))
        return outputs, pixels, tile.split

    @property
    def across(self) -> int:
        """The width of the rectangle of pixels that a block with a patch computes; 0 where it has none."""
        width = next((width for width in _widths(self.tile.pixels, self.y) if self.y.width % width == 0), 0)
        return width if self.tile.patch and self.geometry.window != (1, 1) else 0

    @property
    def patch_bytes(self) -> int:
        """What the taps of a block's pixels read of the map."""
        if not self.across:
            return 0
        rectangle = self.tile.pixels // self.across, self.across
        window, stride, dilation = self.geometry.window, self.geometry.stride, self.geometry.dilation
        down, across = (
            (pixels - 1) * step + (taps - 1) * apart + 1
            for pixels, step, taps, apart in zip(rectangle, stride, window, dilation, strict=True)
        )
        return _up(down * across * self.x.channels * self.x.format.bytes, 128)

    @property
    def block(self) -> Extent:
        """Threads."""
        return self.tile.threads, 1, 1

    @property
    def shared_bytes(self) -> int:
        """The stages of both tiles, or the patch and the stages of the weights."""
        if not self.across:
            return self.tile.shared_bytes
        return self.patch_bytes + self.tile.stages * self.tile.outputs * self.tile.row

    def within(self, shared_bytes: int) -> ConvMma:
        """The kernel, without its patch where a block cannot have so much memory, or needs more for a split."""
        sums = 4 * self.tile.pixels * self.tile.outputs if self.tile.split > 1 else 0
        if sums <= self.shared_bytes <= shared_bytes:
            return self
        return replace(self, tile=replace(self.tile, patch=False))

    @property
    def meets_in_memory(self) -> bool:
        """Whether it needs room for the sums of a split, and counters."""
        return self.tile.split > 1 and not self.clustered

    @property
    def partial_bytes(self) -> int:
        """Room for the sums of all blocks."""
        outputs, pixels, split = self.grid
        return outputs * pixels * split * self.tile.pixels * self.tile.outputs * 4

    @property
    def counters(self) -> int:
        """One a tile, zero before and after."""
        return self.grid[0] * self.grid[1]

    @property
    def flops(self) -> int:
        """Multiplications and additions."""
        return 2 * self.depth * self.y.pixels * self.y.channels

    def pack_weight(self, weight: NDArray[Any], x_lanes: NDArray[Any], y_lanes: NDArray[Any]) -> NDArray[Any]:
        """Weights (O, I, KH, KW) as rows of outputs."""
        return pack_rows(weight, x_lanes, y_lanes, self.padded)

    def pack_vector(self, values: NDArray[Any], y_lanes: NDArray[Any]) -> NDArray[Any]:
        """A number for each row of the weights."""
        return spread(values, y_lanes, self.padded[0])

    @property
    def parameters(self) -> list[str]:
        """C declarations, in order."""
        kind, sums = self.x.format.type, SUMS[self.x.dtype]
        met = ["uint4* partial", "u32* arrived"] if self.meets_in_memory else []
        return [f"const {kind}* x", f"const {kind}* w", f"const {sums}* bias", *met, *self.ending.parameters]

    def body(self, name: str) -> str:
        """The geometry as constants, the ending, and the kernel."""
        tile, split = self.tile, self.tile.split > 1
        met = "partial, arrived" if self.meets_in_memory else "0, 0"
        cluster = f"__cluster_dims__(1, 1, {tile.split}) " if split and self.clustered else ""
        sums = SUMS[self.x.dtype]
        return f"""namespace {name}_parts {{
struct S {{
  typedef {self.x.format.type} T; typedef {sums} Sum;
  enum {{ {self._constants()} }};
}};
{self.ending.source(sums)}
}}
extern "C" __global__ void {cluster}__launch_bounds__({tile.threads}) {name}({", ".join(self.parameters)}) {{
  using namespace {name}_parts;
  conv_mma<S>(x, w, bias, {met}, Out{{{", ".join(self.ending.names)}}});
}}"""

    def _constants(self) -> str:
        geometry, tile, fill = self.geometry, self.tile, self.x.quantisation
        (kh, kw), (sy, sx), (pt, pl), (dy, dx) = (
            geometry.window,
            geometry.stride,
            geometry.padding,
            geometry.dilation,
        )
        values = {
            **{"H": self.x.height, "W": self.x.width, "C": self.x.channels, "LDX": self.x.pitch},
            **{"KH": kh, "KW": kw, "SY": sy, "SX": sx, "PT": pt, "PL": pl, "DY": dy, "DX": dx},
            **{"HO": self.y.height, "WO": self.y.width, "N": self.y.channels, "KP": self.padded[1]},
            **{"BM": tile.pixels, "BN": tile.outputs, "BK": self.step, "WM": tile.warps[0], "WN": tile.warps[1]},
            **{"STAGES": tile.stages, "SPLIT": tile.split, "CLUSTER": int(self.clustered), "EARLY": tile.early},
            **{"FILL": fill.zero_point if fill else 0, "CACHED": int(tile.cached), "PATCH": self.across},
        }
        return ", ".join(f"{key} = {value}" for key, value in values.items())


def pack_rows(
    weight: NDArray[Any], x_lanes: NDArray[Any], y_lanes: NDArray[Any], shape: tuple[int, int]
) -> NDArray[Any]:
    """Weights (O, I, KH, KW) as a row for each output lane, tap after tap; lanes say which channel lies where."""
    outputs, _, *window = weight.shape
    wide = np.zeros((outputs, *window, len(x_lanes)), weight.dtype)
    wide[..., x_lanes >= 0] = weight.transpose(0, 2, 3, 1)[..., x_lanes[x_lanes >= 0]]
    packed = np.zeros(shape, weight.dtype)
    rows, flat = np.flatnonzero(y_lanes >= 0), wide.reshape(outputs, -1)
    packed[rows, : flat.shape[1]] = flat[y_lanes[rows]]
    return packed


def spread(values: NDArray[Any], lanes: NDArray[Any], size: int) -> NDArray[Any]:
    """Values by channel as values by lane, 0 where no channel lies."""
    packed = np.zeros(size, values.dtype)
    used = np.flatnonzero(lanes >= 0)
    packed[used] = values[lanes[used]]
    return packed


def _up(value: int, step: int) -> int:
    return -(-value // step) * step


def _widths(pixels: int, y: Map) -> Iterator[int]:
    """Widths of rectangles of so many pixels, the likeliest first: the squarer, the less its taps read."""
    usual = (16, 8) if pixels >= 128 else (8,)
    yield from (width for width in (*usual, y.width) if pixels % width == 0)
