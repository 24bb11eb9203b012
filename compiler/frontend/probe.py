"""Run the network on noise, so that what its outputs are is seen and not only guessed from shapes."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from zcc.runtime.errors import ModelError

Samples = dict[str, list[NDArray[Any]]]

# Wild pixels drive activations far out: a sigmoid stays within 0..1 there, and nothing else does.
WILD = 20.0


def sample_outputs(proto: onnx.ModelProto, size: tuple[int, int]) -> Samples:
    """Every output's value for an image of noise and for one of wild pixels, in that order."""
    rng = np.random.default_rng(0)
    shape = (1, 3, *size)
    images = (rng.random(shape, np.float32), rng.normal(0, WILD, shape).astype(np.float32))
    names = [output.name for output in proto.graph.output]
    try:
        session = open_session(proto)
        runs = [session.run(names, {proto.graph.input[0].name: image}) for image in images]
    except Exception as error:  # the native library raises what it likes
        reason = str(error).strip().partition("\n")[0]
        raise ModelError(f"the model cannot be run: {reason}", "export the model again") from error
    return {name: [run[i] for run in runs] for i, name in enumerate(names)}


def open_session(proto: onnx.ModelProto) -> onnxruntime.InferenceSession:
    """A quiet session on the CPU."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
