"""The small detector, loaded; and a registry with two variants of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import Tiny
from tests.runtime.samples import changed_copy
from zcc.registry import Registry
from zcc.runtime import Detector
from zcc.runtime.manifest import Manifest, Measurement

FAST, SLOW = "x86-64-v2", "x86-64-v3"


@pytest.fixture(scope="session")
def detector(tiny_artifact: Tiny) -> Detector:
    """One detector for the tests that only call it."""
    return Detector.load(tiny_artifact.folder)


@dataclass(frozen=True)
class Pair:
    """Two variants of the name `tiny`, of different weights, so that their detections differ."""

    home: Path
    folders: dict[str, Path]  # by target

    def load(self, target: str | None = None) -> Detector:
        """The detector by name."""
        return Detector.load("tiny", target=target, registry=str(self.home))


@pytest.fixture
def pair(tiny_artifact: Tiny, tmp_path: Path) -> Pair:
    """A registry of the test's own; the figures of the two say which is the faster."""
    registry = Registry.open(tmp_path / "pair")
    folders = {}
    for target, scale, latency in ((FAST, 1.0, 10.0), (SLOW, 0.9, 20.0)):
        figures = (Measurement("latency_ms", latency, "made up"),)
        copy = changed_copy(tiny_artifact.folder, tmp_path / target, scale, target=target, measured=figures)
        published = registry.publish(copy, Manifest.read(copy))
        folders[target] = published.folder
    return Pair(registry.home, folders)
