"""A full disk and a limit on file sizes: one clear error, and what was published stays."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.registry import faults
from tests.registry.samples import artifact
from zcc.registry import Registry
from zcc.runtime.errors import Unavailable


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no right to mount a small disk: {mounted.stderr.decode().strip()}")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_disk_that_fills_up_during_publishing(small_disk: Path, tmp_path: Path) -> None:
    registry = Registry.open(small_disk)
    kept = registry.publish(*artifact(tmp_path / "a"), tags=["prod"])
    source, manifest = artifact(tmp_path / "b", seed=1, size=300_000)
    refusals = 0
    for free in range(0, 400_000, 16_384):
        registry.gc()
        _fill(small_disk, leaving=free)
        try:
            registry.publish(source, manifest, tags=["prod"])
        except Unavailable as error:
            refusals += 1
            assert "space" in str(error) or "full" in str(error) or "I/O" in str(error)
            assert [found.digest for found in registry.find("yolo:prod")] == [kept.digest]
            assert registry.verify().problems == ()
    assert refusals > 10
    assert registry.resolve("yolo:prod").digest == manifest.digest, "with room enough it gets through"
    assert registry.verify().problems == ()


def _fill(disk: Path, leaving: int) -> None:
    """Use up the disk but for so many bytes."""
    ballast = disk / "ballast"
    ballast.unlink(missing_ok=True)
    room = os.statvfs(disk)
    ballast.write_bytes(bytes(max(0, room.f_bavail * room.f_bsize - leaving)))


@pytest.mark.parametrize("limit", [0, 1, 4096, 19_999])
def test_a_limit_on_file_sizes(home: Path, tmp_path: Path, limit: int) -> None:
    kept = Registry.open(home).publish(*artifact(tmp_path / "a"))
    source, manifest = artifact(tmp_path / "b", seed=1)

    def publish() -> None:
        registry = Registry.open(home)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        registry.publish(source, manifest)

    assert faults.in_child(publish) == faults.REFUSED
    registry = Registry.open(home)
    assert [found.digest for found in registry.artifacts()] == [kept.digest]
    assert registry.verify().problems == ()
    registry.gc()
    assert list((home / "staging").iterdir()) == []
