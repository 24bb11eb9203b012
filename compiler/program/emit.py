"""One module for the whole frame: preprocess, network and postprocess behind two entry points.

`zcc_detect`   frame uint8 [H, W, 3], conf, iou, weights, arena -> boxes, scores, classes, count
`zcc_network`  input float32 [1, 3, h, w], weights, arena -> the head's decoded output
`zcc_profile`  weights, arena -> the head's decoded output, and a clock reading before each kernel and after the last

All call the same kernels on the same memory plan. The arena is the caller's, so that a module holds no state and any
number of threads may run it, each with an arena of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tvm import ir, tirx
from tvm.ir import PointerType, PrimType
from tvm.script.ir_builder import IRBuilder
from tvm.script.ir_builder import tirx as T

from zcc.compiler.frame import postprocess, preprocess
from zcc.compiler.frame.scratch import elements
from zcc.compiler.frontend.model import Head
from zcc.compiler.kernels.layout import PlanesKernel
from zcc.compiler.kernels.slab import Slab
from zcc.compiler.kernels.spec import Address, KernelCall, KernelSpec, VectorUnit
from zcc.compiler.program.subroutine import Subroutine, address_of, finish, make_subroutine
from zcc.runtime.manifest import InputSpec

DETECT, NETWORK, PROFILE = "zcc_detect", "zcc_network", "zcc_profile"
MONOTONIC = 1  # CLOCK_MONOTONIC


@dataclass(frozen=True)
class Plan:
    """Everything the entry points need to know."""

    calls: Sequence[KernelCall]
    input: InputSpec
    head: Head
    max_det: int
    image: Slab
    image_at: Address  # of its first pixel
    arena_size: int
    weights_size: int


@dataclass(frozen=True)
class Program:
    """The module, and the bytes of arena its entry points."""

    module: ir.IRModule
    arena_size: int  # for zcc_detect
    network_arena_size: int


class _Regions:
    """Memory beyond the network's own arena, laid out one after another."""

    def __init__(self, size: int) -> None:
        self.size = size

    def take(self, bytes_: int) -> Address:
        """A new region at the end."""
        address = Address("arena", self.size)
        self.size += -(-bytes_ // 64) * 64
        return address


def emit(plan: Plan, unit: VectorUnit) -> Program:
    """Build every kernel once and the entry points around them."""
    functions: dict[ir.GlobalVar, tirx.PrimFunc] = {}
    kernels = _Kernels(unit, functions)
    body = _network_body(plan, kernels)
    functions[body.name] = body.function
    regions = _Regions(plan.arena_size)
    detect = _detect(plan, body, kernels, regions)
    entries = {DETECT: detect, NETWORK: _network(plan, body, kernels), PROFILE: _profile(plan, kernels)}
    module = ir.IRModule({**functions, **{ir.GlobalVar(name): entry for name, entry in entries.items()}})
    return Program(module, regions.size, max(plan.arena_size, 1))


class _Kernels:
    """Compiles each spec once."""

    def __init__(self, unit: VectorUnit, functions: dict[ir.GlobalVar, tirx.PrimFunc]) -> None:
        self.unit = unit
        self.functions = functions
        self.known: dict[KernelSpec, Subroutine] = {}

    def get(self, spec: KernelSpec) -> Subroutine:
        """The subroutine of a spec."""
        if spec not in self.known:
            name = f"k{len(self.known)}_{spec.name}"
            self.known[spec] = self.add(name, spec.build(self.unit))
        return self.known[spec]

    def add(self, name: str, function: tirx.PrimFunc) -> Subroutine:
        """A function under a name of its own."""
        routine = make_subroutine(name, function)
        self.functions[routine.name] = routine.function
        return routine


def _network_body(plan: Plan, kernels: _Kernels) -> Subroutine:
    """From the input planes in the arena to the head's output at `result`."""
    bases = {name: tirx.Var(name, PointerType(PrimType("uint8"))) for name in ("weights", "arena", "result")}
    sizes = {"weights": plan.weights_size, "arena": plan.arena_size, "result": _output_bytes(plan.head)}
    buffers = {name: tirx.decl_buffer((max(sizes[name], 1),), "uint8", name=f"{name}_bytes") for name in bases}
    statements: list[tirx.Stmt] = [tirx.DeclBuffer(buffers[name], data=bases[name]) for name in bases]
    for call in plan.calls:
        arguments = [address_of(buffers[at.region], at.offset) for at in call.arguments]
        statements.append(kernels.get(call.spec).call(arguments))
    function = tirx.PrimFunc(list(bases.values()), finish(tirx.SeqStmt(statements)), PrimType("int32"))
    return Subroutine(ir.GlobalVar("network_body"), function, ())


def _output_bytes(head: Head) -> int:
    _, rows, columns = head.shape
    return 4 * rows * columns


def _detect(plan: Plan, body: Subroutine, kernels: _Kernels, regions: _Regions) -> tirx.PrimFunc:
    lanes, planes = kernels.unit.lanes, plan.image
    before = kernels.add(
        "preprocess",
        preprocess.build_preprocess(plan.input, row_pitch=planes.pitch, plane_pitch=planes.plane, lanes=lanes),
    )
    after = kernels.add(
        "postprocess", postprocess.build_postprocess(plan.head, plan.input, plan.max_det, lanes=lanes)
    )
    floats, integers = postprocess.scratch(plan.head, plan.max_det, lanes)
    rows, columns = preprocess.scratch_shape(plan.input)
    output, table = regions.take(_output_bytes(plan.head)), regions.take(4 * rows * columns)
    scratch = [regions.take(4 * elements(views)) for views in (floats, integers)]

    with IRBuilder() as builder, T.prim_func(s_tir=True):
        T.func_name(DETECT)
        height, width, stride = (tirx.Var(name, PrimType("int32")) for name in ("height", "width", "stride"))
        shape, strides = (height, width, 3), (stride, 3, 1)
        frame = T.arg("frame", T.Buffer(shape, "uint8", strides=strides, align=1))
        conf, iou = T.arg("conf", T.float32()), T.arg("iou", T.float32())
        weights = T.arg("weights", T.Buffer((plan.weights_size,), "uint8"))
        arena = T.arg("arena", T.Buffer((regions.size,), "uint8"))
        results = [
            T.arg("boxes", T.Buffer((plan.max_det, 4), "float32", align=4)),
            T.arg("scores", T.Buffer((plan.max_det,), "float32", align=4)),
            T.arg("classes", T.Buffer((plan.max_det,), "int32", align=4)),
            T.arg("count", T.Buffer((1,), "int32", align=4)),
        ]

        def at(address: Address) -> Any:
            return address_of(arena, address.offset)

        # The frame is handed on as a pointer, whatever its strides.
        T.add_to_parent(before.call([frame.data, at(plan.image_at), at(table)], (height, width, stride)))
        T.add_to_parent(body.call([address_of(weights, 0), at(Address("arena", 0)), at(output)]))
        pointers = [result.data for result in results]
        limits = _thresholds(plan.head, conf, iou)
        T.add_to_parent(after.call([at(output), height, width, *limits, *pointers, *map(at, scratch)]))
    return builder.get()


def _thresholds(head: Head, conf: Any, iou: Any) -> tuple[Any, Any]:
    """The caller's thresholds, as far as the model file leaves them to the caller."""
    fixed = head.suppression
    return (conf, iou) if fixed is None else (T.max(conf, T.float32(fixed.score)), T.float32(fixed.iou))


def _network(plan: Plan, body: Subroutine, kernels: _Kernels) -> tirx.PrimFunc:
    planes = plan.image
    load = kernels.get(PlanesKernel(planes))
    with IRBuilder() as builder, T.prim_func(s_tir=True):
        T.func_name(NETWORK)
        image = T.arg("image", T.Buffer((1, planes.blocks, planes.height, planes.width), "float32", align=4))
        weights = T.arg("weights", T.Buffer((plan.weights_size,), "uint8"))
        arena = T.arg("arena", T.Buffer((max(plan.arena_size, 1),), "uint8"))
        result = T.arg("result", T.Buffer(plan.head.shape, "float32"))
        T.add_to_parent(load.call([image.data, address_of(arena, plan.image_at.offset)]))
        T.add_to_parent(body.call([address_of(weights, 0), address_of(arena, 0), result.data]))
    return builder.get()


def _profile(plan: Plan, kernels: _Kernels) -> tirx.PrimFunc:
    with IRBuilder() as builder, T.prim_func(s_tir=True):
        T.func_name(PROFILE)
        buffers = {
            "weights": T.arg("weights", T.Buffer((plan.weights_size,), "uint8")),
            "arena": T.arg("arena", T.Buffer((max(plan.arena_size, 1),), "uint8")),
            "result": T.arg("result", T.Buffer((_output_bytes(plan.head),), "uint8")),
        }
        clock = T.arg("clock", T.Buffer((2 * len(plan.calls) + 2,), "int64"))  # seconds, nanoseconds

        def read_clock(index: int) -> tirx.Stmt:
            reading = address_of(clock, 2 * index)
            return tirx.Evaluate(tirx.call_extern("int32", "clock_gettime", MONOTONIC, reading))

        for index, call in enumerate(plan.calls):
            T.add_to_parent(read_clock(index))
            arguments = [address_of(buffers[at.region], at.offset) for at in call.arguments]
            T.add_to_parent(kernels.get(call.spec).call(arguments))
        T.add_to_parent(read_clock(len(plan.calls)))
    return builder.get()
