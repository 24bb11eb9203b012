"""The search for the tiles of a network's convolutions, on a card of this machine.

A round builds the whole network with one tile nobody has measured for each convolution and times its launches: so a
tile is measured where it will be used, and one compilation measures all convolutions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np

from zcc.compiler.backends.common.measuring.time_limit import stopping
from zcc.compiler.backends.common.record_folders import LOCK, own_records
from zcc.compiler.backends.cuda.kernels.conv_mma import ConvMma, Tile
from zcc.compiler.backends.cuda.lower import lower_network
from zcc.compiler.backends.cuda.program import assemble
from zcc.compiler.backends.cuda.targets import CudaTarget
from zcc.compiler.backends.cuda.tile_records import (
    Product,
    product_of,
    read_tiles,
    write_tile,
    write_tiles,
)
from zcc.compiler.backends.cuda.tiles import default_tile
from zcc.compiler.backends.cuda.tuning.record_files import CudaRecordFiles
from zcc.compiler.backends.cuda.tuning.tile_task import TileTask, tasks_of
from zcc.compiler.backends.search import Limits, Search, SearchProgress, TuningJob
from zcc.compiler.backends.stage import RunStage
from zcc.compiler.ir.ops import Network
from zcc.registry.locks import exclusive
from zcc.runtime.errors import BuildError, UsageError
from zcc.runtime.executors import cuda_timing
from zcc.runtime.executors.cuda import CudaExecutor

TileSearch = Search[TileTask, CudaTarget]
TIMES = 30  # that each launch is timed
SEED = 20244
Tiles = Mapping[Product, Tile]
# Seconds of convolutions in their tiles, on a device; of those that could be built.
Measure = Callable[[TuningJob[CudaTarget], Tiles, str], Mapping[Product, float]]


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
        tasks = tasks_of(lower_network(_network(job), target.capability, job.precision.name).specs, target.capability)
        search: TileSearch = Search(tasks, target, budget=limits.seconds)
        folder = own_records(home, target)
        known = read_tiles(folder)
        for task in tasks:
            task.recall(known.known.get(task.product, {}))
        with stage(f"tune {job.precision.name} for {target.name}"), stopping(limits.seconds) as stop:
            while not stop.is_set() and (limits.trials is None or search.tried < limits.trials):
                tiles = {task.product: tile for task in tasks if (tile := task.next()) is not None}
                if not tiles:
                    break
                found = self._measure(job, tiles, device)
                gained = [task for task in tasks if _keep_round(task, tiles, found)]
                _keep_records(folder, tiles, found)
                progress.measured(search, (gained or tasks)[0])
        return search


def measure_tiles(job: TuningJob[CudaTarget], tiles: Tiles, device: str) -> dict[Product, float]:
    """Seconds of each convolution in its tile; nothing where the kernels cannot be built so."""
    target = job.target

    def choose(product: Product) -> Tile:
        return tiles.get(product) or default_tile(target.capability, product)

    planned = lower_network(_network(job), target.capability, job.precision.name, choose)
    try:
        program = assemble(job.source, planned, target.capability)
    except BuildError:
        return {}
    executor = CudaExecutor(program, device)
    try:
        size = (program.input.height, program.input.width, 3)
        executor.run(np.random.default_rng(SEED).integers(0, 256, size, dtype=np.uint8))
        launches = program.plan.indices_of(("network",))
        seconds = cuda_timing.profile(executor, TIMES)[list(launches)]
    finally:
        executor.close()
    taken: dict[Product, list[float]] = defaultdict(list)
    for spec, each in zip(planned.specs, seconds.tolist(), strict=True):
        if isinstance(spec, ConvMma) and product_of(spec) in tiles:
            taken[product_of(spec)].append(each)
    return {product: mean(each) for product, each in taken.items()}


def _network(job: TuningJob[CudaTarget]) -> Network:
    """The network as it is built; only integers make another one."""
    network = job.source.network()
    if not job.precision.calibrated:
        return network
    return job.precision.convert(network, job.calibration, (), job.target.short_words)


def _keep_round(task: TileTask, tiles: Tiles, taken: Mapping[Product, float]) -> bool:
    """Note what came of a round; whether the task has a quicker tile now."""
    if task.product not in tiles:
        return False
    before = task.best_seconds
    task.seconds[tiles[task.product]] = taken.get(task.product)
    return before is not None and task.best_seconds != before


def _keep_records(folder: Path, tiles: Tiles, taken: Mapping[Product, float]) -> None:
    """The same in the user's records."""
    found = {product: {write_tile(tile): taken.get(product)} for product, tile in tiles.items()}
    folder.mkdir(parents=True, exist_ok=True)
    with exclusive(folder / LOCK):
        records = read_tiles(folder)
        records.add(found)
        write_tiles(folder, records)
