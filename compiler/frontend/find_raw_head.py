"""The raw head behind a decoded output, where the file decodes its maps in the way that its family is known to.

That it does is not believed but shown: the file's own decoding and ours are run on random maps and must agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import numpy as np
import onnx
from onnx import TensorProto, helper

from zcc.compiler.frontend.model import Model
from zcc.compiler.frontend.outputs import with_outputs
from zcc.compiler.frontend.probe import open_session
from zcc.compiler.frontend.prune import ancestors
from zcc.compiler.ir.heads.decoding import Array, Level, Maps, RawHead
from zcc.compiler.ir.heads.table import family_of
from zcc.compiler.ir.tasks.detail_decoding import detail_decodings

SEED = 11
TOLERANCE = 1e-3  # pixels for boxes, and for scores of 0..1


def find_raw_head(model: Model) -> RawHead | None:
    """The raw head behind the decoded output, None when the file decodes in a way that zcc does not know."""
    head = model.head
    decoding = None if head.bare else family_of(head).decoding
    if decoding is None or head.every_class or head.suppression is not None:
        return None
    inferred = onnx.shape_inference.infer_shapes(model.proto)
    readings = decoding.readings(head, _levels(inferred, model))
    for reading, details in product(readings, detail_decodings(model.task, head.details) or (None,)):
        proven = _prove(replace(reading, details=details), inferred, model)
        if proven is not None:
            return proven
    return None


def with_maps(proto: onnx.ModelProto, raw: RawHead) -> onnx.ModelProto:
    """The graph with the maps as outputs behind its own."""
    return with_outputs(proto, raw.maps)


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


def _prove(raw: RawHead, proto: onnx.ModelProto, model: Model) -> RawHead | None:
    """The head, with what only the file knows, when its decoding equals the file's."""
    shapes = _shapes(proto)
    tail = _tail(proto, raw, model.head.output, shapes)
    if tail is None:
        return None
    session = open_session(tail)

    def decoded_by_the_file(maps: Maps) -> Array:
        output = np.asarray(session.run([model.head.output], dict(maps))[0][0])
        return output.T if model.head.candidates_last else output

    rng = np.random.default_rng(SEED)
    maps = {name: rng.normal(0, 2, shapes[name]).astype(np.float32) for name in raw.maps}
    raw = raw.decoding.completed(raw, maps, decoded_by_the_file)
    ours, theirs = raw.decoding.decode(raw, maps), decoded_by_the_file(maps)
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
