"""Raw heads: the maps that the last convolutions leave, from which the postprocess kernel decodes candidates itself.

Decoding all candidates to keep a few costs more than the whole postprocess. Where the decoding in the file is one
that the kernel knows, the compiled frame skips it. That it is one is not believed but shown: the file's own decoding
and ours are run on random maps and must agree.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from zcc.compiler.frontend.model import Model
from zcc.compiler.frontend.outputs import with_outputs
from zcc.compiler.frontend.probe import open_session
from zcc.compiler.frontend.prune import ancestors

Array = NDArray[np.float32]
BINS = 16
SEED = 11
TOLERANCE = 1e-3  # pixels for boxes, and for scores of 0..1


@dataclass(frozen=True)
class RawScale:
    """The maps of one stride, by their names in the graph, and the anchors in input pixels where there are some."""

    stride: int
    maps: tuple[str, ...]  # one map with anchors; boxes and scores without
    anchors: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class RawHead:
    """The maps of all strides, in the order of the candidates."""

    kind: str  # an entry of DECODERS
    classes: int
    scales: tuple[RawScale, ...]

    @property
    def maps(self) -> tuple[str, ...]:
        """The names of all maps."""
        return tuple(name for scale in self.scales for name in scale.maps)


def find_raw_head(model: Model) -> RawHead | None:
    """The raw head behind the decoded output, None when the file decodes in a way that the kernel does not know."""
    head = model.head
    if head.final or head.every_class or head.suppression is not None:
        return None
    inferred = onnx.shape_inference.infer_shapes(model.proto)
    levels = _levels(inferred, model)
    for candidate in _anchored(model, levels) + _distributed(model, levels):
        proven = _prove(candidate, inferred, model)
        if proven is not None:
            return proven
    return None


def with_maps(proto: onnx.ModelProto, raw: RawHead) -> onnx.ModelProto:
    """The graph with the maps as outputs behind its own."""
    return with_outputs(proto, raw.maps)


Level = tuple[int, list[tuple[str, int]]]  # a stride, and its maps with their channels


def _levels(proto: onnx.ModelProto, model: Model) -> list[Level]:
    """The convolutions nearest to the output, by the stride of their maps, finest first."""
    shapes = _shapes(proto)
    makers = {name: node for node in proto.graph.node for name in node.output}
    found: dict[int, list[tuple[str, int]]] = {}
    pending, seen = [model.head.output], set()
    while pending:
        name = pending.pop(0)
        node = makers.get(name)
        if node is None or name in seen:
            continue
        seen.add(name)
        stride = _stride(shapes.get(name, ()), model) if node.op_type == "Conv" else None
        if stride is None:
            pending += [value for value in node.input if value]
        else:
            found.setdefault(stride, []).append((name, shapes[name][1]))
    return sorted(found.items())


def _stride(shape: Sequence[int], model: Model) -> int | None:
    if len(shape) != 4 or shape[2] == 0 or model.height % shape[2]:
        return None
    stride = model.height // shape[2]
    return stride if shape[3] * stride == model.width and 4 <= stride <= 64 else None


def _shapes(proto: onnx.ModelProto) -> dict[str, tuple[int, ...]]:
    return {
        value.name: tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim)
        for value in (*proto.graph.value_info, *proto.graph.output)
    }


def _anchored(model: Model, levels: Sequence[Level]) -> list[RawHead]:
    """One map per stride that holds box, objectness and classes of each anchor."""
    attributes = model.head.attributes
    fits = all(len(maps) == 1 and maps[0][1] % attributes == 0 for _, maps in levels)
    if not (model.head.objectness and levels and fits):
        return []
    scales = tuple(
        RawScale(stride, (name,), ((0.0, 0.0),) * (channels // attributes)) for stride, ((name, channels),) in levels
    )
    return [RawHead("anchors", model.head.classes, scales)]


def _distributed(model: Model, levels: Sequence[Level]) -> list[RawHead]:
    """Two maps per stride: 16 bins for each side of the box, and a score per class."""
    wanted = (4 * BINS, model.head.classes)
    fits = all(len(maps) == 2 and sorted(c for _, c in maps) == sorted(wanted) for _, maps in levels)
    if model.head.objectness or not levels or not fits:
        return []
    # With 64 classes the two maps look alike: both ways are tried.
    ways = []
    for order in permutations((0, 1)):
        scales = tuple(RawScale(stride, tuple(maps[i][0] for i in order)) for stride, maps in levels)
        if all(tuple(maps[i][1] for i in order) == wanted for _, maps in levels):
            ways.append(RawHead("distributed", model.head.classes, scales))
    return ways


def _prove(raw: RawHead, proto: onnx.ModelProto, model: Model) -> RawHead | None:
    """The head, its anchors read off, when its decoding equals the file's."""
    shapes = _shapes(proto)
    tail = _tail(proto, raw, model.head.output, shapes)
    if tail is None:
        return None
    session = open_session(tail)

    def decoded(maps: dict[str, Array]) -> Array:
        output = np.asarray(session.run([model.head.output], maps)[0][0])
        return output.T if model.head.candidates_last else output

    if raw.kind == "anchors":
        raw = _with_anchors(raw, decoded({name: np.zeros(shapes[name], np.float32) for name in raw.maps}), shapes)
    rng = np.random.default_rng(SEED)
    maps = {name: rng.normal(0, 2, shapes[name]).astype(np.float32) for name in raw.maps}
    ours, theirs = DECODERS[raw.kind](raw, maps), decoded(maps)
    if ours.shape != theirs.shape:
        return None
    return raw if np.allclose(ours, theirs, rtol=1e-4, atol=TOLERANCE) else None


