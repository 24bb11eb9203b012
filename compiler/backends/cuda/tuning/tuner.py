"""The search for the tiles of a network's convolutions, on a card of this machine or of one that measures for others.

A round gives each convolution one tile that nobody has measured and times its launches, in the network's memory and
with its numbers. Behind the rounds tiles are tried in the network as a whole; the records name those that it was
quickest with, and compiles take them up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import ClassVar

from zcc.compiler.backends.common.measuring.addresses import find_addresses
from zcc.compiler.backends.common.measuring.time_limit import TimeLimit, stopping
from zcc.compiler.backends.common.record_folders import LOCK, own_records
from zcc.compiler.backends.cuda.pipeline import lower_network
from zcc.compiler.backends.cuda.targets import CudaTarget
from zcc.compiler.backends.cuda.tile_records import Product, read_tiles, write_tile, write_tiles
from zcc.compiler.backends.cuda.tuning.card import TIME_ON_CARD, Card, CardElsewhere, CardHere, time_on_card
from zcc.compiler.backends.cuda.tuning.measure_tiles import Measuring, Tiles, TilesOnCard, network_of
from zcc.compiler.backends.cuda.tuning.record_files import CudaRecordFiles
from zcc.compiler.backends.cuda.tuning.tile_task import TileTask, tasks_of
from zcc.compiler.backends.cuda.tuning.tiles_together import try_together
from zcc.compiler.backends.search import Limits, Search, SearchProgress, TuningJob
from zcc.compiler.backends.stage import RunStage
from zcc.registry.locks import exclusive
from zcc.runtime.errors import UsageError

TileSearch = Search[TileTask, CudaTarget]
MakeMeasuring = Callable[[TuningJob[CudaTarget], Card], Measuring]
SHARE_ALONE = 0.5  # of the time, until tiles are tried in the network


class CudaTuner:
    """The contract of tuning, for cards."""

    records = CudaRecordFiles()
    services: ClassVar[Mapping[str, Callable[[bytes], str]]] = {TIME_ON_CARD: time_on_card}

    def __init__(self, measuring: MakeMeasuring = TilesOnCard) -> None:
        self._measuring = measuring

    def devices(self, target: CudaTarget, runner: str | None) -> list[Card]:
        """The first card of this machine, or that of whichever machine of a runner is free."""
        if runner is not None:
            return [CardElsewhere(find_addresses(runner, target)[0])]
        if not target.runs_here():
            raise UsageError(
                f"no card of this machine runs {target.name}",
                "tune on a machine that has one, or name one with --runner rpc://TRACKER:PORT/KEY",
            )
        return [CardHere()]

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
        target, [card] = job.target, self.devices(job.target, runner)
        specs = lower_network(network_of(job), target.capability, job.precision.name).specs
        search: TileSearch = Search(tasks_of(specs, target.capability), target, budget=limits.seconds)
        folder = own_records(home, target)
        known = read_tiles(folder).known
        for task in search.tasks:
            task.recall(known.get(task.product, {}))
        with (
            stage(f"tune {job.precision.name} for {target.name}"),
            stopping(limits.seconds) as stop,
            closing(self._measuring(job, card)) as measuring,
        ):
            for tiles in _rounds(search, stop, limits):
                gained = _keep(folder, search.tasks, tiles, measuring.alone(tiles))
                progress.measured(search, (gained or search.tasks)[0])
            if search.tried:
                search.network = try_together(search.tasks, measuring.together, lambda: not stop.is_set())
                _choose(folder, search.tasks, search.network.best_tiles)
        return search


def _rounds(search: TileSearch, stop: TimeLimit, limits: Limits) -> Iterator[Tiles]:
    """What to try next, until all is known, or a limit comes near."""
    least = 0.0 if limits.seconds is None else (1 - SHARE_ALONE) * limits.seconds
    while stop.left > least and not stop.is_set() and (limits.trials is None or search.tried < limits.trials):
        tiles = {task.product: tile for task in search.tasks if (tile := task.next()) is not None}
        if not tiles:
            return
        yield tiles


def _keep(folder: Path, tasks: Sequence[TileTask], tiles: Tiles, found: Mapping[Product, float]) -> list[TileTask]:
    """Note what came of a round, here and in the user's records; those that have a quicker tile now."""
    before = [task.best_seconds for task in tasks]
    for task in tasks:
        if task.product in tiles:
            task.seconds[tiles[task.product]] = found.get(task.product)
    folder.mkdir(parents=True, exist_ok=True)
    with exclusive(folder / LOCK):
        records = read_tiles(folder)
        records.add({product: {write_tile(tile): found.get(product)} for product, tile in tiles.items()})
        write_tiles(folder, records)
    return [task for task, known in zip(tasks, before, strict=True) if known and task.best_seconds != known]


def _choose(folder: Path, tasks: Sequence[TileTask], tiles: Tiles) -> None:
    """Note which tiles the network was quickest with."""
    with exclusive(folder / LOCK):
        records = read_tiles(folder)
        best = {task: tiles.get(task.product, task.default) for task in tasks}
        records.chosen |= {task.product: write_tile(tile) for task, tile in best.items() if tile in task.sound}
        write_tiles(folder, records)
