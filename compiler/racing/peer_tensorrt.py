"""TensorRT in a race, on the card that the artifact is for.

It is written to TensorRT's documentation, and no machine of ours could have TensorRT: it has raced nobody yet.
"""

from __future__ import annotations

from ctypes import byref, c_void_p

import cv2
import numpy as np
import tensorrt as trt

from zcc.compiler.racing.contestant import Floats, Step, Thresholds
from zcc.compiler.racing.opencv_frame import frame_steps
from zcc.compiler.racing.race_task import RaceTask
from zcc.runtime.errors import BenchmarkError
from zcc.runtime.executors.cuda_context import context
from zcc.runtime.executors.cuda_memory import DeviceMemory


class TensorRt:
    """An engine built for this card; frames go there and come back as OpenCV and numpy have them."""

    def __init__(self, task: RaceTask, threads: int) -> None:
        cv2.setNumThreads(threads)
        self._task, self._card = task, context(0)
        precision, engine = _built(task)
        self._output = np.zeros(task.head.shape, np.float32)
        self._there = DeviceMemory(self._card, 4 * 3 * task.spec.height * task.spec.width)
        self._back = DeviceMemory(self._card, self._output.nbytes)
        self._stream = c_void_p()
        with self._card:
            self._card.call("cuStreamCreate", byref(self._stream), 0)
            self._engine = trt.Runtime(trt.Logger(trt.Logger.ERROR)).deserialize_cuda_engine(engine)
            self._run = self._engine.create_execution_context()
        self._run.set_tensor_address(task.input, self._there.address)
        self._run.set_tensor_address(task.head.output, self._back.address)
        self.about = f"TensorRT {trt.__version__}, {precision}"

    def network(self, image: Floats) -> Floats:
        """The head's output; the way to the card and back is part of it."""
        self._there.write(np.ascontiguousarray(image).reshape(-1).view(np.uint8))
        with self._card:
            if not self._run.execute_async_v3(self._stream.value):
                raise BenchmarkError("TensorRT did not run its engine", "race without it")
            self._card.call("cuStreamSynchronize", self._stream)
        self._output.reshape(-1).view(np.uint8)[:] = self._back.read(0, self._output.nbytes)
        return self._output

    def steps(self, thresholds: Thresholds) -> tuple[Step, ...]:
        """OpenCV around the engine."""
        return frame_steps(self.network, self._task, thresholds)


def _built(task: RaceTask) -> tuple[str, bytes]:
    """What the engine computes in, and the engine."""
    builder = trt.Builder(trt.Logger(trt.Logger.ERROR))
    network, settings = builder.create_network(0), builder.create_builder_config()
    parser = trt.OnnxParser(network, trt.Logger(trt.Logger.ERROR))
    if not parser.parse_from_file(str(task.model)):
        raise BenchmarkError(f"TensorRT cannot read the model: {parser.get_error(0).desc()}", "race without it")
    # From TensorRT 11 on the model's own types decide.
    half = getattr(trt.BuilderFlag, "FP16", None) if task.dtype != "fp32" else None
    if half is not None:
        settings.set_flag(half)
    made = builder.build_serialized_network(network, settings)
    if made is None:
        raise BenchmarkError("TensorRT built no engine of the model", "race without it")
    return "fp16 where that is quicker" if half is not None else "fp32", bytes(made)
