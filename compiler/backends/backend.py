"""The contract of a backend: everything between a network and the files of an artifact, for one kind of processor.

Whoever compiles, calibrates or judges a model talks to a backend through this, and knows neither lanes nor LLVM.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from zcc.compiler.backends.common.machine import Machine
from zcc.compiler.backends.search import Tuner
from zcc.compiler.backends.stage import RunStage
from zcc.compiler.backends.target import Target
from zcc.compiler.importing.imported import Imported
from zcc.compiler.ir.ops import Network
from zcc.compiler.ir.tensors import Tensor
from zcc.compiler.precision.map_statistics import MapStatistics
from zcc.compiler.precision.table import Precision
from zcc.runtime.frame import Pixels
from zcc.runtime.manifest import Manifest, Requirements, Run

Floats = NDArray[np.float32]


class Records(Protocol):
    """What tuning found for a target."""

    @property
    def digest(self) -> str | None:
        """The hash of what is known, None where nothing is."""
        ...


@dataclass(frozen=True)
class Call:
    """One run of a kernel, as profiles show it."""

    kernel: str
    makes: str  # the tensor
    flops: int  # arithmetic that the result needs, whatever the kernel does to get it
    bytes: int  # memory that the call cannot do without
    dtype: str = ""  # of what it writes
    layout: str = ""  # of the same, as NCHW16c
    tuned: bool | None = None  # whether a record says how it is computed; None where there is nothing to choose


@dataclass(frozen=True)
class Built:
    """What a backend made of a network: files in a folder, and what the manifest says of them."""

    files: tuple[str, ...]  # names in the folder, the executor's entry among them
    requires: Requirements  # what a host must have
    formats: tuple[str, ...]  # of frames that are read
    workspace: Mapping[str, int]  # bytes of working memory, by what is run
    expansion: tuple[Run, ...]  # what the runtime makes of the stored weights; empty when they are taken as they lie
    layers: Mapping[str, Sequence[str]]  # the convolutions by the type of what they multiply
    calls: tuple[Call, ...]
    form: Mapping[str, Any]  # how the kernels and the network were chosen
    note: str  # the same in a line for people


ON_THIS_MACHINE = "on this machine"


@dataclass(frozen=True)
class Running:
    """How what was built for a target can be run here, as manifests say it, or why it cannot."""

    how: str = ""
    why_not: str = ""


AnyTarget = TypeVar("AnyTarget", bound=Target)
AnyRecords = TypeVar("AnyRecords", bound=Records)


class MapObserver(Protocol):
    """A network whose every map can be looked at after a frame."""

    def run(self, pixels: Pixels) -> None:
        """Run a frame."""
        ...

    def real_values(self) -> dict[str, Floats]:
        """The numbers that each map of the last frame stands for, as [channels, height, width], by its name."""
        ...


class Backend(Protocol[AnyTarget, AnyRecords]):
    """One kind of processor. Its executor in the runtime has the same name."""

    name: str
    tasks: frozenset[str]  # of models that it builds

    @property
    def targets(self) -> Mapping[str, AnyTarget]:
        """Its targets by name, the most capable last."""
        ...

    def native(self, dtype: str) -> AnyTarget | None:
        """The target that makes most of this machine for networks of the dtype; None when none runs here."""
        ...

    @property
    def tuner(self) -> Tuner[AnyTarget] | None:
        """How its kernels are tuned; None where nobody searches for their forms."""
        ...

    def records(self, home: Path, target: AnyTarget) -> AnyRecords:
        """What is known about the target: a user's own records under `home`, and those that came with zcc."""
        ...

    def no_records(self) -> AnyRecords:
        """Records in which nothing is known: everything is built as the templates prefer."""
        ...

    def build(
        self,
        source: Imported,
        network: Network,
        precision: Precision,
        target: AnyTarget,
        records: AnyRecords,
        folder: Path,
        stage: RunStage,
    ) -> Built:
        """Write the artifact's files into the folder; the network, in the precision already, may be changed."""
        ...

    def outputs(self, source: Imported, folder: Path, manifest: Manifest, picture: Pixels) -> dict[str, Floats]:
        """What the built network makes of a picture of its input's size, in RGB, by the names of the file's tensors.

        Runs as `running` says, on the bytes that are about to be stored; verification compares it with the file's own.
        """
        ...

    def running(self, target: AnyTarget) -> Running:
        """How this machine runs what was built for the target, if only to verify it."""
        ...

    def machine(self, target: str, arithmetics: Iterable[str]) -> Machine | None:
        """What this machine can do at most with the target's instructions; None where that cannot be measured."""
        ...

    def tools(self) -> dict[str, str]:
        """The versions of what turns kernels into machine code."""
        ...


class ReferenceBackend(Backend[AnyTarget, AnyRecords], Protocol):
    """A backend that runs wherever zcc compiles, and can show what a network's maps hold."""

    def statistics(self, source: Imported, network: Network, frames: Iterable[Pixels]) -> dict[Tensor, MapStatistics]:
        """What values every map that the detections depend on takes over the frames, on this machine, in float32."""
        ...

    def observer(self, source: Imported, network: Network, folder: Path) -> MapObserver:
        """The network built so that its maps can be looked at; its files lie in the folder, which outlives it."""
        ...
