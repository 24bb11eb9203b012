"""Detectors that are little but a head: a convolution per scale stands for the whole body."""

from __future__ import annotations

import onnx

from tests.onnx_models import blocks, heads
from tests.onnx_models.graph import Graph, Tensor

STRIDES = (8, 16, 32)


def levels(g: Graph) -> list[Tensor]:
    """The maps that a body would hand to its head."""
    return [g.silu(g.conv(g.images, 12, stride, stride, pad=0)) for stride in STRIDES]


def anchors(classes: int, size: tuple[int, int]) -> onnx.ModelProto:
    """The head of yolov5."""
    g = Graph(size, 13, seed=5)
    return g.finish({"output0": heads.anchored(g, levels(g), classes, "split")[0]})


def distributed(classes: int, size: tuple[int, int], transposed: bool = False) -> onnx.ModelProto:
    """The head of yolov8."""
    g = Graph(size, 13, seed=8)
    out = heads.anchor_free(g, levels(g), classes, depthwise=False)
    return g.finish({"output0": g.transpose(out, (0, 2, 1)) if transposed else out})


def attending(classes: int, size: tuple[int, int]) -> onnx.ModelProto:
    """The head of yolo11, its largest map looked at by attention first."""
    g = Graph(size, 13, seed=11)
    first, *others = levels(g)
    looked_at = blocks.c2psa(g, g.silu(g.conv(first, 16)))
    return g.finish({"output0": heads.anchor_free(g, [looked_at, *others], classes, depthwise=True)})
