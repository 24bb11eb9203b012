"""Where a stored artifact spends a frame's time, stage by stage, and its network's, kernel by kernel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zcc.compiler.backends.common.machine import arithmetic_of
from zcc.runtime.errors import CorruptArtifact
from zcc.runtime.manifest import Manifest
from zcc.runtime.variant import Variant

WARM_UP = 3  # rounds that are not counted
SEED = 20243
STAGES = ("preprocess", "network", "postprocess")
FRAME = (1080, 1920, 3)
CONF, IOU = 0.25, 0.45

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class KernelTime:
    """One kernel call, in the order they run."""

    kernel: str
    makes: str  # the tensor
    seconds: float  # mean of the quicker half of the runs
    flops: int
    bytes: int
    dtype: str = ""
    layout: str = ""
    tuned: bool | None = None  # None where there is nothing to choose, or nobody noted it
    nodes: tuple[str, ...] = ()  # of the ONNX file

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


@dataclass(frozen=True)
class Profile:
    """A network's kernels, and the whole that they are held against, in seconds."""

    kernels: Sequence[KernelTime]
    network: float  # the network alone, unobserved
    stages: dict[str, float] = field(default_factory=dict)  # of a frame; none where the artifact cannot tell

    @property
    def total(self) -> float:
        """What the network takes as the sum of its kernels."""
        return total_seconds(self.kernels)

    @property
    def covered(self) -> float:
        """The part of the network's own time that the kernels' times add up to."""
        return self.total / self.network if self.network else 0.0


def profile_artifact(folder: Path, rounds: int) -> list[KernelTime]:
    """The time of every kernel call over so many runs of the network."""
    return list(profile_whole(folder, rounds).kernels)


def profile_whole(folder: Path, rounds: int) -> Profile:
    """The times of kernels, of the network alone and of a frame's stages, taken in turns."""
    manifest = Manifest.read(folder)
    variant = Variant(folder, manifest)
    draw = np.random.default_rng(SEED)
    levels = draw.integers(0, 256, (1, 3, manifest.input.height, manifest.input.width))
    image = levels.astype(np.float32) / np.float32(255)  # as a camera's
    frame = draw.integers(0, 256, FRAME, dtype=np.uint8)
    output = np.zeros(manifest.head.shape, np.float32)
    readings, networks = [], []
    for _ in range(WARM_UP + rounds):
        readings.append(variant.profile(image))
        networks.append(variant.network_seconds(image, output))
    seconds = undisturbed(readings)
    kernels = [
        KernelTime(
            call["kernel"], call["makes"], float(taken), call["flops"], call["bytes"],
            call.get("dtype", ""), call.get("layout", ""), call.get("tuned"), tuple(call.get("nodes", ())),
        )
        for call, taken in zip(manifest.kernels["calls"], seconds, strict=True)
    ]  # fmt: skip
    network = float(undisturbed([np.array([each]) for each in networks])[0])
    return Profile(kernels, network, _stages(variant, frame, rounds))


def undisturbed(readings: Sequence[Floats]) -> Floats:
    """The mean of the quicker half of the runs: what disturbs one does not count, and parts add up to their whole."""
    runs = np.array(readings[WARM_UP:])
    quickest = np.argsort(runs.sum(axis=1), kind="stable")[: -(-len(runs) // 2)]
    return np.asarray(runs[quickest].mean(axis=0))


def _stages(variant: Variant, frame: NDArray[np.uint8], rounds: int) -> dict[str, float]:
    try:
        taken = [variant.stages(frame, CONF, IOU) for _ in range(WARM_UP + rounds)]
    except CorruptArtifact:  # compiled by a zcc that had no clock there
        return {}
    return {name: float(seconds) for name, seconds in zip(STAGES, undisturbed(taken), strict=True)}


def total_seconds(times: Sequence[KernelTime]) -> float:
    """What the network takes as the sum of its kernels."""
    return sum(each.seconds for each in times)
