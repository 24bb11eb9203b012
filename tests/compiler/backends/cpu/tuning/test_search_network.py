"""The search for what concerns a network as a whole, on a small detector."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

from tests.compiler.bare_heads import distributed
from tests.compiler.loaded import load_here
from zcc.compiler.backends.common.measuring.device import Here, ThisMachine
from zcc.compiler.backends.common.measuring.device_process import DeviceWorker
from zcc.compiler.backends.common.measuring.time_limit import TimeLimit
from zcc.compiler.backends.common.record_folders import own_records
from zcc.compiler.backends.cpu.forms.find_records import NO_RECORDS, KernelRecords, find_records
from zcc.compiler.backends.cpu.forms.network_form import (
    LEAST_BLOCK,
    NetworkForm,
    default_form,
    dimensions,
    possible_forms,
    write_form,
)
from zcc.compiler.backends.cpu.forms.networks import NETWORKS, NetworkRecord, read_networks, record_name, write_networks
from zcc.compiler.backends.cpu.kernels.spec import KernelCall
from zcc.compiler.backends.cpu.lowering.identity import network_key
from zcc.compiler.backends.cpu.targets.table import TARGETS, native_target
from zcc.compiler.backends.cpu.targets.target import CpuTarget
from zcc.compiler.backends.cpu.tuning import network_trial
from zcc.compiler.backends.cpu.tuning.form_builder import FormBuilder
from zcc.compiler.backends.cpu.tuning.form_race import RACE_SECONDS, FormRace
from zcc.compiler.backends.cpu.tuning.network_trial import BuiltForm, NetworkTrial, measure_networks
from zcc.compiler.backends.cpu.tuning.search_network import search_network
from zcc.compiler.backends.search import Limits
from zcc.compiler.building.build import build as build_variant
from zcc.compiler.building.calibration import calibrate_on_pictures
from zcc.compiler.building.job import Job
from zcc.compiler.building.options import CompileOptions
from zcc.compiler.building.progress import Silent
from zcc.compiler.building.stage_recorder import StageRecorder
from zcc.compiler.importing.imported import Imported, import_model
from zcc.compiler.precision.calibrate import Calibration
from zcc.compiler.precision.table import find_precision
from zcc.compiler.tuning.silent import SilentSearch
from zcc.runtime.errors import TuningError
from zcc.runtime.manifest import InputSpec
from zcc.runtime.variant import Variant

RUNNABLE = [name for name, target in TARGETS.items() if target.runs_here()]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Imported:
    path = tmp_path_factory.mktemp("model") / "tiny.onnx"
    onnx.save(distributed(3, (64, 64)), path)
    return import_model(load_here(path), InputSpec(64, 64), 100)


@pytest.fixture(scope="module")
def calibration(source: Imported, tmp_path_factory: pytest.TempPathFactory) -> Calibration:
    folder = tmp_path_factory.mktemp("pictures")
    np.save(folder / "noise.npy", np.random.default_rng(3).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    options = CompileOptions(model=Path("tiny.onnx"), calib=folder)
    calibrated = calibrate_on_pictures(options, source, None, [find_precision("int8")], StageRecorder(Silent()))
    assert calibrated is not None
    return calibrated.calibration


def native(dtype: str) -> CpuTarget:
    return native_target(dtype).with_threads(2)


def builder_of(source: Imported, dtype: str = "fp32", calibration: Calibration | None = None) -> FormBuilder:
    return FormBuilder(source, find_precision(dtype), native(dtype), calibration, NO_RECORDS)


def others(threads: bool) -> int:
    """How many other forms a search tries of this machine's best target, as wide as its registers are."""
    *network, shares = (len(values) for values in dimensions(native("fp32"), find_precision("fp32")))
    return sum(network) + shares * threads


def trial_of(builder: FormBuilder, forms: list[NetworkForm], folder: Path) -> NetworkTrial:
    default, *others = (builder.build(form, folder / write_form(form)) for form in forms)
    model = builder.source.model
    return NetworkTrial(default, tuple(others), (1, 3, model.height, model.width), model.head)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Results matter, not times."""
    monkeypatch.setattr(network_trial, "ROUNDS", 1)
    monkeypatch.setattr(network_trial, "ROUND_SECONDS", 0.0)


class Told(SilentSearch):
    """Remembers what was said."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("target", [name for name in RUNNABLE if name in ("x86-64-v3", "x86-64-v4")])
