"""One module for the whole frame: preprocess, network and postprocess behind its entry points.

`zcc_detect_FORMAT`  the frame's planes, conf, iou, weights, arena -> boxes, scores, classes, count, details of tasks
                     that have some, edges; of a classifier, probabilities and edges
`zcc_stages`         the same for the first format, and a clock reading before and after each stage
`zcc_network`        input float32 [1, 3, h, w], weights, arena -> the head's decoded output
`zcc_profile`        weights, arena -> that output, and a clock reading before each kernel and after the last

All call the same kernels on the same memory plan. The arena is the caller's, so that a module holds no state and any
number of threads may run it, each with an arena of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from math import prod
from typing import Any

from tvm import ir, tirx
from tvm.script.ir_builder import IRBuilder
from tvm.script.ir_builder import tirx as T

from zcc.compiler.backends.cpu.frame import columns, postprocess, preprocess
from zcc.compiler.backends.cpu.frame.candidates import CandidateSource
from zcc.compiler.backends.cpu.frame.formats import formats_of
from zcc.compiler.backends.cpu.frame.image_layout import ImageLayout, image_layout
from zcc.compiler.backends.cpu.frame.scratch import elements
from zcc.compiler.backends.cpu.kernels.pack_image import NoiseKernel
from zcc.compiler.backends.cpu.kernels.spec import Address, VectorUnit
from zcc.compiler.backends.cpu.lowering.layout import Layout
from zcc.compiler.backends.cpu.program.arguments import (
    FrameArguments,
    declare_clock,
    declare_edges,
    declare_found,
    declare_thresholds,
)
from zcc.compiler.backends.cpu.program.clock import read_clock_into
from zcc.compiler.backends.cpu.program.mask_entries import MaskEntries
from zcc.compiler.backends.cpu.program.parts import ALIGNMENT, Parts, Regions
from zcc.compiler.backends.cpu.program.pointers import address_of
from zcc.compiler.backends.cpu.program.subroutine import Subroutine, make_subroutine
from zcc.compiler.backends.cpu.program.workspace import Arena, Memory
from zcc.compiler.ir.heads.head import Head, Suppression
from zcc.runtime.library import NETWORK, PROFILE, STAGES, detect_entry
from zcc.runtime.manifest import InputSpec, TaskInfo

MOST_HEADS = 64  # that are remembered: a model's precisions, and the forms of a search, mostly share theirs


@dataclass(frozen=True)
class FrameSpec:
    """How frames come in and what becomes of the head's output."""

    input: InputSpec
    source: Head | CandidateSource  # the head whose decoded output is read, or a raw head over maps in the arena
    max_det: int
    suppression: Suppression | None = None  # thresholds that the file fixes
    task: TaskInfo = field(default_factory=TaskInfo)

    @property
    def classifies(self) -> bool:
        """Whether the output is all that is wanted, and nothing is to be found in it."""
        return isinstance(self.source, Head) and self.source.bare


@dataclass(frozen=True)
class EmittedModule:
    """The module, and the arenas that its entry points want."""

    module: ir.IRModule
    detect: Memory  # for frames
    network: Memory
    formats: tuple[str, ...] = ()  # of frames that it reads


def emit(layout: Layout, frame: FrameSpec, unit: VectorUnit, formats: tuple[str, ...] | None = None) -> EmittedModule:
    """The module with all entry points, for frames of the given formats or of every format."""
    formats = formats_of(frame.input) if formats is None else formats
    parts = Parts(layout, unit)
    around = _Surroundings.make(parts, frame, formats)
    prototypes = layout.placement.prototypes
    masks = MaskEntries(parts, prototypes) if prototypes is not None else None
    entry = _classify if frame.classifies else _detect
    # Every kernel is there, and with them how large their workspace is.
    entries = {
        **{detect_entry(name): entry(parts, frame, around, name) for name in formats},
        STAGES: entry(parts, frame, around, formats[0], clocked=True),
        NETWORK: _network(parts),
        PROFILE: _profile(parts),
        **(masks.entries(around.arena_size) if masks else {}),
    }
    return EmittedModule(
        parts.module(entries), parts.memory(around.arena_size), parts.memory(parts.arena_size), formats
    )


