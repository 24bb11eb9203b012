"""The adaptive detector: variants side by side in memory, and a policy that picks one for each frame."""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from zcc.runtime.adaptive.frame_observer import Observer
from zcc.runtime.adaptive.observed import Observed
from zcc.runtime.adaptive.policy import NamesVariants, Policy
from zcc.runtime.adaptive.statistics import AdaptiveStatistics
from zcc.runtime.adaptive.stored_policy import StoredPolicy
from zcc.runtime.choice import Wish
from zcc.runtime.errors import UsageError
from zcc.runtime.frame import Frame, as_frame
from zcc.runtime.loading import blank, load_residents
from zcc.runtime.manifest import Manifest
from zcc.runtime.places import find_source
from zcc.runtime.streaming import Streaming
from zcc.runtime.thresholds import threshold
from zcc.runtime.variant import Detections, Variant

DTYPES = ("int8", "fp32")
TURNS = 4  # of each variant at loading; the first warms it and does not count


class AdaptiveDetector(Streaming):
    """Frames in, boxes out, each frame on the resident variant that the policy names. Any thread may call it.

    All variants share one working memory, so a swap between them is a pointer.
    """

    def __init__(self, resident: Mapping[str, Variant], policy: Policy) -> None:
        """Loaded variants by dtype, from the cheapest to the most accurate; `load` does it all."""
        _check(resident, policy)
        self._resident = dict(resident)
        self._policy = policy
        self._observer = Observer(_compare(resident))
        self._running = next(iter(resident))
        self._frames = dict.fromkeys(resident, 0)
        self._swaps = 0
        self._deciding = self._slowest = 0.0
        self._lock = threading.Lock()
        _alive.add(self)

    @classmethod
    def load(
        cls,
        reference: str | os.PathLike[str],
        policy: Policy | str | os.PathLike[str],
        dtypes: Sequence[str] | None = None,
        target: str | None = None,
        registry: str | None = None,
    ) -> AdaptiveDetector:
        """Load variants of a name or bundle, from the cheapest to the most accurate dtype.

        The policy may be the path of one that `zcc adapt --fit -o FILE` stored; the variants are then its own, unless
        `dtypes` says otherwise.
        """
        if isinstance(policy, (str, os.PathLike)):
            stored = StoredPolicy.read(policy)
            dtypes, policy = dtypes or stored.dtypes, stored.policy()
        return cls(load_resident(reference, dtypes or DTYPES, target, registry), policy)

    def __call__(self, frame: Any, conf: float = 0.25, iou: float = 0.45, format: str | None = None) -> Detections:
        """The detections in a frame, as a Detector gives them."""
        taken, conf, iou = as_frame(frame, format), threshold("conf", conf), threshold("iou", iou)
        dtype = self._choose()
        start = time.perf_counter()
        found = self._resident[dtype].run(taken, conf, iou)
        milliseconds = 1e3 * (time.perf_counter() - start)
        with self._lock:
            self._observer.saw(dtype, found, taken.height * taken.width, milliseconds)
        return found

    @property
    def manifest(self) -> Manifest:
        """What the last frame ran on."""
        return self._resident[self._running].manifest

    @property
    def manifests(self) -> dict[str, Manifest]:
        """Every resident variant, by dtype."""
        return {dtype: variant.manifest for dtype, variant in self._resident.items()}

    @property
    def observed(self) -> Observed:
        """What the policy would be told now."""
        with self._lock:
            return self._observer.observed

    @property
    def statistics(self) -> AdaptiveStatistics:
        """What was done so far."""
        with self._lock:
            mean = self._deciding / max(sum(self._frames.values()), 1)
            return AdaptiveStatistics(dict(self._frames), self._swaps, 1e6 * mean, 1e6 * self._slowest)

    def _choose(self) -> str:
        with self._lock:
            start = time.perf_counter()
            dtype = self._policy.choose(self._observer.observed)
            if dtype not in self._resident:
                held = ", ".join(self._resident)
                raise UsageError(f"the policy chose {dtype!r}, which is not resident: {held}", "load it, too")
            self._swaps += dtype != self._running and sum(self._frames.values()) > 0
            self._running = dtype
            self._frames[dtype] += 1
            taken = time.perf_counter() - start
            self._deciding += taken
            self._slowest = max(self._slowest, taken)
            return dtype


def load_resident(
    reference: str | os.PathLike[str], dtypes: Sequence[str], target: str | None = None, registry: str | None = None
) -> dict[str, Variant]:
    """A warm variant for each dtype, in their order."""
    return load_residents(find_source(reference, registry), os.fspath(reference), dtypes, Wish(target=target))


def _check(resident: Mapping[str, Variant], policy: Policy) -> None:
    if not resident:
        raise UsageError("an adaptive detector needs variants", "name their dtypes, as in dtypes=('int8', 'fp32')")
    missing = [dtype for dtype in policy.named if dtype not in resident] if isinstance(policy, NamesVariants) else []
    if missing:
        raise UsageError(
            f"the policy chooses {', '.join(missing)}, but resident are {', '.join(resident)}",
            "name the same variants in both",
        )
    first, *others = (variant.manifest for variant in resident.values())
    for other in others:
        if other.classes != first.classes:
            raise UsageError(
                f"{first.name} in {first.dtype} and in {other.dtype} detect different classes",
                "compile both from one model",
            )


def _compare(resident: Mapping[str, Variant]) -> dict[str, float]:
    """Milliseconds that each variant takes, in turns."""
    frame = blank(next(iter(resident.values())).manifest.input)
    rounds = [[_milliseconds(variant, frame) for variant in resident.values()] for _ in range(TURNS)]
    return {dtype: median(times) for dtype, times in zip(resident, zip(*rounds[1:], strict=True), strict=True)}


def _milliseconds(variant: Variant, frame: Frame) -> float:
    start = time.perf_counter()
    variant.run(frame, 0.25, 0.45)
    return 1e3 * (time.perf_counter() - start)


_alive: weakref.WeakSet[AdaptiveDetector] = weakref.WeakSet()


def _renew_locks() -> None:
    """New locks in the child of a fork: who held an old one is not there to release it."""
    for detector in _alive:
        detector._lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_locks)
