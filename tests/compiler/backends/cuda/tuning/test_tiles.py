"""Tiles: which are tried, that every one of them compiles, and what records make of what was measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from zcc.compiler.backends.cuda.kernels.conv_mma import ConvMma, Geometry, Tile
from zcc.compiler.backends.cuda.kernels.formats import Map
from zcc.compiler.backends.cuda.kernels.kernel_source import module_source
from zcc.compiler.backends.cuda.kernels.stages import Apply, Ending
from zcc.compiler.backends.cuda.measured_tiles import MEASURED
from zcc.compiler.backends.cuda.nvrtc import compile_cuda
from zcc.compiler.backends.cuda.targets import Capability
from zcc.compiler.backends.cuda.tile_records import Product, TileRecords, read_tile, read_tiles, write_tile, write_tiles
from zcc.compiler.backends.cuda.tiles import default_tile, tile_chooser
from zcc.compiler.backends.cuda.tuning.record_files import CudaRecordFiles
from zcc.compiler.backends.cuda.tuning.tile_task import TileTask
from zcc.runtime.errors import TuningError

CARD = Capability(90)
PRODUCT = Product(400, 64, 1152, 2)


def test_tiles_are_read_as_they_were_written() -> None:
    for tile in MEASURED.values():
        assert read_tile(write_tile(tile)) == tile
    with pytest.raises(TuningError, match="names the tile '64 by 64'"):
        read_tile("64 by 64")


def test_a_search_tries_shapes_then_what_is_near_the_best_and_ends() -> None:
    task = TileTask(PRODUCT, CARD)
    assert task.next() == task.default == default_tile(CARD, PRODUCT)
    tried = []
    while (tile := task.next()) is not None:
        tried.append(tile)
        task.seconds[tile] = 1.0 + 0.1 * len(tried) if tile.split != 2 else 0.5
    assert len(tried) == len(set(tried)) == task.tried > 20
    assert task.quickest is not None and task.quickest.split == 2
    assert task.gain == pytest.approx(1.1 / 0.5)
    again = TileTask(PRODUCT, CARD)
    again.recall({write_tile(tile): seconds for tile, seconds in task.seconds.items()})
    assert again.next() is None and again.tried == 0 and again.best == task.best


@pytest.mark.parametrize(("number", "dtype"), [(90, "float16"), (86, "float32")])
def test_every_tile_that_is_tried_compiles(number: int, dtype: str) -> None:
    x, y = Map(20, 20, 128, 128, dtype), Map(20, 20, 64, 64, dtype)
    capability = Capability(number)
    task = TileTask(Product(400, 64, 1152, x.format.bytes), capability)
    while (tile := task.next()) is not None:
        task.seconds[tile] = float(len(task.seconds) + (tile.split != 4))
    tiles = sorted(task.seconds, key=write_tile)[::3]  # all have compiled; a third tells most
    window = Geometry((3, 3), padding=(1, 1))
    kernels = [
        ConvMma(x, window, Ending(y, (Apply("silu"),)), tile, tile.split > 1 and capability.clusters) for tile in tiles
    ]
    compiled = compile_cuda(module_source(kernels), capability.arch)
    assert all(used.spilled_bytes == 0 for used in compiled.kernels.values())


def test_the_quickest_on_record_is_taken_where_it_is_noticeably_so() -> None:
    default = default_tile(CARD, PRODUCT)
    other = Tile(32, 32, split=2)
    records = TileRecords(
        {PRODUCT: {write_tile(default): 1.0, write_tile(other): 0.995, "64x64 row 64 warps 2x2 stages 4 split 1": None}}
    )
    assert tile_chooser(CARD, records)(PRODUCT) == tile_chooser(CARD)(PRODUCT)
    records.add({PRODUCT: {write_tile(other): 0.9}})
    chosen = tile_chooser(CARD, records)(PRODUCT)
    assert (chosen.pixels, chosen.outputs, chosen.split, chosen.early) == (32, 32, 2, 1)
    assert tile_chooser(CARD, records)(PRODUCT._replace(bytes=1)) == default_tile(CARD, PRODUCT._replace(bytes=1))


def test_records_are_files(tmp_path: Path) -> None:
    own, folder, files = tmp_path / "own" / "cuda-sm_90", tmp_path / "shipped" / "cuda-sm_90", CudaRecordFiles()
    slow, quick = write_tile(Tile(64, 64)), write_tile(Tile(32, 32))
    records = TileRecords({PRODUCT: {slow: 2e-6, quick: 1e-6, write_tile(Tile(16, 64, warps=(1, 4))): None}})
    write_tiles(own, records)
    assert read_tiles(own) == records and read_tiles(own).digest == records.digest
    assert read_tiles(folder) == TileRecords() and TileRecords().digest is None
    assert files.folders(tmp_path / "own") == [own]
    counts = files.count(own)
    assert (counts.kernels, counts.forms, counts.failed, counts.networks) == (1, 3, 1, 0)
    files.export(own, folder)
    assert read_tiles(folder).known == {PRODUCT: {quick: 1e-6}}
    files.add(folder, tmp_path / "other")
    assert read_tiles(tmp_path / "other") == read_tiles(folder)
    records.chosen[PRODUCT] = slow
    write_tiles(own, records)
    assert read_tiles(own) == records and read_tiles(own).best(PRODUCT, Tile(32, 32)) == Tile(64, 64)
    files.export(own, folder)
    assert read_tiles(folder) == TileRecords({PRODUCT: {slow: 2e-6}})
    (own / "tiles.json").write_text("[[1, 2]]")
    with pytest.raises(TuningError, match="holds no tuning records"):
        read_tiles(own)