def emit_network(layout: Layout, unit: VectorUnit) -> EmittedModule:
    """A module that holds the network alone."""
    parts = Parts(layout, unit)
    entry = _network(parts)
    memory = parts.memory(parts.arena_size)
    return EmittedModule(parts.module({NETWORK: entry}), memory, memory)


@dataclass(frozen=True)
class _Surroundings:
    """What is around the network: the kernels of all formats and the last one, and where they keep their memory."""

    before: Mapping[str, Subroutine]
    after: Subroutine | None  # None for classifiers
    table: Address
    scratch: tuple[Address, ...]
    result: Address
    arena_size: int

    @classmethod
    def make(cls, parts: Parts, frame: FrameSpec, formats: Sequence[str]) -> _Surroundings:
        """Build the kernels and take the memory."""
        regions, lanes = Regions(parts.arena_size), parts.unit.lanes
        before = {name: parts.include(f"preprocess_{name}", _preprocess(parts, frame, name)) for name in formats}
        table = regions.take(4 * prod(columns.scratch_shape(frame.input)))
        if frame.classifies:
            return cls(before, None, table, (), table, regions.size)
        after = _finding(frame.source, frame.input, frame.max_det, lanes, frame.task)
        views = postprocess.scratch(frame.source, frame.max_det, lanes, frame.task)
        scratch = tuple(regions.take(4 * elements(view)) for view in views)
        result = regions.take(parts.sizes["result"])
        return cls(before, parts.include("postprocess", after), table, scratch, result, regions.size)


def _preprocess(parts: Parts, frame: FrameSpec, name: str) -> Subroutine:
    image = image_layout(parts.image.dtype, row_pitch=parts.image.pitch, plane_pitch=parts.image.plane)
    return _reading(frame.input, image, name, parts.unit.lanes)


@cache
def _reading(spec: InputSpec, image: ImageLayout, name: str, lanes: int) -> Subroutine:
    return make_subroutine(name, preprocess.build_preprocess(spec, image, name, lanes=lanes))


@lru_cache(MOST_HEADS)
def _finding(source: Head | CandidateSource, spec: InputSpec, max_det: int, lanes: int, task: TaskInfo) -> Subroutine:
    found = postprocess.build_postprocess(source, spec, max_det, lanes=lanes, task=task)
    return make_subroutine("postprocess", found)


def _detect(parts: Parts, frame: FrameSpec, around: _Surroundings, name: str, clocked: bool = False) -> tirx.PrimFunc:
    """From a frame to detections; `clocked` is the same under a name of its own, with the clock read at each stage."""
    layout = parts.layout
    # A raw head is read from the arena itself, where its maps lie.
    output = Address("arena", 0) if layout.placement.maps else around.result

    with IRBuilder() as builder, T.prim_func(s_tir=True):
        T.func_name(STAGES if clocked else detect_entry(name))
        given = FrameArguments.declare(name)
        thresholds = declare_thresholds(frame.suppression)
        weights = T.arg("weights", T.Buffer((parts.sizes["weights"],), "uint8"))
        arena = Arena.declare(around.arena_size, parts.scratch)
        results, edges = declare_found(frame.max_det, frame.task), declare_edges()
        clock = declare_clock(clocked)
        workspace = arena.workspace()

        def at(address: Address) -> Any:
            return address_of(arena.buffer, address.offset)

        read = [*(plane.data for plane in given.planes), at(layout.image_at), at(around.table), edges.data]
        read_clock_into(clock, 0)
        T.add_to_parent(around.before[name].call(read, workspace, given.symbols))
        read_clock_into(clock, 1)
        through = [address_of(weights, 0), address_of(arena.buffer, 0), at(around.result)]
        T.add_to_parent(parts.body.call(through, workspace))
        read_clock_into(clock, 2)
        written = [result.data for result in results]
        nowhere = [] if frame.task.details else [at(around.scratch[0])]
        found = [at(output), given.height, given.width, *thresholds, *written, *nowhere, *map(at, around.scratch)]
        assert around.after is not None
        T.add_to_parent(around.after.call(found, workspace))
        read_clock_into(clock, 3)
    return builder.get()


