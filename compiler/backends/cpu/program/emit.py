"""One module for the whole frame: preprocess, network and postprocess behind its entry points.

`zcc_detect_FORMAT`  the frame's planes, conf, iou, weights, arena -> boxes, scores, classes, count, edges
`zcc_stages`         the same for the first format, and a clock reading before and after each stage
`zcc_network`        input float32 [1, 3, h, w], weights, arena -> the head's decoded output
`zcc_profile`        weights, arena -> that output, and a clock reading before each kernel and after the last

All call the same kernels on the same memory plan. The arena is the caller's, so that a module holds no state and any
number of threads may run it, each with an arena of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tvm import ir, tirx
from tvm.ir import PrimType
from tvm.script.ir_builder import IRBuilder
from tvm.script.ir_builder import tirx as T

from zcc.compiler.backends.cpu.frame import postprocess, preprocess
from zcc.compiler.backends.cpu.frame.candidates import CandidateSource
from zcc.compiler.backends.cpu.frame.formats import FORMATS, formats_of
from zcc.compiler.backends.cpu.frame.image_layout import image_layout
from zcc.compiler.backends.cpu.frame.scratch import elements
from zcc.compiler.backends.cpu.kernels.pack_image import IMAGE_KERNELS
from zcc.compiler.backends.cpu.kernels.spec import Address, KernelCall, KernelSpec, VectorUnit
from zcc.compiler.backends.cpu.lowering.layout import Layout
from zcc.compiler.backends.cpu.program.clock import read_clock_into
from zcc.compiler.backends.cpu.program.pointers import address_of, pointer
from zcc.compiler.backends.cpu.program.subroutine import Subroutine, finish, make_subroutine
from zcc.compiler.backends.cpu.program.workspace import Arena, Memory, Workspace
from zcc.compiler.ir.heads.head import Head, Suppression
from zcc.runtime.library import CLOCK_READINGS, NETWORK, PROFILE, STAGES, detect_entry
from zcc.runtime.manifest import InputSpec

ALIGNMENT = 64


@dataclass(frozen=True)
class FrameSpec:
    """How frames come in and what becomes of the head's output."""

    input: InputSpec
    source: Head | CandidateSource  # the head whose decoded output is read, or a raw head over maps in the arena
    max_det: int
    suppression: Suppression | None = None  # thresholds that the file fixes


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
    parts = _Parts(layout, unit)
    around = _Surroundings.make(parts, frame, formats)
    # Every kernel is there, and with them how large their workspace is.
    entries = {
        **{detect_entry(name): _detect(parts, frame, around, name) for name in formats},
        STAGES: _detect(parts, frame, around, formats[0], clocked=True),
        NETWORK: _network(parts),
        PROFILE: _profile(parts),
    }
    return EmittedModule(
        parts.module(entries), parts.memory(around.arena_size), parts.memory(parts.arena_size), formats
    )


def emit_network(layout: Layout, unit: VectorUnit) -> EmittedModule:
    """A module that holds the network alone."""
    parts = _Parts(layout, unit)
    entry = _network(parts)
    memory = parts.memory(parts.arena_size)
    return EmittedModule(parts.module({NETWORK: entry}), memory, memory)


