"""A search for tiles, measured by figures that are made up: what it tries, keeps, and what compiles take up."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from tests.cli.process import assert_one_line, run_zcc
from tests.compiler.backends.cuda.test_lower import imported
from zcc import sample
from zcc.compiler.backends.cuda import targets
from zcc.compiler.backends.cuda.backend import CudaBackend
from zcc.compiler.backends.cuda.targets import TARGETS
from zcc.compiler.backends.cuda.tile_records import Product
from zcc.compiler.backends.cuda.tiles import default_tile, tile_chooser
from zcc.compiler.backends.cuda.tuning.card import Card, CardHere
from zcc.compiler.backends.cuda.tuning.measure_tiles import Tiles
from zcc.compiler.backends.cuda.tuning.tiles_together import LIKELY
from zcc.compiler.backends.cuda.tuning.tuner import CudaTuner, MakeMeasuring
from zcc.compiler.backends.search import Limits, TuningJob
from zcc.compiler.precision.table import find_precision
from zcc.runtime.errors import UsageError

TARGET = TARGETS["cuda:sm_90"]


class Follower:
    """Counts what it hears of."""

    def __init__(self) -> None:
        self.heard = 0

    def stage(self, name: str) -> Any:
        return nullcontext()

    def note(self, text: str) -> None: ...

    def measured(self, search: Any, task: Any) -> None:
        self.heard += 1


class FewerStages:
    """The fewer stages, the better; tiles of 128 pixels fail."""

    def __init__(self, job: Any, card: Card) -> None:
        assert card == CardHere("cuda:0")

    def alone(self, tiles: Tiles) -> dict[Product, float]:
        return {product: tile.stages * 1e-6 for product, tile in tiles.items() if tile.pixels != 128}

    def together(self, tiles: Tiles) -> float | None:
        return 1e-3 - 1e-5 * len(tiles)

    def close(self) -> None: ...


class InEachOthersWay(FewerStages):
    """Any other tile than the default makes the network slower."""

    def together(self, tiles: Tiles) -> float | None:
        return 1e-3 + 1e-5 * sum(tile != default_tile(TARGET.capability, product) for product, tile in tiles.items())


class FourStagesTogether(FewerStages):
    """The network is quickest where every convolution copies four stages ahead, which takes longer alone."""

    def together(self, tiles: Tiles) -> float | None:
        return 1e-3 - 1e-5 * sum(tile.stages == 4 for tile in tiles.values())


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TuningJob[Any]:
    monkeypatch.setattr(targets, "capabilities", lambda: [("a card", (9, 0))])
    return TuningJob(imported("yolov8", tmp_path), find_precision("fp16"), TARGET, None)


def searched(
    job: TuningJob[Any], home: Path, limits: Limits, follower: Follower, measuring: MakeMeasuring = FewerStages
) -> Any:
    return CudaTuner(measuring).search(job, home, limits, None, lambda name: nullcontext(), follower)


def test_what_is_found_is_kept_and_taken_up(job: TuningJob[Any], tmp_path: Path) -> None:
    search = searched(job, tmp_path, Limits(), Follower())
    assert search.left == 0 and search.failed > 0
    assert all(task.best_seconds == 2e-6 and "stages 2" in task.best for task in search.tasks)
    assert search.best_seconds < search.default_seconds
    records = CudaBackend().records(tmp_path, TARGET)
    assert records.digest != CudaBackend().no_records().digest
    choose, product = tile_chooser(TARGET.capability, records), search.tasks[0].product
    assert default_tile(TARGET.capability, product).stages != 2 == choose(product).stages
    assert search.network.best_form == "the quickest tiles" and "1000 -> " in search.network.describe()
    again = searched(job, tmp_path, Limits(), Follower())
    assert (
        again.tried == 0
        and again.network is None
        and [task.best for task in again.tasks] == [task.best for task in search.tasks]
    )


def test_what_makes_the_network_slower_is_forgotten(job: TuningJob[Any], tmp_path: Path) -> None:
    search = searched(job, tmp_path, Limits(trials=40), Follower(), InEachOthersWay)
    assert search.network.best_form == search.network.default_form == "default tiles"
    choose = tile_chooser(TARGET.capability, CudaBackend().records(tmp_path, TARGET))
    products = [task.product for task in search.tasks]
    assert [choose(each) for each in products] == [default_tile(TARGET.capability, each) for each in products]


def test_what_is_quickest_in_the_network_is_taken_up(job: TuningJob[Any], tmp_path: Path) -> None:
    search = searched(job, tmp_path, Limits(), Follower(), FourStagesTogether)
    assert search.network.best_form == "tiles chosen one by one"
    choose = tile_chooser(TARGET.capability, CudaBackend().records(tmp_path, TARGET))
    likely = [task for task in search.tasks if any(tile.stages == 4 for tile in task.likely(LIKELY)[1:])]
    assert likely and all(choose(task.product).stages == 4 for task in likely)


def test_a_search_ends_with_its_trials(job: TuningJob[Any], tmp_path: Path) -> None:
    follower = Follower()
    search = searched(job, tmp_path, Limits(trials=1), follower)
    assert search.tried == len(search.tasks) and follower.heard == 1
    assert search.left > 0


def test_without_a_card_there_is_no_search(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(targets, "capabilities", lambda: [])
    with pytest.raises(UsageError, match="no card of this machine runs cuda:sm_90; tune on a machine that has one"):
        CudaTuner().devices(TARGET, None)
    with pytest.raises(UsageError, match="is no runner; write rpc://"):
        CudaTuner().devices(TARGET, "somewhere:9190")


def test_the_command_says_so_too(tmp_path: Path) -> None:
    words = ("tune", sample.MODEL, "--target", "cuda:sm_120", "--registry", tmp_path)
    assert_one_line(run_zcc(*words, LD_LIBRARY_PATH=""), 2, "no card of this machine")
