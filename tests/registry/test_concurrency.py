"""Many processes at one registry."""

from __future__ import annotations

import itertools
import multiprocessing
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.registry.samples import artifact
from zcc.registry import Registry

# Fresh interpreters would spend the test on imports; nothing here has threads to lose in a fork.
PROCESSES = multiprocessing.get_context("fork")


def _together(work: Callable[..., None], arguments: list[tuple[Any, ...]]) -> None:
    """Run the work in as many processes as there are arguments, started at once."""
    gate = PROCESSES.Barrier(len(arguments))
    workers = [PROCESSES.Process(target=_after, args=(gate, work, one)) for one in arguments]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert [worker.exitcode for worker in workers] == [0] * len(workers)


def _after(gate: Any, work: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    gate.wait(120)
    work(*arguments)


def _publish(place: str, sources: Path, worker: int, count: int) -> None:
    registry = Registry.open(place)
    for number in range(count):
        source, manifest = artifact(sources / str(worker), seed=worker * 100 + number)
        registry.publish(source, manifest, tags=["prod", f"v{worker}-{number}"])


def test_publishers_into_a_new_registry(place: str, tmp_path: Path) -> None:
    _together(_publish, [(place, tmp_path, worker, 5) for worker in range(4)])
    registry = Registry.open(place)
    assert len(registry.artifacts()) == 20
    assert len(registry.history("yolo", "prod")) == 20
    assert registry.verify().problems == ()
    assert registry.resolve("yolo:prod").digest == registry.history("yolo", "prod")[0].digests[0]
    assert registry.resolve("yolo").digest == registry.artifacts()[0].digest == registry.resolve("yolo:prod").digest


def test_publishers_of_the_same(place: str, tmp_path: Path) -> None:
    source, manifest = artifact(tmp_path / "a")

    def publish() -> None:
        Registry.open(place).publish(source, manifest)

    _together(publish, [()] * 4)
    registry = Registry.open(place)
    assert len(registry.artifacts()) == 1
    assert registry.verify().problems == ()
    assert list((registry.home / "staging").iterdir()) == []


def _move(place: str, digests: list[str]) -> None:
    registry = Registry.open(place)
    for digest in digests:
        registry.tag(digest, "prod")


def test_movers_of_one_tag(registry: Registry, place: str, tmp_path: Path) -> None:
    digests = [registry.publish(*artifact(tmp_path / str(seed), seed=seed)).digest for seed in range(3)]
    _together(_move, [(place, digests[turn:] + digests[:turn]) for turn in (0, 1, 2)])
    moves = registry.history("yolo", "prod")
    for later, earlier in itertools.pairwise(moves):
        assert later.previous == earlier.id, "two movers took the same place for the last"
        assert later.digests != earlier.digests
    assert [found.digest for found in registry.find("yolo:prod")] == [*moves[0].digests]


def test_collectors_never_take_what_is_being_published(place: str, tmp_path: Path) -> None:
    def collect() -> None:
        registry = Registry.open(place)
        for _ in range(25):
            registry.gc()

    def work(task: Callable[..., None], arguments: tuple[Any, ...]) -> None:
        task(*arguments)

    publishers = [(_publish, (place, tmp_path, worker, 8)) for worker in range(3)]
    _together(work, [*publishers, (collect, ())])
    registry = Registry.open(place)
    assert len(registry.artifacts()) == 24
    assert registry.verify().problems == ()


def test_the_same_build_at_the_same_time_happens_once(place: str, tmp_path: Path) -> None:
    def build(worker: int) -> None:
        registry = Registry.open(place)
        waited: list[bool] = []
        created = f"2026-11-20T10:00:0{worker}+00:00"
        source, manifest = artifact(tmp_path / str(worker), fingerprint="the same", created=created)
        with registry.build_lock("the same", on_wait=lambda: waited.append(True)):
            if registry.by_fingerprint("the same") is None:
                assert not waited, "who waited found nothing to reuse"
                time.sleep(0.2)
                registry.publish(source, manifest)

    _together(build, [(worker,) for worker in range(3)])
    assert len(Registry.open(place).artifacts()) == 1


def test_other_builds_do_not_wait(home: Path) -> None:
    registry = Registry.open(home)
    waited: list[str] = []
    with registry.build_lock("one"), registry.build_lock("two", on_wait=lambda: waited.append("two")):
        pass
    assert waited == []


def test_the_same_build_happens_once_among_machines_that_share_a_server(postgres_server: str, tmp_path: Path) -> None:
    """Two machines: the files lie on a disk of each, so that no lock of files is seen by the other."""
    order: list[str] = []
    began, go_on = threading.Event(), threading.Event()

    def build(machine: str, on_wait: Callable[[], None] | None) -> None:
        registry = Registry.open(f"{postgres_server}?files={tmp_path / machine}")
        with registry.build_lock("the same", on_wait):
            order.append(f"{machine} builds")
            if machine == "first":
                began.set()
                assert go_on.wait(120)
            order.append(f"{machine} is done")

    def waits() -> None:
        order.append("second waits")
        go_on.set()

    first = threading.Thread(target=build, args=("first", None))
    first.start()
    assert began.wait(120)
    build("second", waits)
    first.join()
    assert order == ["first builds", "second waits", "first is done", "second builds", "second is done"]
