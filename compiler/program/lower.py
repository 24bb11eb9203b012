"""From a model to a program: the phases of the compiler's middle, in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import tvm
from tvm import ir
from tvm.relax.frontend.onnx import from_onnx

from zcc.compiler.frontend.model import Model
from zcc.compiler.kernels.layout import HaloKernel
from zcc.compiler.kernels.spec import Address, KernelCall, VectorUnit
from zcc.compiler.kernels.table import Lowering, lower_op
from zcc.compiler.network.fuse import fuse
from zcc.compiler.network.lower_generic import lower_generic
from zcc.compiler.network.ops import Tensor
from zcc.compiler.network.place import Placement, Storage, View, place
from zcc.compiler.network.read import read_network
from zcc.compiler.passes.fold_scatter import fold_scatter
from zcc.compiler.passes.fold_slices import fold_slices
from zcc.compiler.passes.split_to_slices import split_to_slices
from zcc.compiler.program.arena import plan_arena
from zcc.compiler.program.emit import Plan, Program, emit
from zcc.compiler.program.weights import WeightStore
from zcc.runtime.errors import ModelError
from zcc.runtime.manifest import InputSpec

PASSES = (fold_scatter, fold_slices, split_to_slices)


@dataclass(frozen=True)
class LoweredModel:
    """A program and the constants it reads."""

    program: Program
    weights: bytes
    calls: tuple[KernelCall, ...]


def import_model(model: Model) -> ir.IRModule:
    """The model as a Relax module, after our passes."""
    try:
        module = from_onnx(model.proto, keep_params_in_input=False)
    except (tvm.error.TVMError, ValueError, TypeError, KeyError, AssertionError) as error:
        raise ModelError(
            f"the model cannot be imported: {_first_line(error)}", "simplify it with onnxsim, or export it again"
        ) from error
    return tvm.transform.Sequential(list(PASSES))(module)


def lower_model(
    module: ir.IRModule, model: Model, spec: InputSpec, max_det: int, unit: VectorUnit
) -> LoweredModel:
    """The program of an imported model: packed, placed in memory, every operation a kernel call."""
    network = lower_generic(fuse(read_network(module)))
    placement = place(network, unit.lanes)
    offsets, arena_size = plan_arena(placement, [placement.output])
    lowering = Lowering(placement, offsets, WeightStore(), unit)
    calls = kernel_calls(placement, lowering)
    weights = lowering.weights.blob()
    image = placement.views[placement.image].slab()
    image_at = lowering.address(placement.image)
    plan = Plan(calls, spec, model.head, max_det, image, image_at, arena_size, max(len(weights), 1))
    return LoweredModel(emit(plan, unit), weights, tuple(calls))


def kernel_calls(placement: Placement, lowering: Lowering) -> list[KernelCall]:
    """The operations as kernel calls, each border cleared before its map is written."""
    calls: list[KernelCall] = []
    cleared: set[Storage] = set()

    def clear_border(tensor: Tensor) -> None:
        storage = placement.views[tensor].storage
        if storage.halo and storage not in cleared:
            cleared.add(storage)
            calls.append(_halo(storage, lowering.offsets[storage], tensor))

    clear_border(placement.image)
    for op in placement.ops:
        for tensor in op.outputs:
            clear_border(tensor)
        calls.append(lower_op(op, lowering))
    return calls


def _halo(storage: Storage, at: Address, tensor: Tensor) -> KernelCall:
    halo = storage.halo
    whole = View(storage, 0, storage.blocks).slab().grown(halo, halo, halo, halo)
    return KernelCall(HaloKernel(whole, halo), (at,), tensor.name)


def _first_line(error: Any) -> str:
    lines = [line for line in str(error).strip().splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
