"""Networks are told apart by what they compute, not by their weights."""

from __future__ import annotations

from pathlib import Path

import onnx
from onnx import numpy_helper

from tests.compiler.loaded import load_here
from tests.onnx_models import build
from zcc.compiler.backends.cpu.lowering.identity import network_key
from zcc.compiler.importing.fuse import fuse
from zcc.compiler.importing.read_network import read_network
from zcc.compiler.importing.relax_module import import_proto


def loaded(family: str, size: tuple[int, int], folder: Path) -> onnx.ModelProto:
    path = folder / "model.onnx"
    onnx.save(build(family, imgsz=size), path)
    return load_here(path).proto


def key(proto: onnx.ModelProto) -> str:
    return network_key(fuse(read_network(import_proto(proto))))


def with_other_weights(proto: onnx.ModelProto) -> onnx.ModelProto:
    """The same graph, its convolutions' weights halved."""
    changed = onnx.ModelProto()
    changed.CopyFrom(proto)
    weights = {node.input[1] for node in changed.graph.node if node.op_type == "Conv"}
    for held in changed.graph.initializer:
        if held.name in weights:
            held.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(held) / 2, held.name))
    return changed


def test_weights_do_not_matter_but_sizes_and_families_do(tmp_path: Path) -> None:
    proto = loaded("yolov8", (64, 64), tmp_path)
    changed = with_other_weights(proto)
    assert changed.SerializeToString() != proto.SerializeToString()
    assert key(changed) == key(proto) == key(proto)
    others = [loaded("yolov8", (64, 96), tmp_path), loaded("yolov5", (64, 64), tmp_path)]
    assert len({key(proto), *map(key, others)}) == 3
