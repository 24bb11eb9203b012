"""Frame kernels compiled alone and called with numpy arrays."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np
import tvm
import tvm_ffi
from numpy.typing import NDArray
from tvm.target.codegen import llvm_get_system_cpu

from zcc.compiler.backends.cpu.frame.columns import scratch_shape
from zcc.compiler.backends.cpu.frame.image_layout import image_layout
from zcc.compiler.backends.cpu.frame.postprocess import DETECTION, build_postprocess, scratch
from zcc.compiler.backends.cpu.frame.preprocess import build_preprocess
from zcc.compiler.backends.cpu.frame.scratch import elements
from zcc.compiler.ir.heads.head import Head
from zcc.runtime.manifest import InputSpec, TaskInfo

HALO = 1
UNTOUCHED = {"float32": -7, "uint8": 249}
SHORT = "uint16"  # four bfloat16 numbers a pixel


class Machine(NamedTuple):
    """What a kernel is compiled for."""

    cpu: str
    lanes: int


HOST = Machine(llvm_get_system_cpu(), 16)
NARROW = Machine("generic", 4)
MACHINES = (HOST, NARROW)


NO_DETAILS = np.zeros((0, 0), np.float32)


class Detections(NamedTuple):
    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    labels: NDArray[np.int32]
    details: NDArray[np.float32] = NO_DETAILS


def compile_kernel(func: tvm.tirx.PrimFunc, machine: Machine) -> tvm.runtime.Executable:
    target = {"kind": "llvm"} if machine.cpu == "generic" else {"kind": "llvm", "mcpu": machine.cpu}
    name = func.attrs["global_symbol"]
    return tvm.compile(tvm.IRModule({name: func}), target=tvm.target.Target(target))[name]


class Preprocess:
    """The preprocess kernel, writing into the interior of a padded image: float32 planes, or pixels."""

    def __init__(self, spec: InputSpec, machine: Machine, dtype: str = "float32", name: str | None = None) -> None:
        rows, cols = spec.height + 2 * HALO, spec.width + 2 * HALO
        pixels = dtype != "float32"
        pixel = 4 if pixels else 1
        layout = image_layout(dtype, row_pitch=cols * pixel, plane_pitch=rows * cols)
        built = build_preprocess(spec, layout, name or spec.color, lanes=machine.lanes)
        self.kernel = compile_kernel(built, machine)
        self.padded = np.empty((rows, cols, 4) if pixels else (3, rows, cols), dtype)
        inner = slice(HALO, -HALO)
        self.interior = self.padded[inner, inner] if pixels else self.padded[:, inner, inner]
        self.scratch = np.empty(scratch_shape(spec), np.int32)
        self.share = np.zeros(1, np.float32)

    def __call__(self, *planes: NDArray[np.uint8]) -> NDArray[Any]:
        self.padded[:] = UNTOUCHED.get(self.padded.dtype.name, 1)
        self.scratch[:] = -1
        self.share[:] = np.nan
        arrays = (*planes, self.interior, self.scratch, self.share)
        self.kernel(*map(tvm_ffi.from_dlpack, arrays))
        return self.interior.copy()


class Postprocess:
    """The postprocess kernel; its scratch starts out as rubbish."""

    def __init__(self, head: Head, spec: InputSpec, max_det: int, machine: Machine, task: TaskInfo = DETECTION) -> None:
        self.kernel = compile_kernel(build_postprocess(head, spec, max_det, lanes=machine.lanes, task=task), machine)
        self.max_det, self.width = max_det, max(task.details, 1)
        floats, integers = (elements(shapes) for shapes in scratch(head, max_det, machine.lanes, task))
        self.scratch = (np.full(floats, np.nan, np.float32), np.full(integers, -77, np.int32))

    def __call__(self, output: NDArray[np.float32], size: tuple[int, int], conf: float, iou: float) -> Detections:
        boxes = np.full((self.max_det, 4), np.nan, np.float32)
        scores = np.full(self.max_det, np.nan, np.float32)
        labels, count = np.full(self.max_det, -1, np.int32), np.full(1, -1, np.int32)
        details = np.full((self.max_det, self.width), np.nan, np.float32)
        arrays = map(tvm_ffi.from_dlpack, (boxes, scores, labels, count, details, *self.scratch))
        self.kernel(tvm_ffi.from_dlpack(np.ascontiguousarray(output)), *size, conf, iou, *arrays)
        (found,) = count
        assert (labels[found:] == -1).all()
        return Detections(boxes[:found], scores[:found], labels[:found], details[:found])


preprocess = functools.cache(Preprocess)
postprocess = functools.cache(Postprocess)
