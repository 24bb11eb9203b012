"""Pixels and channels in other places, and means over all pixels."""

from __future__ import annotations

from dataclasses import dataclass

from zcc.compiler.backends.cuda.kernels.formats import Map
from zcc.compiler.backends.cuda.kernels.kernel_source import Extent
from zcc.compiler.backends.cuda.kernels.quad_threads import QuadThreads


@dataclass(frozen=True)
class _Move(QuadThreads):
    x: Map
    y: Map

    library = ("moves.cuh",)

    def _kernel(self, name: str, between: str, call: str, more: dict[str, int]) -> str:
        sizes = {"H": self.x.height, "W": self.x.width, "LDX": self.x.pitch, "N": self.y.channels}
        sizes |= {"HO": self.y.height, "WO": self.y.width, "LDY": self.y.pitch, **more}
        constants, kind = ", ".join(f"{key} = {value}" for key, value in sizes.items()), self.x.format.type
        return f"""namespace {name}_parts {{
struct S {{ typedef {kind} T; enum {{ {constants} }}; }};
}}
extern "C" __global__ void __launch_bounds__({self.threads}) {name}(const {kind}* x, {between}{kind}* y) {{
  using namespace {name}_parts;
  {call}
}}"""


@dataclass(frozen=True)
class DepthToSpaceKernel(_Move):
    """Groups of channels become the pixels between."""

    factor: tuple[int, int]

    title = "depth_to_space"

    def body(self, name: str) -> str:
        """The kernel: x, y."""
        return self._kernel(name, "", "depth_to_space<S>(x, y);", {"FY": self.factor[0], "FX": self.factor[1]})


@dataclass(frozen=True)
class ShuffleKernel(_Move):
    """Lanes in another order."""

    title = "shuffle"

    def body(self, name: str) -> str:
        """The kernel: x, for each lane of y the lane of x, y."""
        return self._kernel(name, "const int* sources, ", "shuffle<S>(x, sources, y);", {})


@dataclass(frozen=True)
class GlobalMeanKernel(_Move):
    """The mean of each channel."""

    title = "global_mean"

    @property
    def grid(self) -> Extent:
        """A block for four channels."""
        return self.y.channels // 4, 1, 1

    def body(self, name: str) -> str:
        """The kernel: x, y."""
        return self._kernel(name, "", "global_mean<S>(x, y);", {})
