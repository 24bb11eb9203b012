"""What values the maps of a network take over calibration frames."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zcc.compiler.backends.cpu.observing.observer import CpuMapObserver, Floats, FrameOf
from zcc.compiler.backends.cpu.targets.target import CpuTarget
from zcc.compiler.ir.ops import Network
from zcc.compiler.ir.tensors import Tensor
from zcc.compiler.precision.histogram import ValueHistogram
from zcc.compiler.precision.map_statistics import MapStatistics
from zcc.runtime.errors import BuildError
from zcc.runtime.frame import Pixels


def observe(
    network: Network, target: CpuTarget, frame_of: FrameOf, frames: Iterable[Pixels]
) -> dict[Tensor, MapStatistics]:
    """The statistics of every map that the detections depend on; the network stays as it is.

    The target is one that this machine runs; `frame_of` says how frames go into and out of a layout of the network.
    """
    seen: dict[Tensor, MapStatistics] = {}
    with tempfile.TemporaryDirectory(prefix="zcc-") as scratch:
        observer = CpuMapObserver(network, target, frame_of, Path(scratch))
        for frame in frames:
            observer.run(frame)
            for tensor, values in observer.maps.items():
                _refuse_endless(tensor, values)
                found = summarise(values, observer.channels(tensor))
                seen[tensor] = seen[tensor] + found if tensor in seen else found
    return seen


def summarise(values: Floats, channels: NDArray[np.int64]) -> MapStatistics:
    """The statistics of a map [blocks, height, width, lanes] whose lanes hold these channels; holes do not count."""
    filled = channels >= 0
    # Rows first, so that no sum in float32 grows long.
    sums = values.sum(axis=2).sum(axis=1, dtype=np.float64).reshape(-1)[filled]
    if not filled.all():
        values = values.transpose(0, 3, 1, 2).reshape(len(channels), -1)[filled]
    histogram = ValueHistogram.of(np.ascontiguousarray(values))
    return MapStatistics(sums / (histogram.total / filled.sum()), histogram)


def _refuse_endless(tensor: Tensor, values: Floats) -> None:
    # A sum is cheap, and stays finite where every value is.
    if not np.isfinite(values.sum(dtype=np.float64)):
        raise BuildError(
            f"the map {tensor.name} takes values that are no numbers on the calibration images",
            "check the model's weights, or compile it as fp32",
        )
