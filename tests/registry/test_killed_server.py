"""A database server that is killed while eight processes publish: what was acknowledged is there when it is back."""

from __future__ import annotations

import multiprocessing
import time
from pathlib import Path
from typing import Any

import pytest

from tests.registry.postgres import PostgresServer
from tests.registry.samples import artifact
from zcc.registry import Registry
from zcc.runtime.errors import Unavailable

PROCESSES = multiprocessing.get_context("fork")
PUBLISHERS, EACH, KILLS = 8, 6, 2
PATIENCE = 60.0  # seconds


def _publish(place: str, sources: Path, worker: int, acknowledged: Any, failed: Any) -> None:
    """Publish so many, each until it is acknowledged; whatever else is raised than that nobody answers ends this."""
    registry = Registry.open(place)
    for number in range(EACH):
        source, manifest = artifact(sources / str(worker), seed=worker * 100 + number)
        while True:
            try:
                digest = registry.publish(source, manifest, tags=["prod", f"v{worker}-{number}"]).digest
            except Unavailable as error:
                with (sources / "failures").open("a") as failures:
                    failures.write(f"{error}\n")
                failed.set()
                time.sleep(0.2)
            else:
                acknowledged.put(digest)
                break


@pytest.mark.waits
def test_what_was_acknowledged_outlives_the_server(mortal_server: PostgresServer, tmp_path: Path) -> None:
    place = f"{mortal_server.url}?files={tmp_path / 'registry'}"
    registry = Registry.open(place)
    registry.publish(*artifact(tmp_path / "first", "first"))
    acknowledged, failed = PROCESSES.Queue(), PROCESSES.Event()
    workers = [
        PROCESSES.Process(target=_publish, args=(place, tmp_path, worker, acknowledged, failed), daemon=True)
        for worker in range(PUBLISHERS)
    ]
    for worker in workers:
        worker.start()
    digests = set[str]()
    for _ in range(KILLS):
        for _ in range(PUBLISHERS):  # so that it is killed in the middle
            digests.add(acknowledged.get(timeout=PATIENCE))
        failed.clear()
        mortal_server.kill()
        assert failed.wait(PATIENCE), "nobody noticed"
        mortal_server.start_again()
        assert digests <= {each.digest for each in registry.artifacts()}
    while len(digests) < PUBLISHERS * EACH:
        digests.add(acknowledged.get(timeout=PATIENCE))
    for worker in workers:
        worker.join(PATIENCE)
    assert [worker.exitcode for worker in workers] == [0] * PUBLISHERS
    told = (tmp_path / "failures").read_text().splitlines()
    assert all(each.startswith("registry postgresql") and "server" in each for each in told), "a line for each"
    found = {each.digest for each in registry.artifacts() if each.manifest.name != "first"}
    assert found == digests
    assert registry.verify().problems == ()
    assert registry.resolve("yolo:prod").digest == registry.history("yolo", "prod")[0].digests[0]
    registry.gc()
    assert registry.verify().problems == ()