def _tail(
    proto: onnx.ModelProto, raw: RawHead, output: str, shapes: dict[str, tuple[int, ...]]
) -> onnx.ModelProto | None:
    """The file's decoding as a model of its own, None when it reads more than the maps."""
    cut = onnx.ModelProto()
    cut.CopyFrom(proto)
    nodes = [node for node in cut.graph.node if not set(node.output) & set(raw.maps)]
    del cut.graph.node[:]
    cut.graph.node.extend(nodes)
    needed = ancestors(cut.graph, output)
    read = {name for node in needed for name in node.input}
    image = {value.name for value in proto.graph.input}
    if read & image:
        return None
    del cut.graph.node[:], cut.graph.input[:], cut.graph.output[1:]
    cut.graph.node.extend(needed)
    cut.graph.input.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, shapes[name]) for name in raw.maps)
    return cut


def _with_anchors(raw: RawHead, rows: Array, shapes: dict[str, tuple[int, ...]]) -> RawHead:
    """The head with the boxes that maps of zeros give: the anchors themselves."""
    scales, first = [], 0
    for scale in raw.scales:
        cells = shapes[scale.maps[0]][2] * shapes[scale.maps[0]][3]
        corners = [rows[first + index * cells, 2:4] for index in range(len(scale.anchors))]
        anchors = tuple((float(width), float(height)) for width, height in corners)
        scales.append(RawScale(scale.stride, scale.maps, anchors))
        first += len(scale.anchors) * cells
    return RawHead(raw.kind, raw.classes, tuple(scales))


def _sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)), np.float32)


def _decode_anchors(raw: RawHead, maps: dict[str, Array]) -> Array:
    """Sigmoids of everything; centres within 1.5 cells of their own, sizes up to four times the anchor."""
    rows = []
    for scale in raw.scales:
        _, channels, height, width = maps[scale.maps[0]].shape
        count = len(scale.anchors)
        values = _sigmoid(maps[scale.maps[0]]).reshape(count, channels // count, height, width)
        grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)))  # x, y
        centre = (2 * values[:, :2] - 0.5 + grid) * scale.stride
        size = (2 * values[:, 2:4]) ** 2 * np.asarray(scale.anchors)[:, :, None, None]
        level = np.concatenate([centre, size, values[:, 4:]], axis=1)
        rows.append(level.transpose(0, 2, 3, 1).reshape(-1, channels // count))
    return np.concatenate(rows).astype(np.float32)


def _decode_distributed(raw: RawHead, maps: dict[str, Array]) -> Array:
    """Each side's distance from the cell's centre is the mean of its distribution over the bins."""
    rows = []
    for scale in raw.scales:
        boxes, scores = (maps[name][0] for name in scale.maps)
        _, height, width = boxes.shape
        powers = np.exp(boxes.reshape(4, BINS, height, width))
        mean = (powers * np.arange(BINS)[:, None, None]).sum(1) / powers.sum(1)
        centre = np.stack(np.meshgrid(np.arange(width), np.arange(height))) + 0.5
        low, high = centre - mean[:2], centre + mean[2:]
        level = np.concatenate([(low + high) / 2 * scale.stride, (high - low) * scale.stride, _sigmoid(scores)])
        rows.append(level.reshape(len(level), -1).T)
    return np.concatenate(rows).astype(np.float32)


DECODERS: dict[str, Callable[[RawHead, dict[str, Array]], Array]] = {
    "anchors": _decode_anchors,
    "distributed": _decode_distributed,
}