def test_every_form_computes_what_the_default_form_computes(source: Imported, target: str, tmp_path: Path) -> None:
    builder = builder_of(source)
    builder.target = TARGETS[target].with_threads(2)
    default = default_form(builder.target, builder.precision.name)
    blocks = sorted({form.block for form in possible_forms(builder.target, builder.precision).values()})
    forms = [default, replace(default, winograd=False), *(replace(default, block=block) for block in blocks)]
    answer = measure_networks(trial_of(builder, list(dict.fromkeys(forms)), tmp_path), ThisMachine())
    assert [outcome.failure for outcome in answer.outcomes] == [None] * (len(set(forms)) - 1)


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("block", [8, 32])
def test_integers_in_other_blocks_are_the_same_integers(
    source: Imported, calibration: Calibration, block: int, tmp_path: Path
) -> None:
    builder = builder_of(source, "int8", calibration)
    builder.target = TARGETS["x86-64-v4" if "x86-64-v4" in RUNNABLE else "x86-64-v3"].with_threads(2)
    default = default_form(builder.target, builder.precision.name)
    forms = [default, replace(default, block=block if block != default.block else 16)]
    answer = measure_networks(trial_of(builder, forms, tmp_path), ThisMachine())
    assert [outcome.failure for outcome in answer.outcomes] == [None]


def test_kernels_do_what_the_form_says(source: Imported) -> None:
    builder = builder_of(source)
    default = default_form(builder.target, builder.precision.name)

    def names(form: NetworkForm) -> list[str]:
        calls: tuple[KernelCall, ...] = builder.lower(form).calls
        return [call.spec.name for call in calls]

    assert any(name.startswith("winograd") for name in names(default)) and builder.has_winograd(default)
    direct = replace(default, winograd=False)
    assert not any(name.startswith("winograd") for name in names(direct)) and not builder.has_winograd(direct)
    doubled = builder.lower(replace(default, block=2 * default.block))
    assert {channels.block for channels in doubled.placement.channels.values()} == {2 * default.block, 1}


