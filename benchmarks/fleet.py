"""How much quicker two workers are than one over a matrix of small models: python -m benchmarks.fleet [--ray]

Each crew builds the matrix into a registry of its own, with a cache of its own and warm workers: what starting them
takes is told apart.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx

from tests.onnx_models import build
from zcc.compiler.fleet.build import BUILT, CellOutcome, build_matrix
from zcc.compiler.fleet.crew import Crew
from zcc.compiler.fleet.local import LocalCrew
from zcc.compiler.fleet.matrix import Cell, read_matrix
from zcc.compiler.fleet.tasks import Foreseen, PlanTask, Stage
from zcc.runtime.cache import VARIABLE

FAMILIES = ("yolov8", "yolov5", "yolo11")
TARGETS = ("x86-64-v4-bf16", "x86-64-v4-vnni", "x86-64-v3")
DTYPES = ("fp32", "fp16", "bf16", "int8")


class Silent:
    """Looks on and says what failed."""

    def planned(self, foreseen: Sequence[Foreseen]) -> None:
        """Nothing."""

    def began(self, stage: Stage) -> None:
        """Nothing."""

    def noted(self, line: str) -> None:
        """Nothing."""

    def became(self, outcome: CellOutcome) -> None:
        """A line for what failed."""
        if outcome.state == "failed":
            print(f"failed {outcome.cell.label}: {outcome.reason}", file=sys.stderr)


def main() -> int:
    """Build the matrix with one worker and with two, and print the times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=len(FAMILIES), choices=range(1, len(FAMILIES) + 1))
    parser.add_argument("--imgsz", type=int, default=64)
    parser.add_argument("--ray", action="store_true", help="on Ray clusters that are started for it")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        matrix = _ground(Path(folder), arguments.models, arguments.imgsz)
        seconds = [_build(Path(folder), matrix, workers, arguments.ray) for workers in (1, 2)]
    print(f"two workers are {seconds[0] / seconds[1]:.2f} times as quick as one")
    return 0


def _ground(folder: Path, models: int, imgsz: int) -> Path:
    dice = np.random.default_rng(0)
    (folder / "pictures").mkdir()
    for number in range(16):
        picture = dice.integers(0, 256, (imgsz, imgsz, 3), dtype=np.uint8)
        np.save(folder / "pictures" / f"{number}.npy", picture)
    lines = [f"targets = {list(TARGETS)}", f"dtypes = {list(DTYPES)}", 'calib = "pictures"', "max_drop = 100"]
    for family in FAMILIES[:models]:
        onnx.save(build(family, imgsz=(imgsz, imgsz)), folder / f"{family}.onnx")
        lines += ["[[model]]", f'path = "{family}.onnx"']
    (folder / "matrix.toml").write_text("\n".join(lines).replace("'", '"'))
    return folder / "matrix.toml"


def _build(folder: Path, path: Path, workers: int, ray: bool) -> float:
    os.environ[VARIABLE] = str(
        folder / f"cache-{workers}"
    )  # kernels that another crew compiled would be taken from there
    matrix, place = read_matrix(path), str(folder / f"registry-{workers}")
    began = time.perf_counter()
    crew = _crew(workers, ray)
    try:
        _warm(crew, matrix.cells[0], place, workers)
        start = time.perf_counter()
        outcomes = build_matrix(matrix, place, crew, Silent())
        seconds = time.perf_counter() - start
    finally:
        crew.close()
    built = sum(outcome.state == BUILT for outcome in outcomes)
    print(f"{workers} workers: {built} of {len(outcomes)} built in {seconds:.1f} s, started in {start - began:.1f} s")
    return seconds


def _crew(workers: int, ray: bool) -> Crew:
    if ray:
        from zcc.compiler.fleet.on_ray import LOCAL, RayCrew

        return RayCrew(LOCAL, workers)
    return LocalCrew(workers)


def _warm(crew: Crew, cell: Cell, place: str, workers: int) -> None:
    """Let every worker import the compiler, which each does once however much it builds."""
    list(crew.run([PlanTask(f"warm {number}", (cell,), place) for number in range(workers)], lambda stage: None))


if __name__ == "__main__":
    sys.exit(main())
