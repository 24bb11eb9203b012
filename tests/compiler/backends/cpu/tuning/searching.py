"""A small search: in this process, or as `python -m` of this module with a FOLDER, in one to be killed."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from tests.compiler.backends.cpu.tuning.kernels import TARGET, TILES, Sizes, shaky, task
from zcc.compiler.backends.common.measuring.device import Here, ThisMachine
from zcc.compiler.backends.cpu.forms.records import read_records
from zcc.compiler.backends.cpu.tuning.kernel_task import CpuSearch, KernelTask
from zcc.compiler.backends.cpu.tuning.search_kernels import search_kernels
from zcc.compiler.backends.search import Limits

FORMS = TILES[:3]
KERNELS = 3


class Told:
    """Follows a search, and prints what it hears where asked to."""

    def __init__(self, aloud: bool = False) -> None:
        self.aloud = aloud
        self.notes: list[str] = []
        self.batches: list[tuple[str, int]] = []

    def stage(self, name: str) -> AbstractContextManager[None]:
        """Not used by a search."""
        return nullcontext()

    def note(self, text: str) -> None:
        """Keep it."""
        self.notes.append(text)
        self._say(f"note {text}")

    def measured(self, search: CpuSearch, task: KernelTask) -> None:
        """Keep which kernel it was, and how many forms were tried by now."""
        self.batches.append((task.spec.name, search.tried))
        self._say(f"tried {search.tried}")

    def _say(self, text: str) -> None:
        if self.aloud:
            print(text, flush=True)


class Nowhere:
    """The address of a device that nobody may ask for."""

    def __reduce__(self) -> Any:
        raise AssertionError("a process was started to measure something")

    def connect(self) -> Any:
        """Never."""
        raise AssertionError("a device was asked for")


class Steady(ThisMachine):
    """This machine and its address, as if every kernel took the same time."""

    def connect(self) -> ThisMachine:
        """Itself."""
        return self

    def time(self, module: Any, entry: str, arguments: list[Any], number: int) -> float:
        """A microsecond."""
        return 1e-6


def search(
    folder: Path,
    tasks: Sequence[KernelTask],
    limits: Limits | None = None,
    told: Told | None = None,
    devices: Any = None,
) -> CpuSearch:
    """CpuSearch on this machine."""
    return search_kernels(tasks, TARGET, folder, limits or Limits(), devices or [Here()], told or Told())


def known_forms(folder: Path) -> int:
    """How many forms there are records of."""
    return sum(len(kernel.records) for kernel in read_records(folder).values())


def slow_tasks() -> list[KernelTask]:
    """Kernels whose search takes some seconds: one form of each is slow to build."""
    sizes = [Sizes((1, 2), (5, 4 + number)) for number in range(KERNELS)]
    return [task(shaky(each).faulty("is slow", FORMS[-1]), FORMS) for each in sizes]


if __name__ == "__main__":
    search(Path(sys.argv[1]), slow_tasks(), told=Told(aloud=True))
    print("done", flush=True)
