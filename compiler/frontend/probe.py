"""Run the network on noise, so that what its outputs are is seen and not only guessed from shapes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from zcc.runtime.errors import ModelError
from zcc.runtime.host import usable_cpus

Samples = dict[str, list[NDArray[Any]]]

# Wild pixels drive activations far out: a sigmoid stays within 0..1 there, and nothing else does.
WILD = 20.0
MOST_THREADS = 4  # for two images; the time of all of them together is limited (see sandbox)


def probe_images(size: tuple[int, int]) -> list[NDArray[np.float32]]:
    """An image of noise and one of wild pixels."""
    rng = np.random.default_rng(0)
    shape = (1, 3, *size)
    return [rng.random(shape, np.float32), rng.normal(0, WILD, shape).astype(np.float32)]


def contrast_images(size: tuple[int, int]) -> list[NDArray[np.float32]]:
    """Noise of ordinary, high and very high contrast."""
    rng = np.random.default_rng(1)
    return [contrast * rng.random((1, 3, *size), np.float32) for contrast in (1, 2, 4)]


def sample_outputs(proto: onnx.ModelProto, images: Sequence[NDArray[np.float32]]) -> Samples:
    """Every output's value for each of the images."""
    names = [output.name for output in proto.graph.output]
    try:
        session = open_session(proto)
        runs = [session.run(names, {proto.graph.input[0].name: image}) for image in images]
    except Exception as error:  # the native library raises what it likes
        reason = str(error).strip().partition("\n")[0]
        raise ModelError(f"the model cannot be run: {reason}", "export the model again") from error
    return {name: [run[i] for run in runs] for i, name in enumerate(names)}


def refuse_rubbish(value: NDArray[Any]) -> None:
    """Raise a ModelError when an image of noise makes the network give what is no number."""
    if not np.isfinite(value).all():
        raise ModelError(
            "the model gives infinite numbers or none for an image of noise",
            "its weights are damaged or overflow half precision; export the model again",
        )


def open_session(proto: onnx.ModelProto) -> onnxruntime.InferenceSession:
    """A quiet session on the CPU."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = min(len(usable_cpus()), MOST_THREADS)
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # half of a small model's time
    return onnxruntime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
