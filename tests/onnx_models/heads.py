"""Detection heads: from the maps to the decoded output, the way exporters write them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, numpy_helper

from tests.onnx_models.blocks import cbs
from tests.onnx_models.graph import Graph, Tensor

ANCHORS = 3
BINS = 16
# An exponential would carry the spread that suits a sigmoid far out of the image.
GAINS = {"split": 2.0, "inplace": 2.0, "exp": 0.5}


def stride_of(g: Graph, level: Tensor) -> int:
    """Input pixels per cell of a map."""
    return g.images.shape[2] // level.shape[2]


def cell_grid(height: int, width: int) -> NDArray[np.float32]:
    """x and y of every cell, as (height, width, 2)."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([columns, rows], -1).astype(np.float32)


def anchor_sizes(stride: int) -> NDArray[np.float32]:
    """Three anchors of the size that a stride's cells look for, in pixels."""
    return np.array([[1.2, 1.6], [2.0, 3.7], [4.1, 2.9]], np.float32) * stride


def anchored(g: Graph, levels: list[Tensor], classes: int, decode: str) -> tuple[Tensor, list[Tensor]]:
    """The 3-anchor head with objectness, decoded to (1, N, 5 + classes); the raw maps beside it.

    `decode` is `split` (current YOLOv5), `inplace` (its older exports) or `exp` (Darknet's YOLOv3).
    """
    decoded, raw = [], []
    for level in levels:
        attributes = 5 + classes
        height, width = level.shape[2:]
        x = g.conv(level, ANCHORS * attributes, gain=GAINS[decode])
        x = g.transpose(g.reshape(x, 1, ANCHORS, attributes, height, width), (0, 1, 3, 4, 2))
        raw.append(x)
        boxes = DECODERS[decode](g, x, stride_of(g, level))
        decoded.append(g.reshape(boxes, 1, ANCHORS * height * width, attributes))
    return g.concat(decoded, 1), raw


def decode_split(g: Graph, x: Tensor, stride: int) -> Tensor:
    """Cut the attributes, decode, put them together again."""
    cells, sizes = expanded(x, stride)
    rest = x.shape[4] - 4
    xy, wh, scores = g.split(g.unary("Sigmoid", x), [2, 2, rest], 4)
    xy = g.mul(g.add(g.mul(xy, 2.0), cells - np.float32(0.5)), float(stride))
    wh = g.mul(g.binary("Pow", g.mul(wh, 2.0), 2.0), sizes)
    return g.concat([xy, wh, scores], 4)


def decode_inplace(g: Graph, x: Tensor, stride: int) -> Tensor:
    """Assign to slices of the attributes, which exports as ScatterND."""
    cells, sizes = expanded(x, stride)
    y = g.unary("Sigmoid", x)
    xy = g.mul(g.add(g.mul(g.slice(y, 0, 2, 4), 2.0), cells - np.float32(0.5)), float(stride))
    y = assign_slice(g, y, xy, 0)
    wh = g.mul(g.binary("Pow", g.mul(g.slice(y, 2, 4, 4), 2.0), 2.0), sizes)
    return assign_slice(g, y, wh, 2)


def decode_exp(g: Graph, x: Tensor, stride: int) -> Tensor:
    """Sigmoid for the centre, exponential for the size."""
    cells, sizes = expanded(x, stride)
    xy, wh, scores = g.split(x, [2, 2, x.shape[4] - 4], 4)
    xy = g.mul(g.add(g.unary("Sigmoid", xy), cells), float(stride))
    return g.concat([xy, g.mul(g.unary("Exp", wh), sizes), g.unary("Sigmoid", scores)], 4)


DECODERS = {"split": decode_split, "inplace": decode_inplace, "exp": decode_exp}


