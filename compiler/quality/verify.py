"""The compiled network against ONNX Runtime, on the bytes that are about to be stored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime

from zcc.compiler.backends.common.relative_error import NEAR_ZERO, SUM_NEAR_ZERO, Output, head_error, relative_error
from zcc.compiler.backends.table import backend_of
from zcc.compiler.building.job import Job
from zcc.compiler.frontend.model import Model
from zcc.compiler.frontend.outputs import with_outputs
from zcc.compiler.precision.table import Tolerance
from zcc.runtime.errors import BuildError
from zcc.runtime.frame import Pixels
from zcc.runtime.manifest import Manifest, Measurement

SEED = 20240
NUMBERS = Tolerance(float(np.finfo(np.float32).max))  # any number is right, and what is no number is not
ALL_OF_IT = 1.0  # of the range: what all values are held against


def verify(folder: Path, manifest: Manifest, job: Job) -> Measurement:
    """How far what the built network makes of noise is off; a BuildError when that is beyond the precision's tolerance.

    Without a tolerance, as for integers, the numbers must only be numbers: how good they are, pictures tell.
    """
    model, tolerance = job.source.model, job.precision.tolerance or NUMBERS
    picture = np.random.default_rng(SEED).integers(0, 256, (model.height, model.width, 3), dtype=np.uint8)
    outputs = backend_of(job.target).outputs(job.source, folder, manifest, picture)
    expected = reference_outputs(model, tuple(outputs), picture)
    error = max(_error(model, name, actual, expected[name], tolerance) for name, actual in outputs.items())
    if not error <= tolerance.most:
        raise BuildError(
            f"the compiled network is {error:.1e} off ONNX Runtime, more than {tolerance.most:.0e}",
            "nothing was published; please report the model",
        )
    part = ", in parts of each attribute's range" if tolerance.of_range else ""
    how = f"largest over the head's output{part}, noise input, against ONNX Runtime"
    return Measurement("relative_error", error, how)


def _error(model: Model, name: str, actual: Output, expected: Output, tolerance: Tolerance) -> float:
    """Of the head's output, or of a map that it is decoded from: sums, that are as exact as what they sum up."""
    is_head = name == model.head.output
    near_zero = ALL_OF_IT if tolerance.of_range else NEAR_ZERO if is_head else SUM_NEAR_ZERO
    if is_head:
        return head_error(actual, expected, model.head, near_zero)
    return relative_error(actual, expected, 1, near_zero)


def reference_outputs(model: Model, names: tuple[str, ...], picture: Pixels) -> dict[str, Output]:
    """What ONNX Runtime computes for a picture in RGB, by the names of the file's tensors."""
    image = np.ascontiguousarray(picture.transpose(2, 0, 1)[None], np.float32) / np.float32(255)
    own = {output.name for output in model.proto.graph.output}
    proto = with_outputs(model.proto, tuple(name for name in names if name not in own))
    # Its Pad_Fusion lets zeros that stand before a max pool count for nothing.
    session = onnxruntime.InferenceSession(
        proto.SerializeToString(), providers=["CPUExecutionProvider"], disabled_optimizers=["Pad_Fusion"]
    )
    found = session.run(list(names), {model.input: image})
    return {name: np.asarray(output, dtype=np.float32) for name, output in zip(names, found, strict=True)}
