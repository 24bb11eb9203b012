"""Work for the crews that takes no compiler; other processes find it here by its name."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from zcc.compiler.fleet.matrix import Cell
from zcc.compiler.fleet.tasks import Answer, BuildTask, BuiltCell, FleetTask, Stage, Tell

WAITING = 60.0  # seconds; what nobody lets go on is a fault of the test


def errand(label: str, folder: Path) -> BuildTask:
    """A task that looks into a folder for what to do."""
    return BuildTask(label, (Cell(folder / "model.onnx", label, "fp32", "native"),), str(folder))


def run_errand(task: FleetTask, tell: Tell) -> Answer:
    """Say who works; die if the folder says so, wait while it says so; the answer names the worker."""
    folder = Path(task.registry)
    tell(Stage(task.label, f"worker {os.getpid()}"))
    with (folder / f"{task.label}.tries").open("a") as tries:
        tries.write(f"{os.getpid()}\n")
    if (folder / f"{task.label}.deadly").exists():
        os.kill(os.getpid(), signal.SIGKILL)
    until = time.monotonic() + WAITING
    while (folder / f"{task.label}.waits").exists():
        assert time.monotonic() < until, "nobody let it go on"
        time.sleep(0.01)
    return BuiltCell(str(os.getpid()), reused=False, measured_here=False)


def tries(folder: Path, label: str) -> list[int]:
    """The workers that began a task."""
    path = folder / f"{label}.tries"
    return [int(line) for line in path.read_text().splitlines()] if path.exists() else []
