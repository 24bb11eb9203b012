"""A compressed library never becomes more than a runtime library is, whatever it says."""

from __future__ import annotations

import gzip
import os
import tracemalloc
from pathlib import Path

import pytest

from tests.long.bombs import gunzips_to
from zcc.runtime.errors import CorruptArtifact
from zcc.runtime.packed_library import check_packed, expanded


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    monkeypatch.setenv("ZCC_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.mark.parametrize("says", [6 << 30, 3_400_000, (4 << 30) - 1, 0], ids=["6 GB", "3.4 MB", "4 GB", "nothing"])
def test_six_gigabytes_of_zeros_are_refused_in_little_memory(tmp_path: Path, cache: Path, says: int) -> None:
    packed = tmp_path / "library.gz"
    packed.write_bytes(gunzips_to(6 << 30, says))
    tracemalloc.start()
    try:
        for step in (check_packed, lambda path: expanded(path, ())):
            with pytest.raises(CorruptArtifact, match=r"library\.gz cannot be expanded"):
                step(packed)
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()
    assert not list(cache.rglob("*.so"))


@pytest.mark.parametrize("behind", [gzip.compress(b"second", mtime=0), b"rubbish"], ids=["another file", "rubbish"])
def test_what_has_something_behind_it_is_refused(tmp_path: Path, behind: bytes) -> None:
    (tmp_path / "library.gz").write_bytes(gzip.compress(b"library", mtime=0) + behind)
    with pytest.raises(CorruptArtifact, match="cannot be expanded"):
        check_packed(tmp_path / "library.gz")


def test_a_sound_one_is_kept_and_one_that_is_known_is_taken(tmp_path: Path) -> None:
    packed, known = tmp_path / "library.gz", tmp_path / "known.so"
    packed.write_bytes(gzip.compress(b"library" * 1000, mtime=0))
    kept = expanded(packed, (known,))
    assert kept.read_bytes() == b"library" * 1000
    known.write_bytes(b"library" * 1000)
    assert expanded(packed, (known,)) == known


def test_a_large_one_is_expanded_in_little_memory(tmp_path: Path) -> None:
    library = os.urandom(5 << 20) + bytes(40 << 20)  # what hardly shrinks, and what shrinks to nothing
    (tmp_path / "library.gz").write_bytes(gzip.compress(library, 1, mtime=0))
    tracemalloc.start()
    try:
        check_packed(tmp_path / "library.gz")
        kept = expanded(tmp_path / "library.gz", ())
        assert expanded(tmp_path / "library.gz", ()) == kept
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()
    assert kept.read_bytes() == library
