"""How much memory is left, by made-up files of the system's."""

from __future__ import annotations

from pathlib import Path

import pytest

from zcc.runtime import host, memory

GB = 1 << 30


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with 4 GB to spare, and no control groups."""
    monkeypatch.setattr(memory, "MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(host, "OWN_GROUPS", tmp_path / "own")
    monkeypatch.setattr(host, "CGROUP", tmp_path)
    (tmp_path / "meminfo").write_text(f"MemTotal: 9 kB\nMemAvailable:   {4 * GB // 1024} kB\nHugePages_Total:  0\n")
    return tmp_path


def write(folder: Path, **files: str) -> None:
    """Files of a control group."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("_dot_", ".")).write_text(text + "\n")


def test_this_machine() -> None:
    free = memory.free_memory()
    assert free is not None
    assert 0 < free < 1 << 50


def test_without_groups_it_is_what_the_machine_has(system: Path) -> None:
    assert memory.free_memory() == 4 * GB
    (system / "meminfo").unlink()
    assert memory.free_memory() is None


def test_of_nested_groups_the_tightest_counts_and_its_cache_is_free(system: Path) -> None:
    (system / "own").write_text("0::/a/b\n")
    write(system / "a", memory_dot_max=str(3 * GB), memory_dot_current=str(GB))
    write(system / "a" / "b", memory_dot_max="max", memory_dot_current=str(GB))
    assert memory.free_memory() == 2 * GB
    write(system / "a" / "b", memory_dot_max=str(2 * GB), memory_dot_stat=f"anon 1\ninactive_file {GB // 4}\n")
    assert memory.free_memory() == GB + GB // 4


def test_a_group_of_the_first_kind(system: Path) -> None:
    (system / "own").write_text("4:memory:/docker/0\n2:cpu:/docker/0\n")
    write(
        system / "memory" / "docker" / "0",
        **{"memory.limit_in_bytes": str(GB), "memory.usage_in_bytes": str(GB // 2), "memory.stat": "cache 9"},
    )
    assert memory.free_memory() == GB // 2


def test_a_group_that_is_full_leaves_nothing(system: Path) -> None:
    (system / "own").write_text("0::/\n")
    write(system, memory_dot_max=str(GB), memory_dot_current=str(2 * GB))
    assert memory.free_memory() == 0
