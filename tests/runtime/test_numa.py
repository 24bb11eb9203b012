"""Nodes of memory, by made-up folders of the system's, and threads that stay on one."""

from __future__ import annotations

import logging
import os
import threading
from pathlib import Path

import pytest

from tests.conftest import Tiny
from zcc.runtime import frame_pool, host, numa, side_by_side
from zcc.runtime.engine import Engine, EngineRole
from zcc.runtime.manifest import Manifest
from zcc.runtime.variant import Variant


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two nodes of four processors, one without any, and what else lies there."""
    for name, cpus in (("node0", "0-1,4-5\n"), ("node1", "2-3,6-7\n"), ("node10", "\n")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "cpulist").write_text(cpus)
    (tmp_path / "node2").mkdir()  # one that is just being taken out
    (tmp_path / "possible").write_text("0-1\n")
    monkeypatch.setattr(host, "usable_cpus", lambda: list(range(8)))
    monkeypatch.setattr(host, "worker_threads", lambda: 8)
    return tmp_path


FIRST, SECOND = frozenset({0, 1, 4, 5}), frozenset({2, 3, 6, 7})


def test_the_processors_of_each_node(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert numa.nodes(machine) == [FIRST, SECOND]
    monkeypatch.setattr(host, "usable_cpus", lambda: [0, 1, 2])
    assert numa.nodes(machine) == [frozenset({0, 1}), frozenset({2})]
    assert numa.nodes(machine / "absent") == []


def test_streams_are_bound_where_all_get_the_same(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert numa.nodes_for(2, machine) == numa.nodes_for(8, machine) == [FIRST, SECOND]
    assert numa.nodes_for(1, machine) == numa.nodes_for(3, machine) == []
    monkeypatch.setattr(host, "worker_threads", lambda: 4)
    assert numa.nodes_for(2, machine) == [], "four threads on eight processors are the system's to place"
    monkeypatch.setattr(host, "worker_threads", lambda: 7)
    monkeypatch.setattr(host, "usable_cpus", lambda: list(range(7)))
    assert numa.nodes_for(2, machine) == [], "one node has fewer"


def test_on_one_node_nothing_changes(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "usable_cpus", lambda: sorted(FIRST))
    monkeypatch.setattr(host, "worker_threads", lambda: 4)
    assert numa.nodes_for(2, machine) == numa.nodes_for(4, machine) == []


def test_lanes_take_turns_on_the_nodes(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numa, "nodes_for", lambda streams: [FIRST, SECOND])
    places = side_by_side._places.__wrapped__
    assert places(4) == ((0, FIRST), (1, SECOND), (2, FIRST), (3, SECOND))
    monkeypatch.setattr(numa, "nodes_for", lambda streams: [])
    assert places(2) == ((0, frozenset()), (1, frozenset()))


def test_a_bound_engine_runs_its_frames_in_threads_that_stay_there(
    tiny_artifact: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    variant = Variant(tiny_artifact.folder, Manifest.read(tiny_artifact.folder))
    cpus = frozenset({min(os.sched_getaffinity(0))})
    own, before = Engine(EngineRole("bound", threads=2, cpus=cpus)), os.sched_getaffinity(0)
    kept: dict[str, frozenset[int]] = {}
    monkeypatch.setattr(frame_pool, "stay_on", lambda cpus: kept.update({threading.current_thread().name: cpus}))
    place, thread = own.call(lambda: (own.share(variant.executor._pool_code), threading.current_thread().name))
    assert (place, thread) == (2, "bound"), "not in the caller's, which may run anywhere"
    assert own._thread is not None and os.sched_getaffinity(own._thread.native_id or 0) == cpus
    assert os.sched_getaffinity(0) == before
    own.stop()
    assert kept == {"zcc-1": cpus}


def test_processors_that_are_gone_are_told_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "zcc.runtime"):
        numa.stay_on(frozenset({max(os.sched_getaffinity(0)) + 900}))
    assert "not kept on its node" in caplog.text
