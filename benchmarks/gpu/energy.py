"""What a frame takes of the card's energy, by the counter that NVIDIA's driver keeps."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from zcc.compiler.benching.energy import Meter, meters

SETTLE, SECONDS = 0.5, 2.0  # the counter is brought up to date some ten times a second


def frame_energy(contestants: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    """Millijoules of a frame of each, run without a pause; none where the card does not tell."""
    return {name: round(_millijoules(run, meter), 1) for meter in meters("cuda") for name, run in contestants.items()}


def _millijoules(run: Callable[[], object], meter: Meter) -> float:
    _run_for(SETTLE, run)
    before = meter.read()
    frames = _run_for(SECONDS, run)
    return 1e3 * meter.since(before) / frames


def _run_for(seconds: float, run: Callable[[], object]) -> int:
    frames, end = 0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        run()
        frames += 1
    return frames
