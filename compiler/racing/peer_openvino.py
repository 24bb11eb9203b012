"""OpenVINO in a race."""

from __future__ import annotations

import os

import cv2
import openvino

from zcc.compiler.racing.contestant import Floats, Step, Thresholds
from zcc.compiler.racing.opencv_frame import frame_steps
from zcc.compiler.racing.race_task import RaceTask

# What OpenVINO is told to compute in, by the artifact's dtype. Without a row it chooses what it finds the fastest.
PRECISIONS = {"fp32": "f32", "bf16": "bf16", "fp16": "f16"}
# What OpenVINO's kernels are held to, by target; with less than AVX, OpenVINO 2026.4 compiles no model.
HOLD = "ONEDNN_MAX_CPU_ISA"
INSTRUCTIONS = {
    "x86-64-v2": "AVX",
    "x86-64-v3": "AVX2",
    "x86-64-v3-vnni": "AVX2_VNNI",
    "x86-64-v4": "AVX512_CORE",
    "x86-64-v4-vnni": "AVX512_CORE_VNNI",
    "x86-64-v4-bf16": "AVX512_CORE_BF16",
    "x86-64-v4-fp16": "AVX512_CORE_FP16",
    "x86-64-v4-amx": "AVX512_CORE_AMX",
    "x86-64-v4-amx-fp16": "AVX512_CORE_AMX_FP16",
}
# Targets for which it makes do with AVX-512.
WITH_BFLOAT16 = ("", *(target for target in INSTRUCTIONS if target.startswith("x86-64-v4")))


def precision_hint(dtype: str, held_to: str) -> dict[str, str]:
    """What to compute in, where that is not OpenVINO's choice: it takes bfloat16 wherever the processor has it, and
    fails where it is then held to less.
    """
    alone = None if held_to in WITH_BFLOAT16 else "f32"
    hint = PRECISIONS.get(dtype, alone)
    return {"INFERENCE_PRECISION_HINT": hint} if hint else {}


class OpenVino:
    """A compiled model on the CPU, tuned for latency."""

    model = ""  # what is special about it, for people

    def __init__(self, task: RaceTask, threads: int) -> None:
        cv2.setNumThreads(threads)
        settings = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": threads,
            **precision_hint(task.dtype, task.held_to),
        }
        held = ""
        if task.held_to:
            os.environ[HOLD] = INSTRUCTIONS[task.held_to]  # read when the first model is compiled
            held = f", held to {INSTRUCTIONS[task.held_to]}"
        core = openvino.Core()
        compiled = core.compile_model(core.read_model(task.model), "CPU", settings)
        self._request = compiled.create_infer_request()
        self._task = task
        precision = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()  # what it really is
        self.about = f"OpenVINO {openvino.__version__.partition('-')[0]}, {self.model}{precision}, latency hint{held}"

    def network(self, image: Floats) -> Floats:
        """The head's output, read and written where it lies."""
        self._request.infer([image], share_inputs=True, share_outputs=True)
        output: Floats = self._request.get_output_tensor(0).data
        return output

    def steps(self, thresholds: Thresholds) -> tuple[Step, ...]:
        """OpenCV around the model."""
        return frame_steps(self.network, self._task, thresholds)


class OpenVinoOfNncf(OpenVino):
    """The same with a model that NNCF quantised."""

    model = "int8 of NNCF's defaults, the rest "
