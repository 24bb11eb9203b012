"""What must hold before a graph is touched: a sound file of a known version with one image input."""

from __future__ import annotations

import ast
import math

import onnx
from onnx import TensorProto

from zcc.compiler.frontend.operators import label
from zcc.runtime import limits
from zcc.runtime.errors import ModelError, UsageError

OPSETS = range(11, 21)
STRIDE = 32
DIGITS = 4  # of a stride
MAX_SIDE = limits.INPUT_SIDE
FLOATS = {TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16}


def check_model(proto: onnx.ModelProto) -> None:
    """Raise a ModelError unless the model is well formed and of a supported version."""
    check_opset(proto)
    check_domains(proto)
    try:
        onnx.checker.check_model(proto)
    except (onnx.checker.ValidationError, ValueError, RuntimeError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise ModelError(f"the ONNX file is not valid: {reason}", "export the model again") from error


def check_opset(proto: onnx.ModelProto) -> None:
    """Raise a ModelError unless the opset is one that the compiler reads."""
    found = [entry.version for entry in proto.opset_import if entry.domain in ("", "ai.onnx")]
    allowed = f"export the model with opset {OPSETS.start} to {OPSETS.stop - 1}"
    if len(found) != 1:
        raise ModelError(f"the ONNX file names {len(found)} opsets", allowed)
    if found[0] not in OPSETS:
        raise ModelError(f"the ONNX file is of opset {found[0]}", allowed)
    newest = onnx.IR_VERSION
    if proto.ir_version > newest:
        raise ModelError(f"the ONNX file is of IR version {proto.ir_version}, newer than {newest}", allowed)


def check_domains(proto: onnx.ModelProto) -> None:
    """Raise a ModelError that names the first operator which ONNX itself does not define."""
    local = {(function.domain, function.name) for function in proto.functions}
    for node in proto.graph.node:
        domain = "" if node.domain == "ai.onnx" else node.domain
        if not onnx.defs.has(node.op_type, domain) and (node.domain, node.op_type) not in local:
            kind = f"{node.domain}::{node.op_type}" if node.domain else node.op_type
            raise ModelError(
                f"operator {kind} (node {label(node)!r}) is not a standard ONNX operator",
                "export the model with standard operators, without plugins",
            )


def pin_input(proto: onnx.ModelProto, imgsz: tuple[int, int] | None) -> tuple[int, int]:
    """Make the image input static, one image of `imgsz` where it is dynamic, and give its height and width."""
    height, width = input_size(proto, imgsz)
    for dim, size in zip(image_input(proto).type.tensor_type.shape.dim, (1, 3, height, width), strict=True):
        dim.dim_value = size
    forget_shapes(proto)
    return height, width


def input_size(proto: onnx.ModelProto, imgsz: tuple[int, int] | None) -> tuple[int, int]:
    """The height and width that the image input has, or will have."""
    if imgsz is not None:
        check_side_arguments(imgsz, step_of(proto))
    dims = image_input(proto).type.tensor_type.shape.dim
    height, width = (
        pinned(dims[2 + axis], None if imgsz is None else imgsz[axis], stated, step_of(proto))
        for axis, stated in enumerate(stated_size(proto))
    )
    return height, width


def image_input(proto: onnx.ModelProto) -> onnx.ValueInfoProto:
    """The only input that is not a weight, when it is a colour image, or a batch of some."""
    weights = {tensor.name for tensor in proto.graph.initializer}
    inputs = [value for value in proto.graph.input if value.name not in weights]
    remedy = "zcc compiles models with one input of 1x3xHxW"
    if len(inputs) != 1:
        raise ModelError(f"the model has {len(inputs)} inputs: {', '.join(map(describe, inputs))}", remedy)
    kind = inputs[0].type.tensor_type
    sizes = [dim.dim_value for dim in kind.shape.dim]
    if kind.elem_type not in FLOATS:
        raise ModelError(f"the model's input {describe(inputs[0])} is not of a float type", remedy)
    if len(sizes) != 4 or sizes[1] not in (0, 3):
        raise ModelError(f"the model's input is {describe(inputs[0])}", remedy)
    return inputs[0]


def describe(value: onnx.ValueInfoProto) -> str:
    """Name and shape of an input or output, for messages."""
    dims = value.type.tensor_type.shape.dim
    return f"{value.name} ({', '.join(str(dim.dim_value or dim.dim_param or '?') for dim in dims)})"


def check_side_arguments(imgsz: tuple[int, int], step: int = STRIDE) -> None:
    """Raise a UsageError unless both sides are possible."""
    if any(side <= 0 or side % step or side > MAX_SIDE for side in imgsz):
        fitting = "x".join(str(min(MAX_SIDE, max(step, round(side / step) * step))) for side in imgsz)
        raise UsageError(
            f"an input size of {imgsz[0]}x{imgsz[1]} is not possible: sides are multiples of {step}, "
            f"at most {MAX_SIDE}",
            f"take --imgsz {fitting}",
        )


def pinned(dim: onnx.TensorShapeProto.Dimension, wanted: int | None, stated: int | None, step: int) -> int:
    """The size of one side: the file's own, else what is wanted, else what the exporter stated."""
    if dim.dim_value:
        if wanted not in (None, dim.dim_value):
            raise UsageError(
                f"the model's input side is fixed at {dim.dim_value} pixels, --imgsz asks for {wanted}",
                f"give {dim.dim_value} there or leave --imgsz out, or export the model with dynamic axes",
            )
        wanted = dim.dim_value
    size = wanted or stated
    if size is None:
        raise UsageError("the model's input size is dynamic", "say which to compile for, as in --imgsz 640x640")
    if size < 0 or size % step or size > MAX_SIDE:
        raise ModelError(
            f"the model's input side of {size} pixels is not a multiple of {step}, at most {MAX_SIDE}",
            "export the model with such a size",
        )
    return size


def step_of(proto: onnx.ModelProto) -> int:
    """What sides are multiples of: 32, and where they are dynamic the exporter's `stride` if it left one."""
    if all(dim.dim_value for dim in image_input(proto).type.tensor_type.shape.dim[2:]):
        return STRIDE
    text = next((entry.value for entry in proto.metadata_props if entry.key == "stride"), "")
    stated = int(text) if text.isascii() and text.isdigit() and len(text) <= DIGITS else 1
    return math.lcm(STRIDE, max(stated, 1))


def stated_size(proto: onnx.ModelProto) -> tuple[int | None, int | None]:
    """The (height, width) that the exporter left in the metadata as `[640, 640]`, where it did."""
    text = next((entry.value for entry in proto.metadata_props if entry.key == "imgsz"), "")
    try:
        height, width = ast.literal_eval(text)
        return int(height), int(width)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None, None


def forget_shapes(proto: onnx.ModelProto) -> None:
    """Drop what the file claims about its inner and output shapes; the pinned input decides them."""
    proto.graph.ClearField("value_info")
    for output in proto.graph.output:
        for dim in output.type.tensor_type.shape.dim:
            dim.ClearField("value")
