"""Whatever keeps the contract of tuning is searched, shown and counted: nothing above knows whose kernels they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from zcc.commands.tuning_table import batch_line, whole_line
from zcc.compiler.backends.search import AnySearch, Limits, RecordCounts, Search, TuningJob
from zcc.compiler.backends.table import BACKENDS, targets
from zcc.compiler.building.prepare import Prepared
from zcc.compiler.building.stage_recorder import StageRecorder
from zcc.compiler.building.tune_options import TuneOptions
from zcc.compiler.precision.table import find_precision
from zcc.compiler.tuning.record_collections import export_records, import_records, statistics
from zcc.compiler.tuning.silent import SilentSearch
from zcc.compiler.tuning.tune_model import tune_variants

FILE = "forms.txt"  # a line per kernel


@dataclass
class Kernel:
    """A kernel of which two of three forms were measured."""

    name: str = "warp_4x4"
    count: int = 2
    forms: int = 3
    tried: int = 2
    failed: int = 0
    left: int = 1
    default_seconds: float | None = 2e-3
    best_seconds: float | None = 1e-3
    best: str | None = "tile 8"
    floor_seconds: float | None = None
    gain: float = 2.0


class Files:
    """Records as lines of text."""

    def folders(self, home: Path) -> list[Path]:
        return sorted(path.parent for path in home.glob(f"*/{FILE}"))

    def count(self, folder: Path) -> RecordCounts:
        lines = (folder / FILE).read_text().splitlines()
        return RecordCounts(len(lines), len(lines), 0, 0)

    def export(self, own: Path, folder: Path) -> None:
        self.add(own, folder)

    def add(self, folder: Path, own: Path) -> None:
        own.mkdir(parents=True, exist_ok=True)
        (own / FILE).write_text((folder / FILE).read_text())


@dataclass
class Tuner:
    """Remembers what it was asked for, and finds the same whatever that is."""

    asked: list[tuple[str, str, float | None]] = field(default_factory=list)
    records: Files = field(default_factory=Files)

    def devices(self, target: Any, runner: str | None) -> Sequence[Any]:
        return ["a card"]

    def search(
        self, job: TuningJob[Any], home: Path, limits: Limits, runner: str | None, stage: Any, progress: Any
    ) -> AnySearch:
        self.asked.append((job.precision.name, job.target.name, limits.trials))
        with stage(f"tune {job.precision.name}"):
            found = Search([Kernel()], job.target, budget=limits.seconds)
            progress.measured(found, found.tasks[0])
        return found


@pytest.fixture
def tuner(monkeypatch: pytest.MonkeyPatch) -> Tuner:
    """In the place of the search of the last backend."""
    made = Tuner()
    monkeypatch.setattr(type(BACKENDS[-1]), "tuner", made)
    return made


def test_variants_go_to_the_tuner_of_their_backend(tuner: Tuner, tmp_path: Path) -> None:
    target = next(reversed(BACKENDS[-1].targets.values()))
    wanted = [(find_precision(dtype), target) for dtype in ("fp32", "fp16")]
    source: Any = None  # nothing above a backend looks into it
    progress = SilentSearch()
    stages = StageRecorder(progress)
    model = Prepared(source, wanted, None, None)
    found = tune_variants(model, tmp_path, TuneOptions(trials=7), stages, progress)
    assert tuner.asked == [("fp32", target.name, 7), ("fp16", target.name, 7)]
    assert [stage.name for stage in stages.done] == ["tune fp32", "tune fp16"]
    assert whole_line(found[0]).startswith("4.000 -> 2.000 ms (2.00x), 2 forms tried, 1 left")
    assert batch_line(found[0], found[0].tasks[0]).startswith("  warp_4x4: 1.000 of 2.000 ms (tile 8); ")


def test_records_of_every_backend_are_counted_and_travel(tuner: Tuner, tmp_path: Path) -> None:
    here, there, other = (tmp_path / name for name in ("here", "there", "other"))
    folder = here / "tuning" / "sm_90"
    folder.mkdir(parents=True)
    (folder / FILE).write_text("one\ntwo\n")
    assert [(each.target, each.kernels) for each in export_records(here, there)] == [("sm_90", 2)]
    import_records(there, other)
    own = [each for each in statistics(other) if each.whose == "yours"]
    assert [(each.target, each.kernels) for each in own] == [("sm_90", 2)]


def test_every_target_belongs_to_one_backend() -> None:
    assert len(targets()) == sum(len(backend.targets) for backend in BACKENDS)
