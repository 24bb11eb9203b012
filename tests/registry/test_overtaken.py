"""Slower than a more accurate one: told by the figures that the registry holds, and only where they can be compared."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.registry.samples import artifact
from zcc.registry import Artifact, Registry
from zcc.registry.overtaken import overtaken
from zcc.runtime.manifest import Measurement

NOISE = "median of 15 frames of 1920x1080 noise, 2 threads"


def published(
    registry: Registry, place: Path, dtype: str, ms: float | None, drop: float | None = None, how: str = NOISE
) -> Artifact:
    """A variant with these figures."""
    figures = [("latency_ms", ms, how), ("drop_map50_95", drop, "points lost")]
    measured = tuple(Measurement(name, value, told) for name, value, told in figures if value is not None)
    return registry.publish(*artifact(place / f"{dtype}-{ms}", dtype=dtype, seed=int(ms or 0), measured=measured))


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry.open(tmp_path / "registry")


def test_a_slower_int8_is_told_with_both_figures(registry: Registry, tmp_path: Path) -> None:
    published(registry, tmp_path, "fp32", 40.0)
    published(registry, tmp_path, "int8", 80.0, drop=0.2)
    assert overtaken(registry.artifacts()) == [
        "yolo int8 for x86-64-v4 is slower than the more accurate fp32: 80.0 ms a frame against 40.0 on this machine; "
        "use --dtype fp32 here"
    ]


def test_full_precision_is_more_accurate_where_nobody_measured(registry: Registry, tmp_path: Path) -> None:
    published(registry, tmp_path, "fp32", 40.0)
    published(registry, tmp_path, "int8", 80.0)
    assert len(overtaken(registry.artifacts())) == 1


@pytest.mark.parametrize(
    ("ms", "drop", "how"),
    [(30.0, 0.2, NOISE), (None, 0.2, NOISE), (80.0, -0.1, NOISE), (80.0, 0.2, "median of 100 frames, 8 threads")],
    ids=["it is faster", "nobody timed it", "it is more accurate", "timed in another way"],
)
def test_others_are_not(registry: Registry, tmp_path: Path, ms: float | None, drop: float, how: str) -> None:
    published(registry, tmp_path, "fp32", 40.0)
    published(registry, tmp_path, "int8", ms, drop, how)
    assert overtaken(registry.artifacts()) == []


def test_the_last_published_counts(registry: Registry, tmp_path: Path) -> None:
    for dtype, ms in (("fp32", 40.0), ("int8", 80.0), ("int8", 30.0)):
        published(registry, tmp_path, dtype, ms)
    assert overtaken(registry.artifacts()) == []


def test_only_what_was_compiled_from_the_same_model_is_compared(registry: Registry, tmp_path: Path) -> None:
    published(registry, tmp_path, "fp32", 40.0)
    other = artifact(
        tmp_path / "other", dtype="int8", model_sha256="1" * 64, measured=(Measurement("latency_ms", 80.0, NOISE),)
    )
    registry.publish(*other)
    assert overtaken(registry.artifacts()) == []
