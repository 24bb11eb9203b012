"""Documents kept beside artifacts."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from tests.registry.samples import artifact
from zcc.registry import Registry
from zcc.registry import kept_results as kept
from zcc.registry.kept_results import KeptResults


def test_documents_come_back_in_order_and_the_oldest_give_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MOST_KEPT", 3)
    moments = iter(datetime(2026, 11, 28, tzinfo=timezone.utc) + timedelta(seconds=second) for second in range(9))
    results, digest = KeptResults(tmp_path, lambda: next(moments)), f"sha256:{'a' * 64}"
    for number in range(5):
        path = results.keep(digest, "bench", {"number": number})
    results.keep(digest, "profile", {"number": 7})
    path.with_name(path.name.replace("-2026", "-2025")).write_text("{")
    assert [each["number"] for each in results.of(digest, "bench")] == [2, 3, 4]
    assert results.of(digest, "bench")[-1]["when"] == "2026-11-28T00:00:04+00:00"
    assert results.of(f"sha256:{'b' * 64}", "bench") == []


def test_they_go_with_their_artifact(tmp_path: Path) -> None:
    registry = Registry.open(tmp_path / "home")
    first, second = (registry.publish(*artifact(tmp_path / name, seed=seed)) for seed, name in enumerate("ab"))
    results = KeptResults(registry.home)
    for each in (first, second):
        results.keep(each.digest, "bench", {"ms": 1})
    registry.remove(first.digest)
    assert registry.gc(dry_run=True) == registry.gc()
    assert results.of(first.digest, "bench") == []
    assert len(results.of(second.digest, "bench")) == 1
    assert registry.verify().problems == () and registry.gc().strays == ()
