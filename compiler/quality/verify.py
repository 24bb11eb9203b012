"""The compiled network against ONNX Runtime, on the bytes that are about to be stored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime

from zcc.compiler.backends.common.relative_error import Output, error_of_range, relative_error
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


def verify(folder: Path, manifest: Manifest, job: Job) -> Measurement:
    """How far what the built network makes of noise is off; a BuildError when that is beyond the precision's tolerance.

    Without a tolerance, as for integers, the numbers must only be numbers: how good they are, pictures tell.
    """
    model = job.source.model
    picture = np.random.default_rng(SEED).integers(0, 256, (model.height, model.width, 3), dtype=np.uint8)
    outputs = backend_of(job.target).outputs(job.source, folder, manifest, picture)
    expected = reference_outputs(model, tuple(outputs), picture)
    attributes = {name: 2 if name == model.head.output and not model.head.candidates_last else 1 for name in outputs}
    tolerance = job.precision.tolerance or NUMBERS
    measure = error_of_range if tolerance.of_range else relative_error
    error = max(measure(actual, expected[name], attributes[name]) for name, actual in outputs.items())
    if not error <= tolerance.most:
        raise BuildError(
            f"the compiled network is {error:.1e} off ONNX Runtime, more than {tolerance.most:.0e}",
            "nothing was published; please report the model",
        )
    part = ", in parts of each attribute's range" if tolerance.of_range else ""
    how = f"largest over the head's output{part}, noise input, against ONNX Runtime"
    return Measurement("relative_error", error, how)


def reference_outputs(model: Model, names: tuple[str, ...], picture: Pixels) -> dict[str, Output]:
    """What ONNX Runtime computes for a picture in RGB, by the names of the file's tensors."""
    image = np.ascontiguousarray(picture.transpose(2, 0, 1)[None], np.float32) / np.float32(255)
    proto = with_outputs(model.proto, tuple(name for name in names if name != model.head.output))
    # Its Pad_Fusion lets zeros that stand before a max pool count for nothing.
    session = onnxruntime.InferenceSession(
        proto.SerializeToString(), providers=["CPUExecutionProvider"], disabled_optimizers=["Pad_Fusion"]
    )
    found = session.run(list(names), {model.input: image})
    return {name: np.asarray(output, dtype=np.float32) for name, output in zip(names, found, strict=True)}