def expanded(x: Tensor, stride: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Cell positions and anchor sizes at the full (1, anchors, height, width, 2), as they are exported."""
    _, anchors, height, width, _ = x.shape
    shape = (1, anchors, height, width, 2)
    cells = np.broadcast_to(cell_grid(height, width), shape)
    sizes = np.broadcast_to(anchor_sizes(stride).reshape(1, anchors, 1, 1, 2), shape)
    return np.ascontiguousarray(cells), np.ascontiguousarray(sizes)


def assign_slice(g: Graph, data: Tensor, value: Tensor, start: int) -> Tensor:
    """`data[..., start:start + n] = value`, with the index arithmetic that tracing an assignment leaves."""
    shape = value.shape
    value_shape = g.op("Shape", [value.name])[0]
    updates = g.op("Expand", [value.name, value_shape])[0]
    columns = []
    for axis, size in enumerate(shape):
        first = start if axis == len(shape) - 1 else 0
        index = g.constant(np.arange(first, first + size).reshape([-1] + [1] * (len(shape) - 1 - axis)))
        ones = g.op("ConstantOfShape", [g.ints(len(shape))], value=int_tensor(1))[0]
        negative = g.op("Mul", [ones, g.constant(-1)])[0]
        unknown = g.op("Equal", [g.ints(*shape), negative])[0]
        target = g.op("Where", [unknown, ones, g.ints(*shape)])[0]
        columns.append(g.unsqueeze(g.op("Expand", [index, target])[0], len(shape)))
    indices = g.op("Concat", columns, axis=-1)[0]
    return Tensor(g.op("ScatterND", [data.name, indices, updates])[0], data.shape)


def int_tensor(value: int) -> TensorProto:
    """A one-element int64 tensor, for attributes."""
    return numpy_helper.from_array(np.array([value], np.int64))


def anchor_free(g: Graph, levels: list[Tensor], classes: int, depthwise: bool, corners: bool = False) -> Tensor:
    """The distribution-focal head without objectness, decoded to (1, 4 + classes, N).

    `depthwise` gives YOLO11's class branch; `corners` gives x1, y1, x2, y2 instead of centre and size.
    """
    boxes, scores, cells, strides = [], [], [], []
    for level in levels:
        count = level.shape[2] * level.shape[3]
        hidden = max(8, level.channels // 2)
        box = cbs(g, cbs(g, level, hidden, 3), hidden, 3)
        boxes.append(g.reshape(g.conv(box, 4 * BINS, gain=2.0), 1, 4 * BINS, count))
        score = class_branch(g, level, hidden, depthwise)
        scores.append(g.reshape(g.conv(score, classes, gain=2.5), 1, classes, count))
        cells.append(cell_grid(*level.shape[2:]).reshape(-1, 2).T + np.float32(0.5))
        strides.append(np.full((1, count), stride_of(g, level), np.float32))
    points, pixels = np.concatenate(cells, 1)[None], np.concatenate(strides, 1)
    box = decode_distances(g, g.concat(boxes, 2), points, pixels, corners)
    return g.concat([box, g.unary("Sigmoid", g.concat(scores, 2))], 1)


def class_branch(g: Graph, level: Tensor, hidden: int, depthwise: bool) -> Tensor:
    """The layers before the class scores."""
    if not depthwise:
        return cbs(g, cbs(g, level, hidden, 3), hidden, 3)
    x = cbs(g, cbs(g, level, level.channels, 3, groups=level.channels), hidden)
    return cbs(g, cbs(g, x, hidden, 3, groups=hidden), hidden)


def decode_distances(g: Graph, x: Tensor, points: NDArray[np.float32], pixels: NDArray[np.float32],
                     corners: bool) -> Tensor:  # fmt: skip
    """The expected distance to each side, and from there to a box."""
    distances = mean_distances(g, x)
    grid = Tensor(g.constant(points, np.float32), points.shape)
    low = g.binary("Sub", grid, g.slice(distances, 0, 2, 1))
    high = g.add(grid, g.slice(distances, 2, 4, 1))
    if corners:
        return g.mul(g.concat([low, high], 1), pixels)
    centre = g.binary("Div", g.add(low, high), 2.0)
    return g.mul(g.concat([centre, g.binary("Sub", high, low)], 1), pixels)


def mean_distances(g: Graph, x: Tensor) -> Tensor:
    """The expected distance to each side: a softmax over bins, then a convolution."""
    count = x.shape[2]
    bins = g.softmax(g.transpose(g.reshape(x, 1, 4, BINS, count), (0, 2, 1, 3)), 1)
    weight = g.weight(np.arange(BINS, dtype=np.float32).reshape(1, BINS, 1, 1))
    mean = Tensor(g.op("Conv", [bins.name, weight], kernel_shape=[1, 1])[0], (1, 1, 4, count))
    return g.reshape(mean, 1, 4, count)
