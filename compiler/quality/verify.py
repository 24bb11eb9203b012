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

NEAR_ZERO = 1e-3  # of an attribute's range
SEED = 20240

Output = NDArray[np.float32]


def verify(folder: Path, manifest: Manifest, model: Model, tolerance: float | None) -> Measurement:
    """The largest relative error of the head's output on noise; a BuildError when it is beyond tolerance.

    Without a tolerance, as for integers, the numbers must only be numbers: how good they are, pictures tell.
    """
    shape = (1, 3, model.height, model.width)
    image = np.random.default_rng(SEED).random(shape, dtype=np.float32)
    output = Variant(folder, manifest).run_network(image)
    error = relative_error(output, reference_output(model, image), 1 if model.head.candidates_last else 2)
    if not error <= (np.finfo(np.float32).max if tolerance is None else tolerance):
        raise BuildError(
            f"the compiled network is {error:.1e} off ONNX Runtime, more than {tolerance or 0:.0e}",
            "nothing was published; please report the model",
        )
    return Measurement("relative_error", error, "largest over the head's output, noise input, against ONNX Runtime")


def reference_output(model: Model, image: Output) -> Output:
    """What ONNX Runtime computes."""
    # Its Pad_Fusion lets zeros that stand before a max pool count for nothing.
    session = onnxruntime.InferenceSession(
        model.proto.SerializeToString(), providers=["CPUExecutionProvider"], disabled_optimizers=["Pad_Fusion"]
    )
    (output,) = session.run([model.head.output], {model.input: image})
    return np.asarray(output, dtype=np.float32)


def relative_error(actual: Output, expected: Output, attributes_axis: int) -> float:
    """The largest difference in proportion to its value.

    A value far below its attribute's range (for scores: below 1) counts against that range: two sigmoids differ in the
    seventh decimal, whatever the value.
    """
    axes = tuple(axis for axis in range(expected.ndim) if axis != attributes_axis)
    ranges = np.maximum(np.abs(expected).max(axis=axes, keepdims=True), 1.0)
    scale = np.maximum(np.abs(expected), NEAR_ZERO * ranges)
    return float(np.max(np.abs(actual - expected) / scale))
