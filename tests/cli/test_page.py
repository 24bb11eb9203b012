"""The page about an artifact: what it lost is told as people say it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.registry.samples import artifact
from zcc.commands.page import page
from zcc.registry import Registry
from zcc.runtime.manifest import Measurement


@pytest.mark.parametrize(
    ("lost", "told"), [(0.4, "lost 0.40 points"), (-0.09, "gained 0.09 points"), (0.0, "lost 0.00 points")]
)
def test_what_was_lost_or_gained(lost: float, told: str, tmp_path: Path) -> None:
    figure = Measurement("drop_map50_95", lost, "points lost, fp32 has 0.1507, 100 pictures of val")
    found = Registry.open(tmp_path / "registry").publish(*artifact(tmp_path / "a", measured=(figure,)))
    text = " ".join(" ".join(page(found, "yolo")).split())
    assert f"against fp32 {told} of mAP50-95 (fp32 has 0.1507, 100 pictures of val)" in text


@pytest.mark.parametrize(
    ("kernels", "told"),
    [
        ({"network": {"form": "block=16 winograd=1 threads=1"}}, "cut for 1 thread "),
        ({"network": {"form": "block=16 winograd=1 threads=12"}}, "cut for 12 threads "),
        ({"network": {"form": 7}}, ""),
        ({"network": "threads=3"}, ""),
        ({}, ""),
    ],
)
def test_for_how_many_threads_it_was_cut(kernels: dict[str, Any], told: str, tmp_path: Path) -> None:
    found = Registry.open(tmp_path / "registry").publish(*artifact(tmp_path / "a", kernels={"calls": [], **kernels}))
    text = " ".join(" ".join(page(found, "yolo")).split())
    assert told in text and ("a frame's work" in text) == bool(told)
