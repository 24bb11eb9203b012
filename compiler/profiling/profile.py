"""Where a stored artifact's network spends its time, kernel by kernel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zcc.compiler.backends.common.machine import arithmetic_of
from zcc.runtime.manifest import Manifest
from zcc.runtime.variant import Variant

WARM_UP = 3
SEED = 20243


@dataclass(frozen=True)
class KernelTime:
    """One kernel call, in the order they run."""

    kernel: str
    makes: str  # the tensor
    seconds: float  # median
    flops: int
    bytes: int

    @property
    def arithmetic(self) -> str:
        """What it multiplies."""
        return arithmetic_of(self.kernel)

    @property
    def flops_per_second(self) -> float:
        """Arithmetic that the result needs, per second."""
        return self.flops / self.seconds if self.seconds else 0.0

    @property
    def bytes_per_second(self) -> float:
        """Memory that the call cannot do without, per second."""
        return self.bytes / self.seconds if self.seconds else 0.0


def profile_artifact(folder: Path, rounds: int) -> list[KernelTime]:
    """The median time of every kernel call over so many runs of the network."""
    manifest = Manifest.read(folder)
    variant = Variant(folder, manifest)
    shape = (1, 3, manifest.input.height, manifest.input.width)
    image = np.random.default_rng(SEED).random(shape, dtype=np.float32)
    readings = [variant.profile(image) for _ in range(WARM_UP + rounds)]
    seconds = np.median(readings[WARM_UP:], axis=0)
    return [
        KernelTime(call["kernel"], call["makes"], float(taken), call["flops"], call["bytes"])
        for call, taken in zip(manifest.kernels["calls"], seconds, strict=True)
    ]


def total_seconds(times: Sequence[KernelTime]) -> float:
    """What the network takes when its kernels take their medians."""
    return sum(each.seconds for each in times)
