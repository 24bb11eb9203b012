"""A clock that jumps: what came last is what was done last, whatever the clock says, and nothing is lost."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.registry.samples import artifact
from zcc.registry import Registry, garbage, tags
from zcc.registry.garbage import Spared

YEARS = timedelta(days=3650)
TODAY = datetime(2026, 11, 29, tzinfo=timezone.utc)


@pytest.mark.parametrize("jumps", [(YEARS, -YEARS, timedelta()), (-YEARS, YEARS, -2 * YEARS)])
def test_a_clock_that_jumps_changes_no_order_and_loses_nothing(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jumps: tuple[timedelta, ...]
) -> None:
    made = []
    for number, jump in enumerate(jumps):
        moment = TODAY + jump
        monkeypatch.setattr(tags, "now", lambda moment=moment: moment.isoformat())
        monkeypatch.setattr(garbage, "time", SimpleNamespace(time=moment.timestamp))
        source = artifact(tmp_path / f"{number}", seed=number, created=moment.isoformat())
        made.append(registry.publish(*source, tags=["prod"]).digest)
        assert registry.gc(Spared(orphans=False, orphan_days=0)).bytes == 0, "all of it is in the index"
        assert registry.resolve("yolo").digest == registry.resolve("yolo:prod").digest == made[-1]
    assert registry.rollback("yolo", "prod").digests == (made[1],)
    assert registry.verify().problems == ()
    assert [each.digest for each in registry.artifacts()] == made[::-1]
    registry.untag("yolo", "prod")
    registry.gc(keep_last=1)
    assert registry.resolve("yolo").digest == made[-1], "the last that was published, not the latest by the clock"
