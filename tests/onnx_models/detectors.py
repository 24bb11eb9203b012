"""Whole detectors, by the name of the family they stand for."""

from __future__ import annotations

from collections.abc import Callable

import onnx

from tests.onnx_models import endings, heads, necks
from tests.onnx_models.graph import Graph, Tensor

Outputs = dict[str, Tensor]
Body = Callable[..., Outputs]


def yolov3(g: Graph, classes: int, width: int, decode: str = "exp") -> Outputs:
    """Three scales, Darknet's decode."""
    return {"output0": heads.anchored(g, necks.yolov3(g, width), classes, decode)[0]}


def yolov3_tiny(g: Graph, classes: int, width: int, decode: str = "exp") -> Outputs:
    """Two scales, strides 16 and 32."""
    return {"output0": heads.anchored(g, necks.yolov3_tiny(g, width), classes, decode)[0]}


def yolov5(g: Graph, classes: int, width: int, inplace: bool = False, raw_maps: bool = False) -> Outputs:
    """The 3-anchor head; `raw_maps` keeps the undecoded maps as further outputs, as old exports do."""
    decoded, raw = heads.anchored(g, necks.yolov5(g, width), classes, "inplace" if inplace else "split")
    extra = {f"raw{i}": tensor for i, tensor in enumerate(raw)} if raw_maps else {}
    return {"output0": decoded, **extra}


def yolov8(g: Graph, classes: int, width: int, transposed: bool = False) -> Outputs:
    """The anchor-free head; `transposed` gives (1, N, 4 + classes)."""
    out = heads.anchor_free(g, necks.yolov8(g, width), classes, depthwise=False)
    return {"output0": g.transpose(out, (0, 2, 1)) if transposed else out}


def yolo11(g: Graph, classes: int, width: int) -> Outputs:
    """Attention in the backbone, a depthwise class branch."""
    return {"output0": heads.anchor_free(g, necks.yolo11(g, width), classes, depthwise=True)}


def yolov10(g: Graph, classes: int, width: int, max_det: int = 300) -> Outputs:
    """End to end without NMS."""
    out = heads.anchor_free(g, necks.yolov8(g, width), classes, depthwise=True, corners=True)
    return {"output0": endings.best_candidates(g, out, max_det)}


def yolov8_nms(g: Graph, classes: int, width: int, max_det: int = 300, masked: bool = False) -> Outputs:
    """End to end with an NMS of its own, over every class or, `masked`, over each candidate's best."""
    out = heads.anchor_free(g, necks.yolov8(g, width), classes, depthwise=False)
    ending = endings.masked if masked else endings.suppressed
    return {"output0": ending(g, out, max_det)}


DETECTORS: dict[str, Body] = {
    "yolov3": yolov3,
    "yolov3-tiny": yolov3_tiny,
    "yolov5": yolov5,
    "yolov8": yolov8,
    "yolo11": yolo11,
    "yolov10": yolov10,
    "yolov8-nms": yolov8_nms,
}


def build(
    family: str,
    *,
    imgsz: tuple[int, int] = (64, 64),
    classes: int = 4,
    width: int = 8,
    opset: int = 13,
    seed: int = 0,
    **options: bool | int | str,
) -> onnx.ModelProto:
    """A checked detector of a family; `imgsz` is (height, width), `width` the channels of its stem."""
    graph = Graph(imgsz, opset, seed)
    return graph.finish(DETECTORS[family](graph, classes, width, **options))
