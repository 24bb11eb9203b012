"""Fold constants and shape arithmetic away, so that only the network is left."""

from __future__ import annotations

import onnx
import onnx.inliner

from zcc.runtime.errors import ModelError


def simplify(proto: onnx.ModelProto) -> onnx.ModelProto:
    """An equal model with static shapes and without shape arithmetic, functions or batch normalisation."""
    import onnxsim  # slow to begin with, and whoever starts the process in which models are read needs none of it

    try:
        inlined = onnx.inliner.inline_local_functions(proto) if proto.functions else proto
        simplified, _ = onnxsim.simplify(inlined)
        inferred: onnx.ModelProto = onnx.shape_inference.infer_shapes(simplified, strict_mode=True, data_prop=True)
    except Exception as error:  # the native libraries raise what they like
        reason = str(error).strip().partition("\n")[0]
        raise ModelError(f"the model's graph cannot be simplified: {reason}", "export the model again") from error
    return inferred
