"""The kernels that find the machine's limits really do the work that they are timed for."""

from __future__ import annotations

import numpy as np
import pytest

from zcc.compiler.backends.cpu.machine import peaks
from zcc.compiler.backends.cpu.targets.table import TARGETS, native_target
from zcc.runtime.engine import engine

HERE = [target for target in TARGETS.values() if target.runs_here()]


@pytest.mark.parametrize("target", HERE, ids=lambda target: target.name)
def test_chains_of_multiply_adds(target: peaks.Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peaks, "STEPS", 5)
    lanes, threads = target.unit.lanes, 3
    run = peaks.compiled(peaks.multiply_adds(threads, lanes), target)
    numbers = np.random.default_rng(0).random((2, lanes), dtype=np.float32)
    sums = np.full((threads, peaks.CHAINS, lanes), np.nan, np.float32)
    engine().call(lambda: run(numbers, sums))
    expected = np.zeros(lanes)
    for _ in range(5):
        expected = expected * numbers[0] + numbers[1]
    np.testing.assert_allclose(sums, np.broadcast_to(expected, sums.shape), rtol=1e-5)


@pytest.mark.parametrize("target", HERE, ids=lambda target: target.name)
def test_every_number_is_read_in_every_pass(target: peaks.Target) -> None:
    lanes, threads, vectors, passes = target.unit.lanes, 2, 7, 3
    run = peaks.compiled(peaks.reads(threads, lanes, vectors, passes), target)
    numbers = np.random.default_rng(1).random((threads, vectors, peaks.CHAINS, lanes), dtype=np.float32)
    sums = np.full((threads, peaks.CHAINS, lanes), np.nan, np.float32)
    engine().call(lambda: run(numbers, sums))
    np.testing.assert_allclose(sums, passes * numbers.sum(axis=1), rtol=1e-5)


def test_a_machine_has_a_peak_and_a_bandwidth_for_every_footprint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peaks, "WINDOW", 0.001)
    monkeypatch.setattr(peaks, "FOOTPRINTS", (1 << 18, 1 << 20))
    able = ["bf16", "fp32", "int8"] if native_target().unit.bf16 else ["fp32", "int8"]
    machine = peaks.measure_machine(native_target(), able)
    assert [arithmetic for arithmetic, peak in machine.peaks.items() if peak > 0] == able
    assert [size for size, speed in machine.bandwidth if speed > 0] == [1 << 18, 1 << 20]


def test_the_peak_of_float32_in_tiles_is_a_sixth_of_that_of_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each takes six products, all of which take the same time here; vectors count where they are quicker."""
    monkeypatch.setattr(peaks, "compiled", lambda function, target: lambda *arrays: None)
    monkeypatch.setattr(peaks, "_best", lambda run: 1.0)
    target = TARGETS["x86-64-v4-amx"]
    in_tiles = peaks.PEAKS["bf16"](target, 2, 16) / 6
    assert peaks.PEAKS["fp32"](target, 2, 16) == in_tiles
    monkeypatch.setattr(peaks, "_peak_of_vectors", lambda *about: 2 * in_tiles)
    assert peaks.PEAKS["fp32"](target, 2, 16) == 2 * in_tiles
    assert peaks.PEAKS["fp32"](TARGETS["x86-64-v4"], 2, 16) == 2 * in_tiles


def test_what_is_read_was_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory that never was is one page of zeros, however much of it there is."""
    read: list[np.ndarray] = []

    def run(*arrays: np.ndarray) -> None:
        read.append(arrays[0])

    monkeypatch.setattr(peaks, "WINDOW", 0.0001)
    monkeypatch.setattr(peaks, "FOOTPRINTS", (1 << 18, 1 << 20))
    monkeypatch.setattr(peaks, "compiled", lambda *_: run)
    peaks.measure_machine(native_target())
    large = [array for array in read if array.nbytes > 1 << 17]
    assert len(large) > 1 and all(array.all() for array in large)
