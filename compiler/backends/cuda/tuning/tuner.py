"""The search for the tiles of a network's convolutions, on a card of this machine.

A round builds the whole network with one tile nobody has measured for each convolution and times its launches: so a
tile is measured where it will be used, and one compilation measures all convolutions. In the end the quickest tiles
are tried together, and those that make the network slower are forgotten.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from zcc.compiler.backends.common.measuring.time_limit import stopping
from zcc.compiler.backends.common.record_folders import LOCK, own_records
from zcc.compiler.backends.cuda.lower import lower_network
from zcc.compiler.backends.cuda.targets import CudaTarget
from zcc.compiler.backends.cuda.tile_records import read_tiles, write_tile, write_tiles
from zcc.compiler.backends.cuda.tuning.measure_tiles import Measured, Tiles, measure_tiles, network_of
from zcc.compiler.backends.cuda.tuning.record_files import CudaRecordFiles
from zcc.compiler.backends.cuda.tuning.tile_task import TileTask, tasks_of
from zcc.compiler.backends.cuda.tuning.tiles_together import SETS, of_set, try_together
from zcc.compiler.backends.search import Limits, Search, SearchProgress, TuningJob
from zcc.compiler.backends.stage import RunStage
from zcc.registry.locks import exclusive
from zcc.runtime.errors import UsageError

TileSearch = Search[TileTask, CudaTarget]
Measure = Callable[[TuningJob[CudaTarget], Tiles, str], Measured]
RESERVED = 2 + len(SETS)  # rounds whose time is left for the tiles together


class CudaTuner:
    """The contract of tuning, for cards."""

    records = CudaRecordFiles()

    def __init__(self, measure: Measure | None = None) -> None:
        self._measure = measure or measure_tiles

    def devices(self, target: CudaTarget, runner: str | None) -> list[Any]:
        """The first card of this machine."""
        if runner is not None:
            raise UsageError("kernels of cards are measured on this machine alone", "leave out --runner")
        if not target.runs_here():
            raise UsageError(f"no card of this machine runs {target.name}", "tune on a machine that has one")
        return ["cuda:0"]

    def search(
        self,
        job: TuningJob[CudaTarget],
        home: Path,
        limits: Limits,
        runner: str | None,
        stage: RunStage,
        progress: SearchProgress,
    ) -> TileSearch:
        """The default tile of each convolution, then one after the other, until a limit or until all are known."""
        target, [device] = job.target, self.devices(job.target, runner)
        specs = lower_network(network_of(job), target.capability, job.precision.name).specs
        search: TileSearch = Search(tasks_of(specs, target.capability), target, budget=limits.seconds)
        folder = own_records(home, target)
        known = read_tiles(folder).known
        for task in search.tasks:
            task.recall(known.get(task.product, {}))
        with stage(f"tune {job.precision.name} for {target.name}"), stopping(limits.seconds) as stop:
            took = 0.0
            while stop.left > RESERVED * took and (limits.trials is None or search.tried < limits.trials):
                began, tiles = time.monotonic(), _to_try(search.tasks)
                if not tiles or stop.is_set():
                    break
                gained = _keep(folder, search.tasks, tiles, self._measure(job, tiles, device))
                progress.measured(search, (gained or search.tasks)[0])
                took = time.monotonic() - began
        if search.tried:
            with stage(f"tune {job.precision.name} as a whole"):
                search.network = try_together(search.tasks, lambda tiles: self._measure(job, tiles, device))
                _forget(folder, search.tasks, of_set(search.network.best_form, search.tasks))
        return search


def _to_try(tasks: Sequence[TileTask]) -> Tiles:
    return {task.product: tile for task in tasks if (tile := task.next()) is not None}


def _keep(folder: Path, tasks: Sequence[TileTask], tiles: Tiles, found: Measured) -> list[TileTask]:
    """Note what came of a round, here and in the user's records; those that have a quicker tile now."""
    before = [task.best_seconds for task in tasks]
    for task in tasks:
        if task.product in tiles:
            task.seconds[tiles[task.product]] = found.products.get(task.product)
    folder.mkdir(parents=True, exist_ok=True)
    with exclusive(folder / LOCK):
        records = read_tiles(folder)
        records.add({product: {write_tile(tile): found.products.get(product)} for product, tile in tiles.items()})
        write_tiles(folder, records)
    return [task for task, known in zip(tasks, before, strict=True) if known and task.best_seconds != known]


def _forget(folder: Path, tasks: Sequence[TileTask], kept: Sequence[TileTask]) -> None:
    """Take back the records of those that are better off with their default tiles."""
    with exclusive(folder / LOCK):
        records = read_tiles(folder)
        for task in tasks:
            if task.quickest != task.default and task not in kept:
                records.known.pop(task.product, None)
        write_tiles(folder, records)
