"""The CPU's frame kernels, whose results those of a card must equal."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import tvm
import tvm_ffi
from numpy.typing import NDArray
from tvm.target.codegen import llvm_get_system_cpu

from zcc.compiler.backends.cpu.frame.columns import scratch_shape
from zcc.compiler.backends.cpu.frame.image_layout import BytePixels
from zcc.compiler.backends.cpu.frame.postprocess import build_postprocess, scratch
from zcc.compiler.backends.cpu.frame.preprocess import build_preprocess
from zcc.compiler.backends.cpu.frame.scratch import elements
from zcc.runtime.manifest import InputSpec

Array = NDArray[Any]


def _compiled(func: Any) -> Any:
    name = func.attrs["global_symbol"]
    target = tvm.target.Target({"kind": "llvm", "mcpu": llvm_get_system_cpu()})
    return tvm.compile(tvm.IRModule({name: func}), target=target)[name]


@cache
def _preprocess(spec: InputSpec, name: str) -> Any:
    return _compiled(build_preprocess(spec, BytePixels(4 * spec.width), name))


def levels(spec: InputSpec, name: str, planes: tuple[Array, ...]) -> tuple[Array, float]:
    """Red, green, blue and zero of every pixel, and the share of edges."""
    image, table = np.empty((spec.height, spec.width, 4), np.uint8), np.empty(scratch_shape(spec), np.int32)
    edges = np.empty(1, np.float32)
    _preprocess(spec, name)(*map(tvm_ffi.from_dlpack, (*planes, image, table, edges)))
    return image, float(edges[0])


class Postprocess:
    """Of one head."""

    def __init__(self, head: Any, spec: InputSpec, max_det: int) -> None:
        self._kernel, self._max_det = _compiled(build_postprocess(head, spec, max_det)), max_det
        floats, integers = (elements(shapes) for shapes in scratch(head, max_det))
        self._scratch = np.empty(floats, np.float32), np.empty(integers, np.int32)

    def __call__(self, output: Array, size: tuple[int, int], conf: float, iou: float) -> tuple[Array, Array, Array]:
        """Boxes, scores and classes."""
        boxes, scores = np.zeros((self._max_det, 4), np.float32), np.zeros(self._max_det, np.float32)
        labels, count = np.zeros(self._max_det, np.int32), np.zeros(1, np.int32)
        details = np.zeros((self._max_det, 1), np.float32)  # of which detections have none
        arrays = map(tvm_ffi.from_dlpack, (boxes, scores, labels, count, details, *self._scratch))
        self._kernel(tvm_ffi.from_dlpack(np.ascontiguousarray(output)), *size, conf, iou, *arrays)
        return boxes[: count[0]], scores[: count[0]], labels[: count[0]]
