"""From a model to a network of placed kernel calls: the phases of the compiler's middle, in order."""

from __future__ import annotations

from typing import Any

import onnx
import tvm
from tvm import ir
from tvm.relax.frontend.onnx import from_onnx

from zcc.compiler.kernels.spec import VectorUnit
from zcc.compiler.network.fuse import fuse
from zcc.compiler.network.lower_generic import lower_generic
from zcc.compiler.network.read import read_network
from zcc.compiler.passes.fold_scatter import fold_scatter
from zcc.compiler.passes.fold_slices import fold_slices
from zcc.compiler.passes.split_to_slices import split_to_slices
from zcc.compiler.program.layout import Layout, lay_out
from zcc.runtime.errors import ModelError

PASSES = (fold_scatter, fold_slices, split_to_slices)


def import_proto(proto: onnx.ModelProto) -> ir.IRModule:
    """The model as a Relax module, after our passes."""
    try:
        module = from_onnx(proto, keep_params_in_input=False)
    except (tvm.error.TVMError, ValueError, TypeError, KeyError, AssertionError) as error:
        raise ModelError(
            f"the model cannot be imported: {_last_line(error)}",
            "simplify it with onnxsim, or export it again",
        ) from error
    return tvm.transform.Sequential(list(PASSES))(module)


def lower_module(module: ir.IRModule, unit: VectorUnit) -> Layout:
    """An imported model as kernel calls: read, fused, leftovers lowered by TVM, placed in memory."""
    return lay_out(lower_generic(fuse(read_network(module))), unit)


def _last_line(error: Any) -> str:
    lines = [line for line in str(error).strip().splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
