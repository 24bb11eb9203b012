"""Which layers lose most in integers: the noise that each adds to what it was given, on calibration frames."""

from __future__ import annotations

import tempfile
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zcc.compiler.backends.cpu.observing.observer import Observer
from zcc.compiler.backends.cpu.targets.target import Target
from zcc.compiler.importing.imported import Imported
from zcc.compiler.ir.ops import Network, QuantisedConv
from zcc.compiler.ir.tensors import Tensor
from zcc.compiler.precision.calibrated import Shown
from zcc.compiler.precision.int8 import quantise

FRAMES = 4
TINY = 1e-20

Values = NDArray[np.float32]


def most_sensitive(source: Imported, shown: Shown, target: Target) -> list[str]:
    """The names of what the integer convolutions make, those that add most noise first."""
    calibration = shown.calibration
    exact = source.network()
    rounded = quantise(source.network(), calibration.quantisations, calibration.means)
    noise = _noise(source, shown, target, exact, rounded)
    added = {
        op.out.name: noise[op.out.name] - noise.get(op.x.name, 0.0)
        for op in rounded.ops
        if isinstance(op, QuantisedConv) and op.out.name in noise
    }
    return sorted(added, key=lambda name: -added[name])


def _noise(source: Imported, shown: Shown, target: Target, exact: Network, rounded: Network) -> dict[str, float]:
    """For each map the power of its error in proportion to the power of its values."""
    errors: dict[str, float] = {}
    powers: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="zcc-") as scratch:
        folders = [Path(scratch) / name for name in ("exact", "rounded")]
        for folder in folders:
            folder.mkdir()
        truth = Observer(exact, target, source.frame_of, folders[0])
        other = Observer(rounded, target, source.frame_of, folders[1])
        for frame in islice(shown.frames, FRAMES):
            truth.run(frame)
            values = {tensor.name: real_values(truth, tensor) for tensor in truth.maps}
            other.run(frame)
            for tensor in other.maps:
                if tensor.name in values:
                    expected = values[tensor.name]
                    error = real_values(other, tensor) - expected
                    errors[tensor.name] = errors.get(tensor.name, 0.0) + float(np.square(error).mean())
                    powers[tensor.name] = powers.get(tensor.name, TINY) + float(np.square(expected).mean())
    return {name: errors[name] / powers[name] for name in errors}


def real_values(observer: Observer, tensor: Tensor) -> Values:
    """The numbers that a map stands for, channel by channel."""
    channels = observer.channels(tensor)
    held = observer.maps[tensor].transpose(0, 3, 1, 2)
    values = held.reshape(len(channels), *held.shape[2:])[channels >= 0]
    return tensor.quantisation.dequantise(values) if tensor.quantisation else values.astype(np.float32)
