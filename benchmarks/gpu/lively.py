"""Give an untrained model weights under which it finds things: in exports of random weights every picture dies out.

python -m benchmarks.gpu.lively MODEL.onnx LIVELY.onnx

Each convolution is drawn anew and then normed, channel by channel, on a scene and on noise, as batch normalisation
would; a head's bias, which says that there is next to nothing in a picture, is held back. Without the noise, which a
compile verifies with, its maps would grow from layer to layer until rounding decides what a softmax chooses. Scores are
then spread, so that a race can choose how many candidates stand.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import numpy_helper

from benchmarks.gpu.frames import scene

LEAST_BIAS = -3.0  # of a head, in place of what says that there is next to nothing
HEAD_SPREAD = 0.2  # of its scores, before they are squeezed into 0..1: fp16 must tell the best ones apart
SPREAD = 0.25  # of all others: the larger, the more a rounding grows from layer to layer
GREY = 114
Array = NDArray[Any]


def enlivened(model: onnx.ModelProto, seed: int = 0) -> onnx.ModelProto:
    """The model with other weights, the same for the same seed."""
    graph, rng = model.graph, np.random.default_rng(seed)
    held = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    same = {node.output[0]: node.input[0] for node in graph.node if node.op_type == "Identity"}
    convs = [node for node in graph.node if node.op_type == "Conv" and len(node.input) == 3]
    for node in convs:  # each has a bias of its own
        bias, node.input[2] = node.input[2], f"{node.output[0]} bias"
        held[node.input[2]] = np.maximum(held[same.get(bias, bias)], LEAST_BIAS)
        held[node.input[1]] = rng.normal(0, 1, held[node.input[1]].shape).astype(np.float32)
    names = [name for node in convs for name in node.input[1:]]
    kept = [tensor for tensor in graph.initializer if tensor.name not in names]
    open_graph = onnx.ModelProto()
    open_graph.CopyFrom(model)
    _replace(open_graph.graph.initializer, kept)
    open_graph.graph.input.extend(
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, held[name].shape) for name in names
    )
    outputs = [onnx.helper.make_tensor_value_info(node.output[0], onnx.TensorProto.FLOAT, None) for node in convs]
    _replace(open_graph.graph.output, outputs)
    _norm(open_graph, convs, held, names)
    _replace(graph.initializer, [*kept, *(numpy_helper.from_array(held[name], name) for name in names)])
    return model


def _norm(model: onnx.ModelProto, convs: list[onnx.NodeProto], held: dict[str, Array], names: list[str]) -> None:
    """Scale each convolution so that its channels have spread 1 around their biases, from the first to the last."""
    session = onnxruntime.InferenceSession(model.SerializeToString())
    image = model.graph.input[0]
    shape = [each.dim_value for each in image.type.tensor_type.shape.dim]
    noise = np.random.default_rng(1).random((1, *shape[1:]), np.float32)
    for node in convs:
        feeds = {name: held[name] for name in names}
        _, weights, bias = node.input
        both = [session.run([node.output[0]], {image.name: each, **feeds})[0] for each in (picture(*shape[2:]), noise)]
        made = np.concatenate(both) - held[bias][None, :, None, None]
        spread = made.std(axis=(2, 3)).max(axis=0)
        scale = (HEAD_SPREAD if held[bias].min() == LEAST_BIAS else SPREAD) / (spread + 1e-6)
        held[weights] *= scale.reshape(-1, *[1] * (held[weights].ndim - 1))
        held[bias] -= made.mean(axis=(0, 2, 3)) * scale


def picture(height: int, width: int) -> Array:
    """A wide scene between grey bands, as an input of a network."""
    image = np.full((height, width, 3), GREY, np.uint8)
    rows = height * 9 // 16
    top = (height - rows) // 2
    image[top : top + rows] = scene(rows, width)
    return np.ascontiguousarray(image[None, ..., ::-1].transpose(0, 3, 1, 2), np.float32) / 255


def _replace(repeated: Any, values: list[Any]) -> None:
    del repeated[:]
    repeated.extend(values)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, metavar="MODEL.onnx")
    parser.add_argument("output", type=Path, metavar="LIVELY.onnx")
    options = parser.parse_args()
    onnx.save(enlivened(onnx.load(options.model)), options.output)


if __name__ == "__main__":
    main()
