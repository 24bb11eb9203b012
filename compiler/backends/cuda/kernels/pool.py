"""Max pooling, and the chain of equal poolings that pyramids are made of."""

from __future__ import annotations

from dataclasses import dataclass

from zcc.compiler.backends.cuda.kernels.conv_mma import Geometry
from zcc.compiler.backends.cuda.kernels.formats import Map
from zcc.compiler.backends.cuda.kernels.kernel_source import Extent
from zcc.compiler.backends.cuda.kernels.quad_threads import QuadThreads


@dataclass(frozen=True)
class Pool(QuadThreads):
    """One pooling."""

    x: Map
    y: Map
    geometry: Geometry
    border: tuple[int, int, int, int] = (0, 0, 0, 0)  # zeros that count: top, left, bottom, right

    title = "max_pool"
    library = ("pool.cuh",)

    def body(self, name: str) -> str:
        """The kernel: x, y."""
        (kh, kw), (sy, sx), (pt, pl) = self.geometry.window, self.geometry.stride, self.geometry.padding
        sizes = {"H": self.x.height, "W": self.x.width, "C": self.x.channels, "LDX": self.x.pitch}
        sizes |= {"HO": self.y.height, "WO": self.y.width, "LDY": self.y.pitch}
        sizes |= {"KH": kh, "KW": kw, "SY": sy, "SX": sx, "PT": pt, "PL": pl}
        sizes |= dict(zip(("TOP", "LEFT", "BOTTOM", "RIGHT"), self.border, strict=True))
        zero = self.x.quantisation.zero_point if self.x.quantisation else 0
        return _kernel(name, self.x, {**sizes, "ZERO": zero}, f"{self.x.format.type}* y", "max_pool<S>(x, y);")


@dataclass(frozen=True)
class PoolChain:
    """Poolings of one square window, each of what the one before made."""

    x: Map
    ys: tuple[Map, ...]
    window: int
    quads: int = 1  # groups of four channels that a block works on
    early: bool = False  # whether it starts while those it waits for end

    title = "pool_chain"
    library = ("pool.cuh",)

    @property
    def grid(self) -> Extent:
        """Some channels of all pixels a block."""
        return -(-self.x.channels // (4 * self.quads)), 1, 1

    @property
    def block(self) -> Extent:
        """Threads."""
        return min(1024, -(-self.x.pixels * self.quads // 32) * 32), 1, 1

    @property
    def shared_bytes(self) -> int:
        """The map, and the largest of its rows' windows."""
        return 2 * self.x.pixels * self.quads * 16

    def body(self, name: str) -> str:
        """The kernel: x, then every result."""
        sizes = {"H": self.x.height, "W": self.x.width, "C": self.x.channels, "LDX": self.x.pitch}
        results = [f"y{index}" for index in range(len(self.ys))]
        declared = ", ".join(f"{self.x.format.type}* {result}" for result in results)
        pitches = ", ".join(str(y.pitch) for y in self.ys)
        arrays = f"S::T* const to[] = {{{', '.join(results)}}}; const int pitch[] = {{{pitches}}};"
        return _kernel(
            name,
            self.x,
            {**sizes, "K": self.window, "QUADS": self.quads, "EARLY": int(self.early)},
            declared,
            f"{arrays} pool_chain<S>(x, to, pitch);",
        )


def _kernel(name: str, x: Map, sizes: dict[str, int], declared: str, call: str) -> str:
    constants = ", ".join(f"{key} = {value}" for key, value in sizes.items())
    return f"""namespace {name}_parts {{
struct S {{ typedef {x.format.type} T; enum {{ {constants} }}; }};
}}
extern "C" __global__ void {name}(const {x.format.type}* x, {declared}) {{
  using namespace {name}_parts;
  {call}
}}"""
