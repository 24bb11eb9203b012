"""Attention over the pixels of a map, head by head."""

from __future__ import annotations

from dataclasses import dataclass

from zcc.compiler.backends.cuda.kernels.formats import Map
from zcc.compiler.backends.cuda.kernels.kernel_source import Extent
from zcc.compiler.backends.cuda.kernels.stages import literal

STATIC_SHARED = 48 << 10  # bytes that every card gives a block without being asked


@dataclass(frozen=True)
class AttentionKernel:
    """The kernel; every head has as many lanes as the others."""

    query: Map
    key: Map
    value: Map
    y: Map
    heads: int
    scale: float
    areas: int = 1  # equal parts of the rows, each by itself

    title = "attention"
    library = ("attention.cuh",)
    shared_bytes = 0

    @property
    def keys(self) -> int:
        """Pixels that a query sees."""
        return self.key.pixels // self.areas

    @property
    def warps(self) -> int:
        """Queries that a block works on."""
        each = 4 * (self.query.channels // self.heads + self.keys)
        return max(1, min(4, STATIC_SHARED // each))

    @property
    def grid(self) -> Extent:
        """Blocks: along queries and heads."""
        return -(-self.y.pixels // self.warps), self.heads, 1

    @property
    def block(self) -> Extent:
        """Threads."""
        return 32 * self.warps, 1, 1

    def body(self, name: str) -> str:
        """The kernel: query, key, value, y."""
        kind = self.y.format.type
        sizes = {"D": self.key.channels // self.heads, "DV": self.value.channels // self.heads}
        sizes |= {"PIXELS": self.key.pixels, "AREA": self.keys, "WARPS": self.warps, "LDY": self.y.pitch}
        sizes |= {"LDQ": self.query.pitch, "LDK": self.key.pitch, "LDV": self.value.pitch}
        constants = ", ".join(f"{key} = {value}" for key, value in sizes.items())
        declared = ", ".join(f"const {kind}* {each}" for each in ("query", "key", "value"))
        return f"""namespace {name}_parts {{
struct S {{
  typedef {kind} T;
  enum {{ {constants} }};
  static __device__ float scale() {{ return {literal(self.scale)}; }}
}};
}}
extern "C" __global__ void __launch_bounds__({self.block[0]}) {name}({declared}, {kind}* y) {{
  using namespace {name}_parts;
  attention<S>(query, key, value, y);
}}"""