class _Parts:
    """The subroutines of a module; each kernel is built once."""

    def __init__(self, layout: Layout, unit: VectorUnit) -> None:
        self.layout = layout
        self.unit = unit
        self.functions: dict[ir.GlobalVar, tirx.PrimFunc] = {}
        self.known: dict[KernelSpec, Subroutine] = {}
        self.scratch = Memory()
        self.image = layout.placement.views[layout.placement.image].slab()
        self.sizes = {
            "weights": max(layout.constants.size, 1),
            "arena": self.arena_size,
            "result": layout.placement.views[layout.placement.output].storage.bytes,
        }
        self.load = self.kernel(IMAGE_KERNELS[self.image.dtype](self.image))
        self.body = self._sequence("body", layout.body)
        self.tail = self._sequence("tail", layout.tail)

    @property
    def arena_size(self) -> int:
        """Bytes of planned memory of the network."""
        return _aligned(max(self.layout.arena_size, 1))

    def memory(self, planned: int) -> Memory:
        """What an entry point needs that has so many bytes of planned memory."""
        return self.scratch.behind(planned)

    def kernel(self, spec: KernelSpec) -> Subroutine:
        """The subroutine of a spec."""
        if spec not in self.known:
            self.known[spec] = self.add(f"k{len(self.known)}_{spec.name}", spec.build(self.unit))
        return self.known[spec]

    def add(self, name: str, function: tirx.PrimFunc) -> Subroutine:
        """A function under a name of its own."""
        routine = make_subroutine(name, function)
        self.functions[routine.name] = routine.function
        self.scratch = self.scratch.also(routine.scratch)
        return routine

    def call(self, call: KernelCall, buffers: dict[str, Any], workspace: Workspace) -> tirx.Stmt:
        """One kernel on the memory it was planned for."""
        arguments = [address_of(buffers[at.region], at.offset) for at in call.arguments]
        return self.kernel(call.spec).call(arguments, workspace)

    def module(self, entries: dict[str, tirx.PrimFunc]) -> ir.IRModule:
        """Everything that was built, and the entry points."""
        return ir.IRModule({**self.functions, **{ir.GlobalVar(name): f for name, f in entries.items()}})

    def _sequence(self, name: str, calls: Sequence[KernelCall]) -> Subroutine:
        """A subroutine (weights, arena, result) that makes the calls one after another."""
        pointers = {region: pointer(region, "uint8") for region in self.sizes}
        workspace = Workspace.declare()
        buffers = {
            region: tirx.decl_buffer((size,), "uint8", name=f"{region}_bytes") for region, size in self.sizes.items()
        }
        statements: list[tirx.Stmt] = [tirx.DeclBuffer(buffers[region], data=pointers[region]) for region in self.sizes]
        statements += [self.call(call, buffers, workspace) for call in calls]
        given = [*pointers.values(), workspace.memory, workspace.threads]
        function = tirx.PrimFunc(given, finish(tirx.SeqStmt(statements)), PrimType("int32"))
        routine = Subroutine(ir.GlobalVar(f"network_{name}"), function, (), self.scratch)
        self.functions[routine.name] = function
        return routine


class _Regions:
    """Memory beyond the network's own arena, laid out one after another."""

    def __init__(self, size: int) -> None:
        self.size = _aligned(size)

    def take(self, size: int) -> Address:
        """A new region at the end."""
        address = Address("arena", self.size)
        self.size += _aligned(size)
        return address


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


@dataclass(frozen=True)
class _Surroundings:
    """What is around the network: the kernels of all formats and the last one, and where they keep their memory."""

    before: Mapping[str, Subroutine]
    after: Subroutine
    table: Address
    scratch: tuple[Address, ...]
    result: Address
    arena_size: int

    @classmethod
    def make(cls, parts: _Parts, frame: FrameSpec, formats: Sequence[str]) -> _Surroundings:
        """Build the kernels and take the memory."""
        regions, lanes = _Regions(parts.arena_size), parts.unit.lanes
        before = {name: parts.add(f"preprocess_{name}", _preprocess(parts, frame, name)) for name in formats}
        after = postprocess.build_postprocess(frame.source, frame.input, frame.max_det, lanes=lanes)
        rows, columns = preprocess.scratch_shape(frame.input)
        table = regions.take(4 * rows * columns)
        views = postprocess.scratch(frame.source, frame.max_det, lanes)
        scratch = tuple(regions.take(4 * elements(view)) for view in views)
        result = regions.take(parts.sizes["result"])
        return cls(before, parts.add("postprocess", after), table, scratch, result, regions.size)


def _preprocess(parts: _Parts, frame: FrameSpec, name: str) -> tirx.PrimFunc:
    image = image_layout(parts.image.dtype, row_pitch=parts.image.pitch, plane_pitch=parts.image.plane)
    built: tirx.PrimFunc = preprocess.build_preprocess(frame.input, image, name, lanes=parts.unit.lanes)
    return built


