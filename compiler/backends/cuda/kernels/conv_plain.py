"""Convolutions on the plain cores: dense ones in any format, and depthwise ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zcc.compiler.backends.cuda.kernels.conv_mma import Geometry, pack_rows, spread
from zcc.compiler.backends.cuda.kernels.formats import Map
from zcc.compiler.backends.cuda.kernels.kernel_source import Extent
from zcc.compiler.backends.cuda.kernels.quad_threads import QuadThreads
from zcc.compiler.backends.cuda.kernels.stages import Ending

SUMS = {"float32": "float", "float16": "float", "bfloat16": "float", "uint8": "int"}
STEP = 16  # words that a block takes up at a time


@dataclass(frozen=True)
class ConvPlain:
    """A dense convolution."""

    x: Map
    geometry: Geometry
    ending: Ending
    tile: tuple[int, int] = (64, 64)  # pixels and outputs; a thread computes 4 by 4

    title = "conv_plain"
    library = ("conv_plain.cuh",)
    shared_bytes = 0

    @property
    def y(self) -> Map:
        """What it makes."""
        return self.ending.y

    @property
    def depth(self) -> int:
        """Products of one output."""
        return self.geometry.window[0] * self.geometry.window[1] * self.x.channels

    @property
    def padded(self) -> tuple[int, int]:
        """Rows and columns of the weights."""
        step = STEP * (4 if self.x.dtype == "uint8" else 1)
        return -(-self.y.channels // self.tile[1]) * self.tile[1], -(-self.depth // step) * step

    @property
    def grid(self) -> Extent:
        """Blocks: along outputs and pixels."""
        return self.padded[0] // self.tile[1], -(-self.y.pixels // self.tile[0]), 1

    @property
    def block(self) -> Extent:
        """Threads."""
        return self.tile[0] * self.tile[1] // 16, 1, 1

    def pack_weight(self, weight: NDArray[Any], x_lanes: NDArray[Any], y_lanes: NDArray[Any]) -> NDArray[Any]:
        """Weights (O, I, KH, KW) as rows of outputs."""
        return pack_rows(weight, x_lanes, y_lanes, self.padded)

    def pack_vector(self, values: NDArray[Any], y_lanes: NDArray[Any]) -> NDArray[Any]:
        """A number for each row of the weights."""
        return spread(values, y_lanes, self.padded[0])

    def body(self, name: str) -> str:
        """The kernel: x, weights, bias, then the ending's parameters."""
        sizes = {**_sizes(self.x, self.y, self.geometry), "KP": self.padded[1], "BM": self.tile[0], "BN": self.tile[1]}
        sizes["FILL"] = sizes["FILL"] * 0x01010101 if self.x.dtype == "uint8" else 0
        return _kernel(name, self, sizes, self.x.format.type, "conv_plain")


@dataclass(frozen=True)
class Depthwise(QuadThreads):
    """A convolution of each channel by itself."""

    x: Map
    geometry: Geometry
    ending: Ending

    title = "depthwise"
    threads = 128
    library = ("conv_plain.cuh",)

    @property
    def y(self) -> Map:
        """What it makes."""
        return self.ending.y

    @property
    def weight_dtype(self) -> str:
        """Of its weights."""
        return "int8" if self.x.dtype == "uint8" else "float32"

    def pack_weight(self, weight: NDArray[Any], x_lanes: NDArray[Any], y_lanes: NDArray[Any]) -> NDArray[Any]:
        """Weights (C, 1, KH, KW) as [tap][lane]."""
        taps = weight.reshape(len(weight), -1).T
        return np.stack([spread(tap, y_lanes, self.y.channels) for tap in taps])

    def pack_vector(self, values: NDArray[Any], y_lanes: NDArray[Any]) -> NDArray[Any]:
        """A number for each lane."""
        return spread(values, y_lanes, self.y.channels)

    def body(self, name: str) -> str:
        """The kernel: x, weights, bias, then the ending's parameters."""
        weight = "signed char" if self.x.dtype == "uint8" else "float"
        return _kernel(name, self, _sizes(self.x, self.y, self.geometry), weight, "depthwise")


def _sizes(x: Map, y: Map, geometry: Geometry) -> dict[str, int]:
    (kh, kw), (sy, sx), (pt, pl), (dy, dx) = geometry.window, geometry.stride, geometry.padding, geometry.dilation
    return {
        **{"H": x.height, "W": x.width, "C": x.channels, "LDX": x.pitch, "HO": y.height, "WO": y.width},
        **{"KH": kh, "KW": kw, "SY": sy, "SX": sx, "PT": pt, "PL": pl, "DY": dy, "DX": dx, "N": y.channels},
        "FILL": x.quantisation.zero_point if x.quantisation else 0,
    }


def _kernel(name: str, spec: ConvPlain | Depthwise, sizes: dict[str, int], weight: str, function: str) -> str:
    kind, sums, ending = spec.x.format.type, SUMS[spec.x.dtype], spec.ending
    fill = sizes.pop("FILL")
    constants = ", ".join(f"{key} = {value}" for key, value in sizes.items())
    parameters = [f"const {kind}* x", f"const {weight}* w", f"const {sums}* bias", *ending.parameters]
    return f"""namespace {name}_parts {{
struct S {{
  typedef {kind} T; typedef {sums} Sum; typedef {weight} Weight;
  enum {{ {constants} }};
  static constexpr u32 FILL = {fill}u;
}};
{ending.source(sums)}
}}
extern "C" __global__ void __launch_bounds__({spec.block[0]}) {name}({", ".join(parameters)}) {{
  using namespace {name}_parts;
  {function}<S>(x, w, bias, Out{{{", ".join(ending.names)}}});
}}"""
