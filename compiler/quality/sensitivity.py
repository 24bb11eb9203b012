"""Which layers lose most in integers: the noise that each adds to what it was given, on calibration frames."""

from __future__ import annotations

import tempfile
from itertools import islice
from pathlib import Path

import numpy as np

from zcc.compiler.backends.table import REFERENCE
from zcc.compiler.backends.target import Target
from zcc.compiler.importing.imported import Imported
from zcc.compiler.ir.ops import Network, QuantisedConv
from zcc.compiler.precision.calibrated import Calibrated
from zcc.compiler.precision.int8 import quantise

FRAMES = 4  # the order of layers is wanted, not their noise to the digit
TINY = 1e-20  # power of values, so that maps of zeros divide nothing by zero


def most_sensitive(source: Imported, calibrated: Calibrated, target: Target) -> list[str]:
    """The names of what the integer convolutions make with the target's weights, those that add most noise first."""
    calibration = calibrated.calibration
    exact = source.network()
    rounded = quantise(source.network(), calibration.quantisations, calibration.means, words=target.short_words)
    noise = _noise(source, calibrated, exact, rounded)
    added = {
        op.out.name: noise[op.out.name] - noise.get(op.x.name, 0.0)
        for op in rounded.ops
        if isinstance(op, QuantisedConv) and op.out.name in noise
    }
    return sorted(added, key=lambda name: -added[name])


def _noise(source: Imported, calibrated: Calibrated, exact: Network, rounded: Network) -> dict[str, float]:
    """For each map the power of its error in proportion to the power of its values."""
    errors: dict[str, float] = {}
    powers: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="zcc-") as scratch:
        folders = [Path(scratch) / name for name in ("exact", "rounded")]
        for folder in folders:
            folder.mkdir()
        truth = REFERENCE.observer(source, exact, folders[0])
        other = REFERENCE.observer(source, rounded, folders[1])
        for frame in islice(calibrated.frames, FRAMES):
            truth.run(frame)
            expected = truth.real_values()
            other.run(frame)
            for name, values in other.real_values().items():
                if name in expected:
                    error = values - expected[name]
                    errors[name] = errors.get(name, 0.0) + float(np.square(error).mean())
                    powers[name] = powers.get(name, TINY) + float(np.square(expected[name]).mean())
    return {name: errors[name] / powers[name] for name in errors}
