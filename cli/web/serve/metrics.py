"""Counters that Prometheus reads: its text format, version 0.0.4."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator

BOUNDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)  # of seconds
TEXT = "text/plain; version=0.0.4; charset=utf-8"


class Histogram:
    """How often something took how long."""

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        """Count one."""
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds


class Metrics:
    """What a server did so far."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, int]] = Counter()
        self._took: dict[str, Histogram] = {}
        self._frames: dict[str, Histogram] = {}
        self._detections: Counter[str] = Counter()
        self._gauges: dict[str, tuple[str, Callable[[], float]]] = {}

    def gauge(self, name: str, about: str, read: Callable[[], float]) -> None:
        """Tell a value as it is when somebody asks."""
        self._gauges[name] = about, read

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        with self._lock:
            self._requests[route, status] += 1
            self._took.setdefault(route, Histogram()).add(seconds)

    def ran(self, dtype: str, seconds: float, detections: int) -> None:
        """Count a frame."""
        with self._lock:
            self._frames.setdefault(dtype, Histogram()).add(seconds)
            self._detections[dtype] += detections

    def text(self) -> str:
        """Everything, as Prometheus reads it."""
        with self._lock:
            return "\n".join(self._lines()) + "\n"

    def _lines(self) -> Iterator[str]:
        yield from _head("zcc_requests_total", "counter", "Requests by route and status.")
        for (route, status), count in sorted(self._requests.items()):
            yield f'zcc_requests_total{{route="{_quoted(route)}",status="{status}"}} {count}'
        yield from _histograms(
            "zcc_request_seconds", "From a request's head to the end of its answer.", "route", self._took
        )
        yield from _histograms("zcc_frame_seconds", "What the detector took for a frame.", "dtype", self._frames)
        yield from _head("zcc_detections_total", "counter", "Detections by dtype.")
        for dtype, count in sorted(self._detections.items()):
            yield f'zcc_detections_total{{dtype="{_quoted(dtype)}"}} {count}'
        for name, (about, read) in self._gauges.items():
            yield from _head(name, "gauge", about)
            yield f"{name} {read():g}"


def _head(name: str, kind: str, about: str) -> Iterator[str]:
    yield f"# HELP {name} {about}"
    yield f"# TYPE {name} {kind}"


def _histograms(name: str, about: str, label: str, found: dict[str, Histogram]) -> Iterator[str]:
    yield from _head(name, "histogram", about)
    for value, histogram in sorted(found.items()):
        own, so_far = f'{label}="{_quoted(value)}"', 0
        for bound, count in zip((*BOUNDS, "+Inf"), histogram.counts, strict=True):
            so_far += count
            yield f'{name}_bucket{{{own},le="{bound}"}} {so_far}'
        yield f"{name}_sum{{{own}}} {histogram.total:.6f}"
        yield f"{name}_count{{{own}}} {so_far}"


def _quoted(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
