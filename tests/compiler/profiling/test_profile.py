"""A profile of a real artifact, and what is told of it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.conftest import Tiny
from zcc.compiler.backends.common.machine import Machine
from zcc.compiler.profiling.profile import KernelTime, profile_artifact, profile_whole, undisturbed
from zcc.compiler.profiling.report import as_rows, as_text, as_totals
from zcc.runtime import library
from zcc.runtime.engine import engine
from zcc.runtime.executors.cpu import CpuExecutor
from zcc.runtime.library import PROFILE
from zcc.runtime.manifest import Manifest

MACHINE = Machine(threads=1, peaks={"fp32": 1e9}, bandwidth=((1, 1e9),))
TIMES = [
    KernelTime("pool", "a", 0.001, 0, 500_000),
    KernelTime("conv", "b", 0.004, 2_000_000, 8_000),
    KernelTime("empty", "c", 0.0, 0, 0),
]


def test_every_kernel_call_of_the_manifest_is_timed_in_its_order(tiny_artifact: Tiny) -> None:
    times = profile_artifact(tiny_artifact.folder, rounds=3)
    calls = Manifest.read(tiny_artifact.folder).kernels["calls"]
    names = ("kernel", "makes", "flops", "bytes", "dtype", "layout", "tuned", "nodes")
    described = [{name: getattr(t, name) for name in names} | {"nodes": list(t.nodes)} for t in times]
    assert described == list(calls)
    assert all(each.seconds >= 0 for each in times)
    assert sum(each.seconds for each in times) > 0


def test_kernels_run_on_an_image_whatever_is_in_memory(tiny_artifact: Tiny) -> None:
    """Not on what the last kernels left where the image lies."""
    manifest = Manifest.read(tiny_artifact.folder)
    executor = CpuExecutor(tiny_artifact.folder, manifest)
    clock = np.zeros(2 * len(manifest.kernels["calls"]) + 2, np.int64)
    outputs = [np.zeros(4 * np.prod(manifest.head.shape), np.uint8) for _ in range(2)]

    def run(left: float, output: NDArray[np.uint8]) -> None:
        arena = executor._workspace(engine().all_cores, "network")
        arena[: arena.size // 4 * 4].view(np.float32)[:] = left
        executor._ask(library.entry_point(executor._module, PROFILE), executor._weights, arena, output, clock)

    for left, output in zip((np.nan, 1.0), outputs, strict=True):
        engine().call(run, left, output)
    assert np.isfinite(outputs[0].view(np.float32)).all()
    np.testing.assert_array_equal(*outputs)


def test_a_frame_is_told_stage_by_stage(tiny_artifact: Tiny) -> None:
    profiled = profile_whole(tiny_artifact.folder, rounds=2)
    assert list(profiled.stages) == ["preprocess", "network", "postprocess"]
    assert all(seconds > 0 for seconds in profiled.stages.values())
    assert profiled.covered == pytest.approx(profiled.total / profiled.network)


def test_what_disturbs_a_run_does_not_count() -> None:
    """Of four runs, a disturbed one and the slower of the others are left out; parts add up to their whole."""
    runs = [np.array(each, np.float64) for each in ([9, 9], [9, 9], [9, 9], [1, 2], [1.5, 2], [40, 1], [2, 2])]
    assert undisturbed(runs).tolist() == [1.25, 2.0]


def test_rows_come_by_time_with_their_share_and_speed() -> None:
    conv, pool, empty = as_rows(TIMES)
    assert [row["kernel"] for row in (conv, pool, empty)] == ["conv", "pool", "empty"]
    assert (conv["share"], conv["ms"], conv["gflops"], conv["gbs"]) == (0.8, 4.0, 0.5, 0.002)
    assert (pool["share"], pool["gflops"], pool["gbs"]) == (0.2, 0.0, 0.5)
    assert "of_floor" not in conv
    assert (empty["gflops"], empty["gbs"]) == (0.0, 0.0)


def test_with_a_machine_every_row_has_its_floor() -> None:
    conv, pool, _ = as_rows(TIMES, MACHINE)
    assert (conv["floor_ms"], conv["of_floor"]) == (2.0, 0.5)
    assert (pool["floor_ms"], pool["of_floor"]) == (0.5, 0.5)
    totals = as_totals(TIMES, MACHINE)
    assert (totals["ms"], totals["floor_ms"], totals["of_floor"]) == (5.0, 2.5, 0.5)
    assert (totals["kernels"], totals["gflop"], totals["gflops"]) == (3, 0.002, 0.4)
    json.dumps([conv, pool, totals])


@pytest.mark.parametrize("machine", [None, MACHINE], ids=["plain", "floors"])
def test_the_table_is_aligned_and_says_what_it_leaves_out(machine: Machine | None) -> None:
    title, first, rest = as_text(as_rows(TIMES, machine), top=1).splitlines()
    assert title.index("kernel") == first.index("conv")
    assert rest.strip() == "20.0%  in 2 more"
    assert ("of peak" in title) == (machine is not None)


def test_no_kernels_make_an_empty_table() -> None:
    assert as_rows([]) == []
    assert as_totals([])["gflops"] == 0
    assert as_text([], top=5).split() == ["kernel", "form", "writes", "nodes"]
