"""The compiled network against ONNX Runtime, on the bytes that are about to be stored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from zcc.compiler.frontend.model import Model
from zcc.runtime.errors import BuildError
from zcc.runtime.manifest import Manifest, Measurement
from zcc.runtime.variant import Variant

TOLERANCE = 1e-3
SEED = 20240

Output = NDArray[np.float32]


def verify(folder: Path, manifest: Manifest, model: Model) -> Measurement:
    """The largest relative error of the head's output on noise; a BuildError when it is beyond tolerance."""
    shape = (1, 3, model.height, model.width)
    image = np.random.default_rng(SEED).random(shape, dtype=np.float32)
    error = relative_error(Variant(folder, manifest).run_network(image), reference_output(model, image))
    if not error <= TOLERANCE:
        raise BuildError(
            f"the compiled network is {error:.1e} off ONNX Runtime, more than {TOLERANCE:.0e}",
            "nothing was published; please report the model",
        )
    return Measurement("relative_error", error, "largest over the head's output, noise input, against ONNX Runtime")


def reference_output(model: Model, image: Output) -> Output:
    """What ONNX Runtime computes."""
    session = onnxruntime.InferenceSession(
        model.proto.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    (output,) = session.run([model.head.output], {model.input: image})
    return np.asarray(output, dtype=np.float32)


def relative_error(actual: Output, expected: Output) -> float:
    """The largest difference in proportion; values far below an attribute's range count against that range."""
    axes = tuple(range(expected.ndim - 1))
    scale = np.maximum(np.abs(expected), 1e-3 * np.abs(expected).max(axis=axes, keepdims=True))
    scale = np.maximum(scale, 1e-3 * max(float(np.abs(expected).max()), 1.0) * 1e-3)
    return float(np.max(np.abs(actual - expected) / scale)) if expected.size else 0.0