def _classify(parts: Parts, frame: FrameSpec, around: _Surroundings, name: str, clocked: bool = False) -> tirx.PrimFunc:
    """As for detections, but that the network's own output is the result."""
    with IRBuilder() as builder, T.prim_func(s_tir=True):
        T.func_name(STAGES if clocked else detect_entry(name))
        given = FrameArguments.declare(name)
        declare_thresholds(None)  # a caller's; classes are not found, but ranked
        weights = T.arg("weights", T.Buffer((parts.sizes["weights"],), "uint8"))
        arena = Arena.declare(around.arena_size, parts.scratch)
        probabilities = T.arg("probabilities", T.Buffer(parts.layout.placement.output.shape, "float32", align=4))
        edges, clock = declare_edges(), declare_clock(clocked)
        workspace = arena.workspace()
        places = [address_of(arena.buffer, at.offset) for at in (parts.layout.image_at, around.table)]
        read = [*(plane.data for plane in given.planes), *places, edges.data]
        read_clock_into(clock, 0)
        T.add_to_parent(around.before[name].call(read, workspace, given.symbols))
        read_clock_into(clock, 1)
        through = [address_of(weights, 0), address_of(arena.buffer, 0), probabilities.data]
        T.add_to_parent(parts.body.call(through, workspace))
        for reading in (2, 3):  # nothing follows the network
            read_clock_into(clock, reading)
    return builder.get()


def _network(parts: Parts) -> tirx.PrimFunc:
    placement = parts.layout.placement
    with IRBuilder() as builder, T.prim_func(s_tir=True):
        T.func_name(NETWORK)
        image = T.arg("image", T.Buffer(placement.image.shape, "float32", align=4))
        weights = T.arg("weights", T.Buffer((parts.sizes["weights"],), "uint8"))
        arena = Arena.declare(parts.arena_size, parts.scratch)
        result = T.arg("result", T.Buffer(placement.output.shape, "float32", align=4))
        workspace = arena.workspace()
        planes = address_of(arena.buffer, parts.layout.image_at.offset)
        T.add_to_parent(parts.load.call([image.data, planes], workspace))
        through = [address_of(weights, 0), address_of(arena.buffer, 0), result.data]
        T.add_to_parent(parts.body.call(through, workspace))
        T.add_to_parent(parts.tail.call(through, workspace))
    return builder.get()


def _profile(parts: Parts) -> tirx.PrimFunc:
    calls, sizes = parts.layout.calls, parts.sizes
    with IRBuilder() as builder, T.prim_func(s_tir=True):
        T.func_name(PROFILE)
        weights = T.arg("weights", T.Buffer((sizes["weights"],), "uint8", align=ALIGNMENT))
        arena = Arena.declare(parts.arena_size, parts.scratch)
        result = T.arg("result", T.Buffer((sizes["result"],), "uint8", align=4))
        clock = T.arg("clock", T.Buffer((2 * len(calls) + 2,), "int64"))  # seconds, nanoseconds
        buffers = {"weights": weights, "arena": arena.buffer, "result": result}
        workspace = arena.workspace()
        # Other tensors lie where the image did. Kernels of an image are quicker where it is one of grey levels; of a
        # black one all of YOLOv5s's took 0.91 of the time on a Xeon, where tiles multiplied fp32.
        image = address_of(arena.buffer, parts.layout.image_at.offset)
        T.add_to_parent(parts.kernel(NoiseKernel(parts.image)).call([image], workspace))
        for index, call in enumerate(calls):
            read_clock_into(clock, index)
            T.add_to_parent(parts.call(call, buffers, workspace))
        read_clock_into(clock, len(calls))
    return builder.get()