def _detect(parts: _Parts, frame: FrameSpec, around: _Surroundings, name: str, clocked: bool = False) -> tirx.PrimFunc:
    """From a frame to detections; `clocked` is the same under a name of its own, with the clock read at each stage."""
    layout = parts.layout
    # A raw head is read from the arena itself, where its maps lie.
    output = Address("arena", 0) if layout.placement.maps else around.result

    with IRBuilder() as builder, T.prim_func(s_tir=True):
        T.func_name(STAGES if clocked else detect_entry(name))
        height, width = (tirx.Var(side, PrimType("int32")) for side in ("height", "width"))
        planes, pitches = _declare_planes(name, height, width)
        conf, iou = T.arg("conf", T.float32()), T.arg("iou", T.float32())
        weights = T.arg("weights", T.Buffer((parts.sizes["weights"],), "uint8"))
        arena = Arena.declare(around.arena_size, parts.scratch)
        *results, edges = _declare_results(frame.max_det)
        clock = T.arg("clock", T.Buffer((2 * CLOCK_READINGS,), "int64")) if clocked else None
        workspace = arena.workspace()

        def at(address: Address) -> Any:
            return address_of(arena.buffer, address.offset)

        read = [*(plane.data for plane in planes), at(layout.image_at), at(around.table), edges.data]
        read_clock_into(clock, 0)
        T.add_to_parent(around.before[name].call(read, workspace, (height, width, *pitches)))
        read_clock_into(clock, 1)
        through = [address_of(weights, 0), address_of(arena.buffer, 0), at(around.result)]
        T.add_to_parent(parts.body.call(through, workspace))
        read_clock_into(clock, 2)
        written = [result.data for result in results]
        thresholds = _thresholds(conf, iou, frame.suppression)
        found = [at(output), height, width, *thresholds, *written, *map(at, around.scratch)]
        T.add_to_parent(around.after.call(found, workspace))
        read_clock_into(clock, 3)
    return builder.get()


def _declare_planes(name: str, height: Any, width: Any) -> tuple[list[Any], list[Any]]:
    """A frame's planes, and the bytes from row to row of each."""
    planes, pitches = [], []
    for number, plane in enumerate(FORMATS[name].planes):
        pitches.append(tirx.Var(f"pitch{number}", PrimType("int32")))
        buffer = T.Buffer(plane.shape(height, width), "uint8", strides=plane.strides(pitches[-1]), align=1)
        planes.append(T.arg(f"plane{number}", buffer))
    return planes, pitches


def _thresholds(conf: Any, iou: Any, fixed: Suppression | None) -> tuple[Any, Any]:
    """The caller's thresholds, or what the file's own suppression makes of them."""
    if fixed is None:
        return conf, iou
    return tirx.max(conf, tirx.const(fixed.score, "float32")), tirx.const(fixed.iou, "float32")


def _declare_results(max_det: int) -> list[Any]:
    return [
        T.arg("boxes", T.Buffer((max_det, 4), "float32", align=4)),
        T.arg("scores", T.Buffer((max_det,), "float32", align=4)),
        T.arg("classes", T.Buffer((max_det,), "int32", align=4)),
        T.arg("count", T.Buffer((1,), "int32", align=4)),
        T.arg("edges", T.Buffer((1,), "float32", align=4)),
    ]


def _network(parts: _Parts) -> tirx.PrimFunc:
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


def _profile(parts: _Parts) -> tirx.PrimFunc:
    calls, sizes = parts.layout.calls, parts.sizes
    with IRBuilder() as builder, T.prim_func(s_tir=True):
        T.func_name(PROFILE)
        weights = T.arg("weights", T.Buffer((sizes["weights"],), "uint8", align=ALIGNMENT))
        arena = Arena.declare(parts.arena_size, parts.scratch)
        result = T.arg("result", T.Buffer((sizes["result"],), "uint8", align=4))
        clock = T.arg("clock", T.Buffer((2 * len(calls) + 2,), "int64"))  # seconds, nanoseconds
        buffers = {"weights": weights, "arena": arena.buffer, "result": result}
        workspace = arena.workspace()
        for index, call in enumerate(calls):
            read_clock_into(clock, index)
            T.add_to_parent(parts.call(call, buffers, workspace))
        read_clock_into(clock, len(calls))
    return builder.get()
