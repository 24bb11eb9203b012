"""From what was observed to what the bytes of every map stand for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zcc.compiler.ir.needed_ops import ops_for
from zcc.compiler.ir.ops import Conv, Network
from zcc.compiler.ir.quantisation import IMAGE, Quantisation
from zcc.compiler.ir.tensors import Tensor
from zcc.compiler.precision.calibrators import CALIBRATORS, DEFAULT, Calibrator
from zcc.compiler.precision.histogram import ValueHistogram
from zcc.compiler.precision.map_statistics import MapStatistics
from zcc.compiler.precision.ties import Ties, moved
from zcc.runtime.errors import UsageError


@dataclass(frozen=True)
class Calibration:
    """By the names of maps: what their bytes stand for, and the mean of each of their channels.

    A map that no convolution reads, be it through a concat or a pool, has no quantisation: it stays in float.
    """

    quantisations: Mapping[str, Quantisation]
    means: Mapping[str, NDArray[np.float64]]
    floating: frozenset[str] = frozenset()  # convolutions, by what they make, that stay in float


def find_calibrator(name: str) -> Calibrator:
    """The calibrator of that name."""
    if name not in CALIBRATORS:
        raise UsageError(f"there is no calibrator {name!r}", f"choose one of {', '.join(CALIBRATORS)}")
    return CALIBRATORS[name]


def calibrate(network: Network, seen: Mapping[Tensor, MapStatistics], method: str = DEFAULT) -> Calibration:
    """Choose the quantisation of every map that convolutions read, one for all maps that are tied together."""
    calibrator = find_calibrator(method)
    ops = ops_for(network.read, network.ops)
    elsewhere = moved(ops)
    read = {op.x for op in ops if isinstance(op, Conv)}
    quantisations: dict[str, Quantisation] = {}
    for group in Ties(ops).groups():
        if read.isdisjoint(group):
            continue
        histogram = _sum([seen[tensor].histogram for tensor in group if tensor not in elsewhere])
        shared = IMAGE if group == [network.image] else Quantisation.of_range(*calibrator(histogram))
        quantisations.update({tensor.name: shared for tensor in group})
    return Calibration(quantisations, {tensor.name: found.means for tensor, found in seen.items()})


def _sum(histograms: Sequence[ValueHistogram]) -> ValueHistogram:
    first, *others = histograms
    return sum(others, first)
