"""OpenVINO in a race."""

from __future__ import annotations

import cv2
import openvino

from zcc.compiler.racing.contestant import Floats, Step, Thresholds
from zcc.compiler.racing.opencv_frame import frame_steps
from zcc.compiler.racing.task import Task

# What OpenVINO is told to compute in, by the artifact's dtype; without a row it computes in f32.
PRECISIONS = {"fp32": "f32", "bf16": "bf16", "fp16": "f16"}


class OpenVino:
    """A compiled model on the CPU, tuned for latency."""

    def __init__(self, task: Task, threads: int) -> None:
        cv2.setNumThreads(threads)
        precision = PRECISIONS.get(task.dtype, "f32")
        settings = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": precision,
            "INFERENCE_NUM_THREADS": threads,
        }
        core = openvino.Core()
        self._request = core.compile_model(core.read_model(task.model), "CPU", settings).create_infer_request()
        self._task = task
        self.about = f"OpenVINO {openvino.__version__.partition('-')[0]}, {precision}, latency hint"

    def network(self, image: Floats) -> Floats:
        """The head's output, read and written where it lies."""
        self._request.infer([image], share_inputs=True, share_outputs=True)
        output: Floats = self._request.get_output_tensor(0).data
        return output

    def steps(self, thresholds: Thresholds) -> tuple[Step, ...]:
        """OpenCV around the model."""
        return frame_steps(self.network, self._task, thresholds)
