"""A small ONNX graph under construction, which hides what changed between opset 11 and 20."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

# The IR version that exporters write with each opset.
IR_VERSIONS = {11: 6, 12: 7, 13: 7, 14: 7, 15: 8, 16: 8, 17: 8, 18: 8, 19: 9, 20: 9, 21: 10}


@dataclass(frozen=True)
class Tensor:
    """A value in the graph, with the static shape that an exporter would have traced."""

    name: str
    shape: tuple[int, ...]

    @property
    def channels(self) -> int:
        """Channels of an NCHW tensor."""
        return self.shape[1]


class Graph:
    """Collects nodes and weights; every method adds one operator and returns its output."""

    def __init__(self, imgsz: tuple[int, int], opset: int, seed: int) -> None:
        self.opset = opset
        self.rng = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.images = Tensor("images", (1, 3, *imgsz))

    def op(self, kind: str, inputs: Sequence[str], outputs: int = 1, **attributes: object) -> list[str]:
        """Add a node of any kind and return the names of its outputs."""
        stem = f"/{kind}_{len(self.nodes)}"
        names = [f"{stem}_output_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, name=stem, **attributes))
        return names

    def weight(self, value: NDArray[np.generic]) -> str:
        """Add an initializer."""
        name = f"weight_{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def constant(self, value: object, dtype: type[np.generic] = np.int64) -> str:
        """Add a Constant node, as exporters write the literals in a model's source."""
        tensor = numpy_helper.from_array(np.asarray(value, dtype))
        return self.op("Constant", [], value=tensor)[0]

    def ints(self, *values: int) -> str:
        """A one-dimensional integer constant."""
        return self.constant(list(values))

    # ---- convolution and what goes with it

    def conv(self, x: Tensor, channels: int, kernel: int = 1, stride: int = 1, groups: int = 1,
             gain: float = 1.6, pad: int | None = None) -> Tensor:  # fmt: skip
        """A convolution with bias; `gain` keeps the activations' scale through the depth."""
        pad = kernel // 2 if pad is None else pad
        fan_in = x.channels // groups * kernel * kernel
        weight = self.rng.normal(0, gain / np.sqrt(fan_in), (channels, x.channels // groups, kernel, kernel))
        bias = self.rng.normal(0, 0.1, channels)
        inputs = [x.name, self.weight(weight.astype(np.float32)), self.weight(bias.astype(np.float32))]
        name = self.op("Conv", inputs, dilations=[1, 1], group=groups, kernel_shape=[kernel, kernel],
                       pads=[pad] * 4, strides=[stride, stride])[0]  # fmt: skip
        side = [(size + 2 * pad - kernel) // stride + 1 for size in x.shape[2:]]
        return Tensor(name, (1, channels, *side))

    def silu(self, x: Tensor) -> Tensor:
        """x * sigmoid(x)."""
        return self.mul(x, self.unary("Sigmoid", x))

    def leaky(self, x: Tensor) -> Tensor:
        """LeakyReLU with Darknet's slope."""
        return Tensor(self.op("LeakyRelu", [x.name], alpha=0.1)[0], x.shape)

    def max_pool(self, x: Tensor, kernel: int, stride: int = 1, pads: Sequence[int] | None = None) -> Tensor:
        """Max pooling, "same" padded unless told otherwise."""
        pads = [kernel // 2] * 4 if pads is None else list(pads)
        name = self.op("MaxPool", [x.name], kernel_shape=[kernel, kernel], pads=pads,
                       strides=[stride, stride], ceil_mode=0)[0]  # fmt: skip
        side = [(x.shape[2 + i] + pads[i] + pads[2 + i] - kernel) // stride + 1 for i in range(2)]
        return Tensor(name, (*x.shape[:2], *side))

    def upsample(self, x: Tensor) -> Tensor:
        """Nearest-neighbour upsampling by two."""
        roi = self.constant([], np.float32) if self.opset < 13 else ""
        scales = self.constant([1, 1, 2, 2], np.float32)
        name = self.op("Resize", [x.name, roi, scales], mode="nearest", nearest_mode="floor",
                       coordinate_transformation_mode="asymmetric")[0]  # fmt: skip
        return Tensor(name, (*x.shape[:2], x.shape[2] * 2, x.shape[3] * 2))

    # ---- arithmetic

    def unary(self, kind: str, x: Tensor) -> Tensor:
        """An elementwise operator of one argument."""
        return Tensor(self.op(kind, [x.name])[0], x.shape)

    def binary(self, kind: str, a: Tensor, b: Tensor | NDArray[np.float32] | float) -> Tensor:
        """An elementwise operator of two arguments, the second of which may be a literal."""
        if isinstance(b, Tensor):
            shape = np.broadcast_shapes(a.shape, b.shape)
            return Tensor(self.op(kind, [a.name, b.name])[0], shape)
        shape = np.broadcast_shapes(a.shape, np.shape(b))
        return Tensor(self.op(kind, [a.name, self.constant(b, np.float32)])[0], shape)

    def mul(self, a: Tensor, b: Tensor | NDArray[np.float32] | float) -> Tensor:
        """a * b."""
        return self.binary("Mul", a, b)

    def add(self, a: Tensor, b: Tensor | NDArray[np.float32] | float) -> Tensor:
        """a + b."""
        return self.binary("Add", a, b)

    def matmul(self, a: Tensor, b: Tensor) -> Tensor:
        """Batched matrix product."""
        return Tensor(self.op("MatMul", [a.name, b.name])[0], (*a.shape[:-1], b.shape[-1]))

    def softmax(self, x: Tensor, axis: int) -> Tensor:
        """Softmax over one axis; before opset 13 only the last can be, so it is moved there and back."""
        last = len(x.shape) - 1
        if self.opset >= 13 or axis == last:
            return Tensor(self.op("Softmax", [x.name], axis=axis)[0], x.shape)
        order = list(range(last + 1))
        order[axis], order[last] = last, axis
        return self.transpose(self.softmax(self.transpose(x, order), last), order)

    # ---- shape

    def concat(self, parts: Sequence[Tensor], axis: int = 1) -> Tensor:
        """Concatenate along an axis."""
        shape = list(parts[0].shape)
        shape[axis] = sum(part.shape[axis] for part in parts)
        return Tensor(self.op("Concat", [part.name for part in parts], axis=axis)[0], tuple(shape))

    def reshape(self, x: Tensor, *shape: int) -> Tensor:
        """Reshape to a literal shape (a 0 or -1 is not meant)."""
        return Tensor(self.op("Reshape", [x.name, self.ints(*shape)])[0], shape)

    def transpose(self, x: Tensor, order: Sequence[int]) -> Tensor:
        """Permute the axes."""
        return Tensor(self.op("Transpose", [x.name], perm=list(order))[0], tuple(x.shape[i] for i in order))

    def split(self, x: Tensor, sizes: Sequence[int], axis: int) -> list[Tensor]:
        """Split along an axis."""
        if self.opset < 13:
            names = self.op("Split", [x.name], len(sizes), axis=axis, split=list(sizes))
        else:
            names = self.op("Split", [x.name, self.ints(*sizes)], len(sizes), axis=axis)
        return [
            Tensor(name, (*x.shape[:axis], size, *x.shape[axis + 1 :])) for name, size in zip(names, sizes, strict=True)
        ]

    def slice(self, x: Tensor, start: int, stop: int, axis: int) -> Tensor:
        """x[..., start:stop, ...] on one axis."""
        inputs = [x.name, self.ints(start), self.ints(stop), self.ints(axis), self.ints(1)]
        shape = (*x.shape[:axis], stop - start, *x.shape[axis + 1 :])
        return Tensor(self.op("Slice", inputs)[0], shape)

    def halves(self, x: Tensor) -> list[Tensor]:
        """The two halves of the channels, cut by the shape arithmetic of a traced `chunk(2, 1)`."""
        axis = self.ints(1)
        size = self.op("Gather", [self.op("Shape", [x.name])[0], axis], axis=0)[0]
        half = self.op("Div", [self.op("Add", [size, self.ints(1)])[0], self.ints(2)])[0]
        ends = [self.op("Mul", [half, self.ints(i)])[0] for i in (1, 2)]
        starts = [self.ints(0), ends[0]]
        shape = (1, x.channels // 2, *x.shape[2:])
        return [
            Tensor(self.op("Slice", [x.name, start, end, axis])[0], shape)
            for start, end in zip(starts, ends, strict=True)
        ]

    def unsqueeze(self, name: str, axis: int) -> str:
        """Insert an axis of one."""
        if self.opset < 13:
            return self.op("Unsqueeze", [name], axes=[axis])[0]
        return self.op("Unsqueeze", [name, self.ints(axis)])[0]

    def squeeze(self, name: str, axis: int) -> str:
        """Drop an axis of one."""
        if self.opset < 13:
            return self.op("Squeeze", [name], axes=[axis])[0]
        return self.op("Squeeze", [name, self.ints(axis)])[0]

    def reduce_max(self, name: str, axis: int, keepdims: bool = False) -> str:
        """The maximum along an axis."""
        if self.opset < 18:
            return self.op("ReduceMax", [name], axes=[axis], keepdims=int(keepdims))[0]
        return self.op("ReduceMax", [name, self.ints(axis)], keepdims=int(keepdims))[0]

    # ---- the finished model

    def finish(self, outputs: dict[str, Tensor]) -> onnx.ModelProto:
        """Name the outputs and give the checked model."""
        self.nodes += [helper.make_node("Identity", [tensor.name], [name]) for name, tensor in outputs.items()]
        declare = helper.make_tensor_value_info
        graph = helper.make_graph(
            self.nodes,
            "main_graph",
            [declare(self.images.name, TensorProto.FLOAT, self.images.shape)],
            [declare(name, TensorProto.FLOAT, tensor.shape) for name, tensor in outputs.items()],
            self.weights,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)],
                                  ir_version=IR_VERSIONS[self.opset], producer_name="pytorch")  # fmt: skip
        onnx.checker.check_model(model, full_check=True)
        return model
