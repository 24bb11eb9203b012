"""From a model to a Relax module: TVM's importer, and our passes, in order."""

from __future__ import annotations

from typing import Any

import onnx
import tvm
from tvm import ir
from tvm.relax.frontend.onnx import from_onnx

from zcc.compiler.importing.passes.fold_batch_norm import fold_batch_norm
from zcc.compiler.importing.passes.fold_scatter import fold_scatter
from zcc.compiler.importing.passes.fold_shapes import fold_shapes
from zcc.compiler.importing.passes.fold_slices import fold_slices
from zcc.compiler.importing.passes.part_topk import part_topk
from zcc.compiler.importing.passes.raise_calls import raise_calls
from zcc.compiler.importing.passes.split_to_slices import split_to_slices
from zcc.runtime.errors import ModelError

# TVM's own are kinds of RuntimeError; its importer also lets through what Python raises within it.
IMPORT_ERRORS = (RuntimeError, ValueError, TypeError, LookupError, AttributeError, AssertionError)
PASSES = (raise_calls, fold_batch_norm, fold_scatter, fold_shapes, fold_slices, split_to_slices, part_topk)


def import_proto(proto: onnx.ModelProto) -> ir.IRModule:
    """The model as a Relax module, after our passes."""
    return tvm.transform.Sequential(list(PASSES))(read_proto(proto))


def read_proto(proto: onnx.ModelProto) -> ir.IRModule:
    """The model as TVM's importer has it."""
    try:
        return from_onnx(proto, keep_params_in_input=False)
    except IMPORT_ERRORS as error:
        raise ModelError(
            f"the model cannot be imported: {_last_line(error)}",
            "simplify it with onnxsim, or export it again",
        ) from error


def _last_line(error: Any) -> str:
    lines = [line for line in str(error).strip().splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
