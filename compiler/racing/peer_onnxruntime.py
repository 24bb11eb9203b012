"""ONNX Runtime in a race."""

from __future__ import annotations

import cv2
import numpy as np
import onnxruntime

from zcc.compiler.racing.contestant import Floats, Step, Thresholds
from zcc.compiler.racing.opencv_frame import frame_steps
from zcc.compiler.racing.race_task import RaceTask


class OnnxRuntime:
    """A session on the CPU, its memory bound once."""

    def __init__(self, task: RaceTask, threads: int) -> None:
        cv2.setNumThreads(threads)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(str(task.model), options, providers=["CPUExecutionProvider"])
        self._task = task
        self._binding = self._session.io_binding()
        self._output = np.zeros(task.head.shape, np.float32)
        self._binding.bind_output(task.head.output, "cpu", 0, np.float32, self._output.shape, self._output.ctypes.data)
        self.about = f"ONNX Runtime {onnxruntime.__version__}, fp32"

    def network(self, image: Floats) -> Floats:
        """The head's output, in memory of our own: nothing is copied."""
        self._binding.bind_input(self._task.input, "cpu", 0, np.float32, image.shape, image.ctypes.data)
        self._session.run_with_iobinding(self._binding)
        return self._output

    def steps(self, thresholds: Thresholds) -> tuple[Step, ...]:
        """OpenCV around the session."""
        return frame_steps(self.network, self._task, thresholds)
