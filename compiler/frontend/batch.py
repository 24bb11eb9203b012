"""Files that take several frames at a time, made ones that take one: the network is compiled for one frame.

Exporters write the number of frames into the shapes that tensors are given on the way. Where it stands first in such a
shape it becomes 1, and that is proved: the answers of the file to several pictures are those that the changed
file gives to each. A call for several frames runs them one after another; docs/tasks.md says why.
"""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from zcc.compiler.frontend.check import image_input
from zcc.compiler.frontend.probe import open_session
from zcc.runtime.errors import ModelError, UsageError
from zcc.runtime.wording import counted

# Operators that are told a shape, and the input that tells it.
SHAPED = {"Reshape": 1, "Expand": 1, "ConstantOfShape": 0, "Resize": 3, "Tile": 1}
CLOSE = 1e-3  # of a value's size, or of a unit
SEED = 4
REMEDY = "export the model with batch=1 or with a dynamic batch"

Images = NDArray[np.float32]


def batch_of(proto: onnx.ModelProto) -> int | None:
    """How many frames the file takes at a time; None where any number will do."""
    return image_input(proto).type.tensor_type.shape.dim[0].dim_value or None


def take_one(proto: onnx.ModelProto, size: tuple[int, int], frames: int = 1) -> onnx.ModelProto:
    """The model for one frame of that size, or a ModelError where that cannot be shown to be the same.

    `frames` is how many of them a call is for: as many as the file takes, or one.
    """
    taken = batch_of(proto)
    if frames not in (1, taken or frames):
        remedy = f"take --batch {taken} or leave it out" if taken != 1 else "leave --batch out: `many` runs several"
        raise UsageError(f"the model takes {_counted(taken)} at a time, --batch asks for {frames}", remedy)
    batch = taken or frames
    if batch == 1:
        return proto
    single = _with_first(proto, batch)
    halves = image_input(proto).type.tensor_type.elem_type == onnx.TensorProto.FLOAT16
    images = np.random.default_rng(SEED).random((batch, 3, *size), np.float32).astype("f2" if halves else "f4")
    try:
        together = open_session(_sized(proto, batch, size)).run(None, {image_input(proto).name: images})
        session = open_session(_sized(single, 1, size))
        alone = [session.run(None, {image_input(proto).name: images[i : i + 1]}) for i in range(batch)]
    except Exception as error:  # the native library raises what it likes
        reason = str(error).strip().partition("\n")[0]
        problem = f"the model takes {batch} frames at a time and cannot be made to take one: {reason}"
        raise ModelError(problem, REMEDY) from error
    for number, values in enumerate(together):
        parts = np.concatenate([each[number] for each in alone])
        if parts.shape != values.shape or not np.allclose(parts, values, rtol=CLOSE, atol=CLOSE):
            problem = f"the model takes {batch} frames at a time, and its answer to one depends on the others"
            raise ModelError(problem, REMEDY)
    return single


def _sized(proto: onnx.ModelProto, batch: int, size: tuple[int, int]) -> onnx.ModelProto:
    copy = onnx.ModelProto()
    copy.CopyFrom(proto)
    for dim, value in zip(image_input(copy).type.tensor_type.shape.dim, (batch, 3, *size), strict=True):
        dim.dim_value = value
    copy.graph.ClearField("value_info")
    for output in copy.graph.output:
        output.type.tensor_type.ClearField("shape")
    return copy


def _with_first(proto: onnx.ModelProto, batch: int) -> onnx.ModelProto:
    """A copy in which shapes that begin with the number of frames begin with 1."""
    copy = onnx.ModelProto()
    copy.CopyFrom(proto)
    image_input(copy).type.tensor_type.shape.dim[0].dim_value = 1
    shapes = _constants(copy)
    for node in copy.graph.node:
        place = SHAPED.get(node.op_type)
        if place is None or len(node.input) <= place:
            continue
        shape = shapes.get(node.input[place])
        if shape is not None and shape.ndim == 1 and shape.size and shape[0] == batch:
            name = f"{node.input[place]}_of_one"
            if name not in shapes:
                shapes[name] = np.concatenate([[1], shape[1:]]).astype(np.int64)
                copy.graph.initializer.append(numpy_helper.from_array(shapes[name], name))
            node.input[place] = name
    for output in copy.graph.output:
        dims = output.type.tensor_type.shape.dim
        if dims and dims[0].dim_value == batch:
            dims[0].dim_value = 1
    copy.graph.ClearField("value_info")
    return copy


def _constants(proto: onnx.ModelProto) -> dict[str, NDArray[np.int64]]:
    """The constants of integers, by their names."""
    tensors = {tensor.name: tensor for tensor in proto.graph.initializer}
    for node in proto.graph.node:
        if node.op_type == "Constant" and node.attribute and node.attribute[0].HasField("t"):
            tensors[node.output[0]] = node.attribute[0].t
    whole = {name: tensor for name, tensor in tensors.items() if tensor.data_type == onnx.TensorProto.INT64}
    return {name: numpy_helper.to_array(tensor) for name, tensor in whole.items()}


def notes(taken: int | None, frames: int) -> tuple[str, ...]:
    """What users are told of a file that takes so many frames at a time, compiled for so many a call."""
    if taken == 1:
        return ()
    how = "compiled for one a call, and `many` runs several" if frames == 1 else f"compiled for {frames} a call"
    return (f"the file takes {_counted(taken)} at a time; {how}",)


def _counted(taken: int | None) -> str:
    return "any number of frames" if taken is None else counted(taken, "frame")
