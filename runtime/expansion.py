"""How the stored weights become what the kernels read.

The file holds runs, one after another. Each becomes a run in memory by its kind, with the parameters that the manifest
names; in memory, too, they lie one after another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from zcc.runtime import limits
from zcc.runtime.errors import CorruptArtifact
from zcc.runtime.manifest import Manifest, Run
from zcc.runtime.regular import told
from zcc.runtime.rules import brief
from zcc.runtime.split_weights import SplitWeights
from zcc.runtime.split_winograd_weights import SplitWinogradWeights
from zcc.runtime.winograd_weights import WinogradWeights

Array = NDArray[Any]
WEIGHTS = "weights.bin"  # the file that holds the runs


class Order(Protocol):
    """Makes the numbers that a kernel reads of those that are stored."""

    @classmethod
    def read(cls, parameters: Mapping[str, Any]) -> Order:
        """What a manifest says; ValueError or TypeError where that cannot be."""
        ...

    @property
    def parameters(self) -> dict[str, Any]:
        """What a manifest says of it, for `read`."""
        ...

    @property
    def taken(self) -> int:
        """How many numbers are stored."""
        ...

    @property
    def made(self) -> int:
        """How many there are in memory."""
        ...

    def fill(self, dense: Array, made: Array) -> None:
        """Make them; both arrays are contiguous float32."""
        ...


@dataclass(frozen=True)
class RunKind:
    """What a run is made of in the file and in memory."""

    stored: type[np.generic]
    memory: type[np.generic]
    order: type[Order] | None = None  # None: the same numbers in the same order


UNCHANGED = "same"
KINDS: dict[str, RunKind] = {
    UNCHANGED: RunKind(np.uint8, np.uint8),
    "half": RunKind(np.float16, np.float32),
    "winograd": RunKind(np.float32, np.float32, WinogradWeights),
    "half winograd": RunKind(np.float16, np.float32, WinogradWeights),
    "split": RunKind(np.float32, np.float32, SplitWeights),
    "half split": RunKind(np.float16, np.float32, SplitWeights),
    "split winograd": RunKind(np.float32, np.float32, SplitWinogradWeights),
    "half split winograd": RunKind(np.float16, np.float32, SplitWinogradWeights),
}


def describe(stored: type[np.generic], order: Order | None, size: int) -> Run:
    """The run of so many bytes in the file."""
    wanted = None if order is None else type(order)
    kind = next(name for name, kind in KINDS.items() if (kind.stored, kind.order) == (stored, wanted))
    return Run(kind, size, order.parameters if order else {})


@dataclass(frozen=True)
class SoundRun:
    """A run that is sound by itself."""

    kind: RunKind
    order: Order | None
    size: int  # bytes in the file
    room: int  # bytes in memory

    @classmethod
    def of(cls, run: Run) -> SoundRun:
        """The run of a manifest; ValueError or TypeError where there is no such run."""
        if run.kind not in KINDS:
            raise ValueError(f"there is no kind {run.kind!r}, only {', '.join(KINDS)}")
        kind = KINDS[run.kind]
        count, odd = divmod(run.size, np.dtype(kind.stored).itemsize)
        if type(run.size) is not int or run.size < 0 or odd:
            raise ValueError(f"a run has {run.size!r} bytes")
        order = kind.order.read(run.parameters) if kind.order else None
        if order and order.taken != count:
            raise ValueError(f"{order} takes {order.taken} numbers, its run has {count}")
        return cls(kind, order, run.size, np.dtype(kind.memory).itemsize * (order.made if order else count))

    def fill(self, stored: Array, memory: Array) -> None:
        """Make the bytes in memory of those in the file."""
        values, made = stored.view(self.kind.stored), memory.view(self.kind.memory)
        if self.order:
            self.order.fill(values.astype(self.kind.memory, copy=False), made)
        else:
            made[...] = values


def plan(runs: Sequence[Run], size: int) -> list[SoundRun]:
    """The pieces of a file of so many bytes; ValueError or TypeError where these are not its runs."""
    pieces = [SoundRun.of(run) for run in runs]
    named = sum(piece.size for piece in pieces)
    if named != size:
        raise ValueError(f"its runs have {named} bytes, the file has {size}")
    room = sum(piece.room for piece in pieces)
    if room > limits.WEIGHTS:
        raise ValueError(f"they would take {told(room)} of memory, more than {told(limits.WEIGHTS)}")
    return pieces


def check_expansion(manifest: Manifest) -> None:
    """Refuse a manifest whose runs cannot be, or are not those of its weights file."""
    size = manifest.sizes.get(WEIGHTS, 0)
    try:
        if manifest.expansion:
            plan(manifest.expansion, size)
    except (ValueError, TypeError) as error:
        problem = f"the manifest of {manifest.name} says of its weights what cannot be: {brief(str(error))}"
        raise CorruptArtifact(problem, "compile the model again") from error


def expand(stored: Array, pieces: Sequence[SoundRun], memory: Array) -> None:
    """Fill the memory, as large as all pieces' room, from the bytes of the file."""
    begin = place = 0
    for piece in pieces:
        piece.fill(stored[begin : begin + piece.size], memory[place : place + piece.room])
        begin, place = begin + piece.size, place + piece.room
