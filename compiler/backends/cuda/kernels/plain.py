"""Maps as plain float32 tensors, row by row and channel after channel, and back."""

from __future__ import annotations

from dataclasses import dataclass

from zcc.compiler.backends.cuda.kernels.formats import Map
from zcc.compiler.backends.cuda.kernels.kernel_source import Extent

SIDE, THREADS = 32, 256  # of the square that a block turns


@dataclass(frozen=True)
class ToPlain:
    """A map's channels as planes."""

    x: Map
    channels: int

    title = "to_plain"
    library = ("moves.cuh", "plain.cuh")
    shared_bytes = 0

    @property
    def grid(self) -> Extent:
        """Squares of pixels and channels."""
        return -(-self.x.pixels // SIDE), -(-self.channels // SIDE), 1

    @property
    def block(self) -> Extent:
        """Threads."""
        return THREADS, 1, 1

    def body(self, name: str) -> str:
        """The kernel: x, for each channel its lane, y."""
        return _kernel(name, self.x, self.channels, "const {kind}* x, const int* lanes, float* y", "to_plain")


@dataclass(frozen=True)
class FromPlain:
    """Planes as the channels of a map; holes become zeros."""

    y: Map

    title = "from_plain"
    library = ("moves.cuh", "plain.cuh")
    shared_bytes = 0

    @property
    def grid(self) -> Extent:
        """Squares of pixels and lanes."""
        return -(-self.y.pixels // SIDE), -(-self.y.channels // SIDE), 1

    @property
    def block(self) -> Extent:
        """Threads."""
        return THREADS, 1, 1

    def body(self, name: str) -> str:
        """The kernel: x, for each lane its channel, y."""
        return _kernel(name, self.y, self.y.channels, "const float* x, const int* channels, {kind}* y", "from_plain")


def _kernel(name: str, x: Map, count: int, declared: str, function: str) -> str:
    kind = x.format.type
    constants = f"PIXELS = {x.pixels}, COUNT = {count}, PITCH = {x.pitch}, SIDE = {SIDE}, ROWS = {THREADS // SIDE}"
    parameters = declared.format(kind=kind)
    names = ", ".join(each.split()[-1] for each in parameters.split(", "))
    return f"""namespace {name}_parts {{
struct S {{
  typedef {kind} T;
  enum {{ {constants} }};
}};
}}
extern "C" __global__ void __launch_bounds__({THREADS}) {name}({parameters}) {{
  using namespace {name}_parts;
  {function}<S>({names});
}}"""
