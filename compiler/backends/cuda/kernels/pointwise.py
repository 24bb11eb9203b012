"""Elementwise stages on a map, conversions, copies and enlargement: every pixel from one pixel."""

from __future__ import annotations

from dataclasses import dataclass

from zcc.compiler.backends.cuda.kernels.formats import Map
from zcc.compiler.backends.cuda.kernels.quad_threads import QuadThreads
from zcc.compiler.backends.cuda.kernels.stages import Ending, literal


@dataclass(frozen=True)
class PointwiseKernel(QuadThreads):
    """The kernel. Bytes that are only moved have no quantisation in either map."""

    x: Map
    ending: Ending
    factor: tuple[int, int] = (1, 1)

    title = "pointwise"
    library = ("pointwise.cuh",)

    @property
    def y(self) -> Map:
        """What it makes."""
        return self.ending.y

    def body(self, name: str) -> str:
        """The kernel: x, then the ending's parameters."""
        meaning = self.x.quantisation
        sizes = {"W": self.x.width, "C": self.y.channels, "LDX": self.x.pitch, "HO": self.y.height, "WO": self.y.width}
        sizes |= {"READ": self.x.channels}
        sizes |= {"FY": self.factor[0], "FX": self.factor[1], "DECODED": int(meaning is not None)}
        constants = ", ".join(f"{key} = {value}" for key, value in sizes.items())
        zero, scale = (meaning.zero_point, meaning.scale) if meaning else (0, 1)
        return f"""namespace {name}_parts {{
struct S {{
  typedef {self.x.format.type} T;
  enum {{ {constants} }};
  static __device__ float zero() {{ return {literal(zero)}; }}
  static __device__ float scale() {{ return {literal(scale)}; }}
}};
{self.ending.source()}
}}
extern "C" __global__ void {name}(const {self.x.format.type}* x, {", ".join(self.ending.parameters)}) {{
  using namespace {name}_parts;
  pointwise<S>(x, Out{{{", ".join(self.ending.names)}}});
}}"""