def test_a_search_records_every_form_and_measures_nothing_twice(
    source: Imported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    builder, told = builder_of(source), Told()
    found = search_network(builder, tmp_path, Limits(), Here(), shares=True, progress=told)
    assert (found.left, found.failed) == (0, 0)
    assert found.tried == len(told.notes) == others(threads=True)
    record = read_networks(tmp_path)[record_name(network_key(source.network()), "fp32")]
    assert record == found.record and len(record.forms) == 1 + found.tried
    assert all(isinstance(seconds, float) for seconds in record.forms.values())
    monkeypatch.setattr(DeviceWorker, "ask", lambda *_: pytest.fail("nothing is left to be measured"))
    text = (tmp_path / NETWORKS).read_bytes()
    again = search_network(builder, tmp_path, Limits(), Here(), shares=True, progress=told)
    assert (again.tried, again.best, again.record) == (0, found.best, found.record)
    assert (tmp_path / NETWORKS).read_bytes() == text


def test_limits_hold(source: Imported, tmp_path: Path) -> None:
    builder = builder_of(source)
    for limits in (Limits(trials=0), Limits(seconds=0.0)):
        found = search_network(builder, tmp_path, limits, Here(), shares=False, progress=SilentSearch())
        assert (found.tried, found.left, found.best) == (0, others(threads=False), found.default)
    assert not (tmp_path / NETWORKS).exists()


class NeverBuilt(FormBuilder):
    """Nothing may be built with it."""

    def build(self, form: NetworkForm, folder: Path) -> BuiltForm:
        raise AssertionError("this was begun, and would not have been done in time")


def test_what_would_not_be_done_in_time_is_not_begun(source: Imported, tmp_path: Path) -> None:
    builder = NeverBuilt(source, find_precision("fp32"), native("fp32"), None, NO_RECORDS)
    limits, a_form_takes = Limits(seconds=100.0), 60.0
    found = search_network(builder, tmp_path, limits, Here(), False, Silent(), a_form_takes)
    assert (found.tried, found.left) == (0, others(threads=False))


def test_as_many_forms_are_begun_as_can_be_done(source: Imported, tmp_path: Path) -> None:
    for seconds, count in ((None, 9), (1000.0, 9), (RACE_SECONDS + 45.0, 3), (RACE_SECONDS + 15.0, 0), (0.0, 0)):
        race = FormRace(builder_of(source), Here(), tmp_path, TimeLimit(seconds), Silent(), build_seconds=10.0)
        assert race.affordable(9) == count, "one more must be built, which the others are held against"
        race.close()


class Faulty(FormBuilder):
    """Builds some forms wrongly."""

    def build(self, form: NetworkForm, folder: Path):  # type: ignore[no-untyped-def]
        if form.block < default_form(self.target, "fp32").block:
            raise ValueError("no such block")
        built = super().build(form, folder)
        if form.block > default_form(self.target, "fp32").block:
            built.weights.write_bytes(bytes(built.weights.stat().st_size))
        if not form.winograd:
            built.library.write_bytes(b"no library")
        return built


def test_forms_that_fail_are_recorded_and_never_chosen(source: Imported, tmp_path: Path) -> None:
    builder = Faulty(source, find_precision("fp32"), native("fp32"), None, NO_RECORDS)
    found = search_network(builder, tmp_path, Limits(), Here(), shares=False, progress=SilentSearch())
    every = others(threads=False)
    assert (found.best, found.failed, found.tried, found.left) == (found.default, every, every, 0)
    faults = {form: value for form, value in found.record.forms.items() if isinstance(value, str)}
    assert len(faults) == every
    smaller = found.default.block // 2 >= LEAST_BLOCK
    assert any("no such block" in fault for fault in faults.values()) == smaller
    assert any("off the default form" in fault for fault in faults.values())


def test_other_kernels_are_measured_anew(source: Imported, tmp_path: Path) -> None:
    builder = builder_of(source)
    name = record_name(network_key(source.network()), "fp32")
    known = search_network(builder, tmp_path, Limits(trials=0), Here(), False, SilentSearch()).record
    write_networks(tmp_path, {name: replace(known, kernels="others", forms={write_form(native_form()): 1.0})})
    found = search_network(builder, tmp_path, Limits(trials=0), Here(), False, SilentSearch())
    assert found.record.forms == {}


def native_form() -> NetworkForm:
    return default_form(native("fp32"), "fp32")


def job(source: Imported, records: KernelRecords) -> Job:
    return Job("tiny", source, native("fp32"), find_precision("fp32"), records=records)


def test_a_compile_builds_the_best_form_and_says_so(source: Imported, tmp_path: Path) -> None:
    best = NetworkForm(2 * native_form().block, winograd=False, threads=1)
    forms = {write_form(native_form()): 2.0, write_form(best): 1.0, "block=3 winograd=7 threads=2": 0.1}
    record = NetworkRecord("tiny", "kernels", forms)
    write_networks(own_records(tmp_path, native("fp32")), {record_name(network_key(source.network()), "fp32"): record})
    plain, tuned = job(source, NO_RECORDS), job(source, find_records(tmp_path, native("fp32")))
    assert plain.fingerprint() != tuned.fingerprint()
    manifests = []
    for name, each in (("plain", plain), ("tuned", tuned)):
        (tmp_path / name).mkdir()
        manifests.append(build_variant(each, "key", tmp_path / name, StageRecorder(Silent())))
    assert "threads" not in manifests[0].kernels
    assert manifests[0].kernels["network"] == {
        "form": write_form(native_form()),
        "default": write_form(native_form()),
        "tried_ms": {},
    }
    assert manifests[1].kernels["threads"] == 1
    assert manifests[1].kernels["network"] == {
        "form": write_form(best),
        "default": write_form(native_form()),
        "tried_ms": {form: 1e3 * seconds for form, seconds in forms.items()},
    }
    assert not any(call["kernel"].startswith("winograd") for call in manifests[1].kernels["calls"])
    image = np.random.default_rng(1).random((1, 3, 64, 64), dtype=np.float32)
    frame = np.random.default_rng(1).integers(0, 256, (48, 80, 3), dtype=np.uint8)
    one, other = (
        Variant(tmp_path / each, manifest) for each, manifest in zip(("plain", "tuned"), manifests, strict=True)
    )
    np.testing.assert_allclose(other.run_network(image), one.run_network(image), rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(other.run(frame, 0.001, 0.5).boxes, one.run(frame, 0.001, 0.5).boxes, atol=0.05)


def test_own_records_win_over_shipped_ones_and_damaged_ones_are_named(source: Imported, tmp_path: Path) -> None:
    target, name = native("fp32"), record_name(network_key(source.network()), "fp32")
    direct = replace(native_form(), winograd=False)
    ours = {name: NetworkRecord("tiny", "k", {write_form(native_form()): 2.0, write_form(direct): 1.0})}
    theirs = {name: NetworkRecord("tiny", "k", {write_form(native_form()): 1.0, write_form(direct): 2.0})}
    precision = find_precision("fp32")
    assert KernelRecords((), (ours, theirs)).form(source, precision, target).form == direct
    assert KernelRecords((), ({}, theirs)).form(source, precision, target).form == native_form()
    assert KernelRecords((), (ours,)).form(source, find_precision("fp16"), target).form == native_form()
    folder = own_records(tmp_path, target)
    folder.mkdir(parents=True)
    (folder / NETWORKS).write_text(json.dumps(ours[name].network))
    with pytest.raises(TuningError, match=NETWORKS):
        find_records(tmp_path, target)
