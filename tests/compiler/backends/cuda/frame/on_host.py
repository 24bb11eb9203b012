"""The frame kernels for CUDA, run on the host."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.compiler.backends.cpu.frame.harness import Detections
from tests.compiler.backends.cuda.host_device import HostDevice
from zcc.compiler.backends.cuda.frame.heads import FrameHead
from zcc.compiler.backends.cuda.frame.image import ImageLayout
from zcc.compiler.backends.cuda.frame.kernels import FrameKernels
from zcc.compiler.ir.heads.head import Suppression
from zcc.runtime.executors.frame_block import FORMATS, FRAME, PARAMETERS_SIZE, RESULT_HEADER, ResultLayout, letterbox
from zcc.runtime.executors.plan import Place
from zcc.runtime.manifest import InputSpec

ALIGNMENT = 256
NUMPY = {"float16": np.float16, "float32": np.float32, "uint8": np.uint8, "bfloat16": np.uint16}


class FrameOnHost:
    """Both sides of the network, in one arena: the image, the frame kernels' own memory, then the head's maps."""

    def __init__(
        self,
        spec: InputSpec,
        layout: ImageLayout,
        head: FrameHead,
        max_det: int = 300,
        head_bytes: int = 0,
        suppression: Suppression | None = None,
    ) -> None:
        self.spec, self.layout = spec, layout
        self.kernels = FrameKernels(spec, layout, head, max_det, suppression)
        self.result = ResultLayout(max_det)
        image = -(-layout.size(spec.height, spec.width) // ALIGNMENT) * ALIGNMENT
        self.maps_at = head_bytes and -(-head_bytes // ALIGNMENT) * ALIGNMENT
        scratch = Place("arena", self.maps_at + image)
        regions = {
            "weights": 0,
            "arena": scratch.offset + self.kernels.scratch_bytes,
            "parameters": PARAMETERS_SIZE,
            "result": self.result.size,
        }
        self.image = Place("arena", self.maps_at)
        sources = (self.kernels.preprocess_source, self.kernels.postprocess_source)
        self.device = HostDevice(regions, sources)
        self.before = self.kernels.preprocess(self.image, scratch).launches
        self.after = self.kernels.postprocess(scratch).launches

    def tell(
        self,
        planes: tuple[NDArray[np.uint8], ...],
        size: tuple[int, int],
        format_name: str = "bgr",
        conf: float = 0.25,
        iou: float = 0.45,
    ) -> None:
        """Write the parameters of a frame."""
        addresses = [plane.ctypes.data for plane in planes] + [0] * (3 - len(planes))
        pitches = [plane.strides[0] for plane in planes] + [0] * (3 - len(planes))
        block = self.device.memory["parameters"]
        FRAME.pack_into(block, 0, *addresses, *pitches, FORMATS.index(format_name), conf, iou)
        block[FRAME.size :] = np.frombuffer(letterbox(self.spec, *size).packed(), np.uint8)

    def preprocess(self, planes: tuple[NDArray[np.uint8], ...], format_name: str) -> NDArray[Any]:
        """The image that a frame becomes."""
        self.tell(planes, planes[0].shape[:2], format_name)
        for launch in self.before:
            self.device.run(launch)
        element = np.dtype(NUMPY[self.layout.dtype])
        pixels = self.device.memory["arena"][self.image.offset :].view(element)
        strides = (self.layout.row_pitch * 4 * element.itemsize, 4 * element.itemsize, element.itemsize)
        shape = (self.spec.height, self.spec.width, 4)
        return np.lib.stride_tricks.as_strided(pixels, shape, strides).copy()

    def postprocess(self, maps: NDArray[Any], size: tuple[int, int] | None, conf: float, iou: float) -> Detections:
        """The detections in the head's output, in a frame of that size, or in the one that was preprocessed last."""
        data = np.ascontiguousarray(maps).view(np.uint8).reshape(-1)
        self.device.memory["arena"][: data.size] = data
        if size is not None:
            self.tell((), size, conf=conf, iou=iou)
        for launch in self.after:
            self.device.run(launch)
        memory = self.device.memory["result"]
        count, self.edges, _ = RESULT_HEADER.unpack_from(memory)
        boxes = memory[self.result.boxes : self.result.scores].view(np.float32).reshape(-1, 4)
        scores = memory[self.result.scores : self.result.classes].view(np.float32)
        classes = memory[self.result.classes : self.result.size].view(np.int32)
        return Detections(boxes[:count].copy(), scores[:count].copy(), classes[:count].copy())
