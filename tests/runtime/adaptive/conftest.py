"""A registry with the small detector in two dtypes, of different weights, so that their detections differ."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import Tiny
from tests.runtime.samples import changed_copy
from zcc.registry import Registry
from zcc.runtime import Detector
from zcc.runtime.adaptive import AdaptiveDetector, Policy
from zcc.runtime.manifest import Manifest


@dataclass(frozen=True)
class Resident:
    """The name `tiny` as `fp16` and `fp32`; the first stands for the cheap one."""

    home: str

    def alone(self, dtype: str) -> Detector:
        """One of them by itself."""
        return Detector.load("tiny", dtype=dtype, registry=self.home)

    def load(self, policy: Policy | str | Path) -> AdaptiveDetector:
        """Both, under the policy."""
        return AdaptiveDetector.load("tiny", policy, ("fp16", "fp32"), registry=self.home)


@pytest.fixture(scope="module")
def resident(tiny_artifact: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Resident:
    """Compiled in one dtype; what the other one is called is all that a policy knows of it."""
    place = tmp_path_factory.mktemp("resident")
    registry = Registry.open(place / "registry")
    for dtype, scale in (("fp16", 0.9), ("fp32", 1.0)):
        copy = changed_copy(tiny_artifact.folder, place / dtype, scale, dtype=dtype)
        registry.publish(copy, Manifest.read(copy))
    return Resident(str(registry.home))
