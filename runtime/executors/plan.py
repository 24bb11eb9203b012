"""The plan of an artifact for CUDA: which kernels run on which memory, and which waits for which.

Memory is four regions. `weights` is read only; `arena` holds whatever the launches hand on, and is zeroed once, when it
is made; `parameters` is what changes from frame to frame, written by the executor before the launches; `result` is
what the last of them leave for the host. Nothing else changes per frame, so the launches can be made into a graph once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

VERSION = 1
REGIONS = ("weights", "arena", "parameters", "result")
STAGES = ("preprocess", "network", "postprocess")
VALUE_TYPES = ("i32", "u32", "f32", "u64")

Extent = tuple[int, int, int]


@dataclass(frozen=True)
class Place:
    """An address: so many bytes into a region."""

    region: str
    offset: int = 0


@dataclass(frozen=True)
class Value:
    """A number that a kernel is given, the same for every frame."""

    type: str
    value: int | float


@dataclass(frozen=True)
class Range:
    """Bytes of a region, from `begin` up to `end`; with a pitch, only the first `width` of every `pitch` of them."""

    region: str
    begin: int
    end: int
    width: int = 0
    pitch: int = 0

    def meets(self, other: Range) -> bool:
        """Whether they have a byte in common; ranges of different pitches are taken for whole."""
        if self.region != other.region or self.begin >= other.end or other.begin >= self.end:
            return False
        if self.pitch == 0 or self.pitch != other.pitch:
            return True
        distance = (other.begin - self.begin) % self.pitch
        return distance < self.width or self.pitch - distance < other.width


@dataclass(frozen=True)
class PlanTensor:
    """An array in a region, for whoever runs the network alone."""

    place: Place
    dtype: str  # as numpy calls it
    shape: tuple[int, ...]


Argument = Place | Value


@dataclass(frozen=True)
class Launch:
    """One kernel, once."""

    stage: str  # which part of the frame's way it belongs to
    module: str
    kernel: str
    grid: Extent
    block: Extent
    arguments: tuple[Argument, ...]
    after: tuple[int, ...] = ()  # launches that must have ended, by their index; all of them smaller
    shared_bytes: int = 0  # dynamic ones
    overlaps: bool = False  # whether it may begin while those it waits for end: its kernel waits for them by itself
    label: str = ""
    flops: int = 0
    bytes: int = 0
    reads: tuple[Range, ...] = ()
    writes: tuple[Range, ...] = ()


@dataclass(frozen=True)
class Plan:
    """Everything about a CUDA variant but the bytes of its kernels and weights."""

    arch: str  # that the cubins are for, as in sm_90
    regions: Mapping[str, int]  # bytes of each
    modules: tuple[str, ...]  # NAME.cubin, and NAME.ptx for younger cards
    launches: tuple[Launch, ...]  # each behind those it waits for
    tensors: Mapping[str, PlanTensor] = field(default_factory=dict)  # `input` and `output` of the network
    zeroed: tuple[Range, ...] = ()  # what launches count on to be zero at first, and leave so behind the last
    version: int = VERSION

    @cached_property
    def kernels(self) -> tuple[tuple[str, str], ...]:
        """Module and name of every kernel, each once."""
        return tuple(dict.fromkeys((launch.module, launch.kernel) for launch in self.launches))

    def indices_of(self, stages: Sequence[str] = STAGES) -> tuple[int, ...]:
        """The launches of some stages; edges to others do not matter when these run alone."""
        return tuple(index for index, launch in enumerate(self.launches) if launch.stage in stages)
