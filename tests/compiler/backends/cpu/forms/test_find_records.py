"""What a compile makes of records: own before shipped, the same bytes from the same records, damage by its name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import onnx
import pytest

from tests.compiler.backends.cpu.tuning.databases import FAILED, append
from tests.compiler.backends.cpu.tuning.kernels import TARGET, UNIT, Sizes, direct
from tests.compiler.bare_heads import distributed
from tests.compiler.loaded import load_here
from zcc import sample
from zcc.compiler.backends.common.record_folders import SHIPPED, own_records
from zcc.compiler.backends.cpu.forms.find_records import KernelRecords, find_records
from zcc.compiler.backends.cpu.forms.records import RECORDS, Database, read_records
from zcc.compiler.backends.cpu.kernels.choices import Tile, Unchanged
from zcc.compiler.backends.cpu.kernels.winograd_choices import WinogradChoice
from zcc.compiler.backends.cpu.lowering.pipeline import lower_network
from zcc.compiler.backends.cpu.targets.table import TARGETS
from zcc.compiler.backends.cpu.tuning.kernel_task import tasks_of
from zcc.compiler.building.job import Job
from zcc.compiler.compile import CompileOptions, Result, compile_model
from zcc.compiler.importing.imported import Imported, import_model
from zcc.compiler.precision.table import find_precision
from zcc.compiler.tuning.record_collections import shipped_for
from zcc.registry import Registry
from zcc.runtime.errors import TuningError
from zcc.runtime.library import MODULE
from zcc.runtime.manifest import InputSpec

SPEC = direct(Sizes((2, 4), (7, 13)))
CHOICES = SPEC.choices(UNIT)
PREFERRED, SECOND, THIRD = CHOICES[:3]


def records(folder: Path, *measured: tuple[Any, float], spec: Any = SPEC) -> Database:
    append(folder, spec, measured)
    return read_records(folder)


def test_own_records_win_over_shipped_ones(tmp_path: Path) -> None:
    own = records(tmp_path / "own", (PREFERRED, 2e-3), (SECOND, 1e-3))
    shipped = records(tmp_path / "shipped", (PREFERRED, 2e-3), (THIRD, 1e-3))
    for databases, best in (((own, shipped), SECOND), ((shipped, own), THIRD), (({}, shipped), THIRD)):
        choices = KernelRecords(databases).choices(UNIT)
        assert choices.find(SPEC) == choices.find(SPEC) == best
        assert choices.counts == {"tuned": 1, "default": 0}


def test_a_kernel_without_records_is_left_to_its_template(tmp_path: Path) -> None:
    known = records(tmp_path, (PREFERRED, 2e-3), (SECOND, 1e-3))
    choices = KernelRecords((known, {})).choices(UNIT)
    other = direct(Sizes((2, 4), (7, 12)))
    assert choices.find(other) is None
    assert choices.find(SPEC) == SECOND
    assert choices.counts == {"tuned": 1, "default": 1}


def test_what_an_older_zcc_recorded_and_no_template_offers_is_passed_over(tmp_path: Path) -> None:
    odd = Tile(1, 31)
    assert odd not in CHOICES
    choices = KernelRecords((records(tmp_path / "gone", (odd, 1e-6)), {})).choices(UNIT)
    assert choices.find(SPEC) is None
    assert choices.counts == {"tuned": 0, "default": 1}
    mixed = records(tmp_path / "mixed", (odd, 1e-6), (PREFERRED, 2e-3), (SECOND, 1e-3))
    assert KernelRecords((mixed, {})).choices(UNIT).find(SPEC) == SECOND
    shipped = records(tmp_path / "shipped", (THIRD, 1e-3))
    assert KernelRecords((records(tmp_path / "gone2", (odd, 1e-6)), shipped)).choices(UNIT).find(SPEC) == THIRD


def test_failed_forms_are_never_taken(tmp_path: Path) -> None:
    known = records(tmp_path, (SECOND, FAILED), (THIRD, FAILED))
    assert KernelRecords((known, {})).choices(UNIT).find(SPEC) is None


def test_a_network_without_winograd_takes_the_best_tile(tmp_path: Path) -> None:
    by_winograd = next(choice for choice in CHOICES if isinstance(choice, WinogradChoice))
    tile = [choice for choice in CHOICES if isinstance(choice, Tile)][1]
    known = records(tmp_path, (by_winograd, 1e-3), (SPEC.tile, 3e-3), (tile, 2e-3))
    assert KernelRecords((known, {})).choices(UNIT, winograd=True).find(SPEC) in (None, by_winograd)
    assert KernelRecords((known, {})).choices(UNIT, winograd=False).find(SPEC) == tile


def test_records_of_other_cores_count_where_their_quickest_form_is_offered_here(tmp_path: Path) -> None:
    cut_for_two = next(choice for choice in CHOICES if isinstance(choice, WinogradChoice))
    cut_for_none = replace(cut_for_two, tiles=cut_for_two.tiles + 1)
    here, there = TARGET.with_threads(3), TARGET.with_threads(5)
    for best, taken in ((SECOND, SECOND), (cut_for_none, None)):
        home = tmp_path / type(best).__name__
        append(own_records(home, there), SPEC, [(THIRD, 2e-3), (best, 1e-3)])
        choices = find_records(home, here).choices(UNIT)
        assert choices.find(SPEC) == taken
        assert choices.counts["tuned"] == (taken is not None)
    append(own_records(home, here), SPEC, [(PREFERRED, 2e-3), (THIRD, 1e-3)])
    assert find_records(home, here).choices(UNIT).find(SPEC) == THIRD, "those of as many cores come first"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "tiny.onnx"
    onnx.save(distributed(3, (64, 64)), path)
    return path


@pytest.fixture(scope="module")
def source(model: Path) -> Imported:
    return import_model(load_here(model), InputSpec(64, 64), 300)


def write_own(source: Imported, home: Path, which: int) -> int:
    """Records of each convolution that say its form of that number is the quickest; how many there are."""
    network = find_precision("fp32").convert(source.network(), None, (), 0)
    tasks = tasks_of(lower_network(network, UNIT, Unchanged()).calls, UNIT)
    convolutions = [task for task in tasks if isinstance(task.spec.tile, Tile) and len(task.choices) > which]
    for task in convolutions:
        append(own_records(home, TARGET), task.spec, [(task.choices[0], 2e-3), (task.choices[which], 1e-3)])
    return len(convolutions)


def key(source: Imported, home: Path) -> str:
    """What names a build with the records of that home."""
    return Job("tiny", source, TARGET, find_precision("fp32"), records=find_records(home, TARGET)).fingerprint()


def compiled(model: Path, home: Path) -> Result:
    [made] = compile_model(CompileOptions(model, dtypes=("fp32",)), Registry.open(home))
    return made


def test_the_same_records_give_the_same_module_and_others_another(
    source: Imported, model: Path, tmp_path: Path
) -> None:
    homes = [tmp_path / name for name in ("one", "other", "third", "none")]
    known = [write_own(source, home, which) for home, which in zip(homes, (1, 1, 2), strict=False)]
    assert min(known) > 3
    one, other = (compiled(model, home) for home in homes[:2])
    assert (one.folder / MODULE).read_bytes() == (other.folder / MODULE).read_bytes()
    assert one.manifest.tuning_digest == other.manifest.tuning_digest is not None
    assert one.manifest.kernels["choices"]["tuned"] >= known[0]
    assert compiled(model, homes[0]).reused
    assert one.manifest.fingerprint == other.manifest.fingerprint == key(source, homes[0])
    assert len({key(source, home) for home in homes}) == 3


def test_a_damaged_file_is_named_before_anything_is_built(source: Imported, model: Path, tmp_path: Path) -> None:
    write_own(source, tmp_path, 1)
    path = own_records(tmp_path, TARGET) / RECORDS
    path.write_bytes(b"<<<<<<< HEAD\n" + path.read_bytes())
    with pytest.raises(TuningError, match=f"line 1 of {path} is no line of tuning records; restore the folder, or"):
        compiled(model, tmp_path)
    assert Registry.open(tmp_path).artifacts() == []


def test_records_are_found_by_what_a_kernel_computes_not_by_its_form() -> None:
    choices = KernelRecords(({},)).choices(UNIT)
    choices.find(SPEC)
    choices.find(replace(SPEC, tile=Tile(1, 1)))
    assert choices.counts["tuned"] == 0


@pytest.mark.parametrize("name", ["x86-64-v3"])
def test_what_ships_serves_the_sample(name: str) -> None:
    shapes = load_here(sample.MODEL)
    source = import_model(shapes, InputSpec(shapes.height, shapes.width), 300)
    target = TARGETS[name]  # of two cores, whatever this machine has
    choices = find_records(Path("nowhere"), target).choices(target.unit)
    lower_network(find_precision("fp32").convert(source.network(), None, (), 0), target.unit, choices)
    assert choices.counts["tuned"] > 2 * choices.counts["default"]


def test_what_ships_is_counted_for_a_machine() -> None:
    target = TARGETS["x86-64-v3"]
    two, many = shipped_for([target]), shipped_for([target.with_threads(1000)])
    assert two.here == {"x86-64-v3.2-cores": len(read_records(SHIPPED / "x86-64-v3.2-cores"))}
    assert many == two and two.all > sum(two.here.values()) > 0
