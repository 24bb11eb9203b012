"""Which variant is taken, and what is said of those that cannot be."""

from __future__ import annotations

import itertools
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from tests.registry.samples import artifact
from zcc.runtime import host
from zcc.runtime.choice import choose
from zcc.runtime.errors import IncompatibleHost, NotFound
from zcc.runtime.manifest import Manifest, Measurement, Requirements
from zcc.runtime.obstacles import obstacle
from zcc.runtime.source import Candidate


@pytest.fixture
def runnable(tmp_path: Path) -> Manifest:
    """A manifest that this machine can run."""
    _, manifest = artifact(tmp_path / "a")
    return replace(manifest, requires=Requirements(host.system(), host.architecture(), (), version("apache-tvm")))


def candidate(manifest: Manifest, *later: float, features: int = 0, **changes: Any) -> Candidate:
    """A candidate, with latencies measured after it was published."""
    names = tuple(sorted(host.cpu_features()))[:features]
    changed = replace(manifest, requires=replace(manifest.requires, features=names), **changes)
    return Candidate(changed, Path("/nowhere"), tuple(latency(value) for value in later))


def latency(value: float) -> Measurement:
    return Measurement("latency_ms", value, "made up")


def test_the_fastest_is_taken_by_the_latest_figure(runnable: Manifest) -> None:
    once_slow = candidate(runnable, 9.0, 3.0, dtype="int8", measured=(latency(20.0),))
    once_fast = candidate(runnable, 5.0, dtype="fp32", measured=(latency(1.0),))
    steady = candidate(runnable, dtype="bf16", measured=(latency(4.0),))
    for order in itertools.permutations((once_slow, once_fast, steady)):
        assert choose("yolo", order) is once_slow
    assert choose("yolo", (once_fast, steady)) is steady


def test_unmeasured_ones_come_last_the_most_capable_first(runnable: Manifest) -> None:
    plain, wide = candidate(runnable, target="v2", features=1), candidate(runnable, target="v4", features=3)
    slow = candidate(runnable, 1e6, target="v3")
    assert choose("yolo", (plain, wide, slow)) is slow
    assert choose("yolo", (plain, wide)) is wide


def test_equals_are_told_apart_whatever_their_order(runnable: Manifest) -> None:
    equals = [candidate(runnable, 5.0, dtype=dtype, target=target) for dtype in ("a", "b") for target in ("x", "y")]
    assert {id(choose("yolo", order)) for order in itertools.permutations(equals)} == {id(equals[0])}


def test_only_what_was_asked_for_is_taken(runnable: Manifest) -> None:
    variants = [candidate(runnable, dtype=dtype, target=target) for dtype in ("a", "b") for target in ("x", "y")]
    assert choose("yolo", variants, dtype="b").manifest.dtype == "b"
    assert choose("yolo", variants, target="y").manifest.target == "y"
    assert choose("yolo", variants, "b", "x") is variants[2]
    with pytest.raises(NotFound, match="a for x, a for y, b for x, b for y"):
        choose("yolo", variants, dtype="c")


@pytest.mark.parametrize(
    ("needs", "reason"),
    [
        ({"os": "plan9"}, f"it is for plan9, this is {host.system()}"),
        ({"arch": "riscv64"}, "it is for riscv64 processors"),
        ({"features": ("warp_drive", "fpu2")}, "this processor lacks fpu2, warp_drive"),
    ],
)
def test_what_cannot_run_is_refused_with_the_reason(runnable: Manifest, needs: dict[str, Any], reason: str) -> None:
    foreign = replace(runnable, dtype="int8", requires=replace(runnable.requires, **needs))
    assert reason in str(obstacle(foreign))
    with pytest.raises(IncompatibleHost, match=reason):
        choose("yolo", [Candidate(foreign, Path())])
    own = candidate(runnable, 1e9)
    assert choose("yolo", [Candidate(foreign, Path()), own]) is own
    with pytest.raises(IncompatibleHost, match="int8 for"):
        choose("yolo", [Candidate(foreign, Path()), own], dtype="int8")
