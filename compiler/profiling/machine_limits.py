"""What this machine can do, measured once and kept: the peaks that kernels are held against."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from zcc.compiler.backends.common.machine import Machine
from zcc.compiler.backends.table import backend_named
from zcc.compiler.building.progress import Progress
from zcc.compiler.profiling.profile import KernelTime
from zcc.runtime import host
from zcc.runtime.cache import cache_folder, written_into_cache
from zcc.runtime.limits import MB
from zcc.runtime.manifest import Manifest
from zcc.runtime.regular import read_text
from zcc.version import __version__

WINOGRAD = "winograd"
BELIEVABLE = 0.95  # of the least time
SHORTEST = 2e-5  # seconds of a kernel whose speed is a machine's


def machine_limits(
    manifest: Manifest, kernels: Sequence[KernelTime], progress: Progress, again: bool = False
) -> Machine | None:
    """The limits for the artifact's target with so many threads; None where its backend cannot measure them.

    They are measured where nothing is kept, where kernels were quicker than what is kept allows, and `again`. Of two
    measurements the higher speeds stay, and where something disturbed both, those that kernels reached: a machine can
    do what it once did.
    """
    wanted = sorted({each.arithmetic for each in kernels})
    place = _place(manifest.target, wanted)
    kept = _read(place)
    if kept is not None and not again and not any(_quicker(each, kept) for each in kernels):
        return kept
    with progress.stage("what this machine can do"):
        measured = backend_named(manifest.executor).machine(manifest.target, wanted)
    if measured is None:
        return None
    best = _as_quick_as(kernels, measured if kept is None else _best(measured, kept))
    with written_into_cache(place) as writer:
        writer.write(json.dumps(asdict(best)).encode())
    return best


def _quicker(each: KernelTime, machine: Machine) -> bool:
    """Whether a kernel took less than the least possible; Winograd's need less arithmetic than is counted for them."""
    floor = machine.floor(each.arithmetic, each.flops, each.bytes)
    return not each.kernel.startswith(WINOGRAD) and 0 < each.seconds < BELIEVABLE * floor


def _best(one: Machine, other: Machine) -> Machine:
    peaks = {name: max(speed, other.peaks.get(name, 0.0)) for name, speed in one.peaks.items()}
    kept = dict(other.bandwidth)
    return Machine(one.threads, peaks, tuple((size, max(speed, kept.get(size, 0.0))) for size, speed in one.bandwidth))


def _as_quick_as(kernels: Sequence[KernelTime], machine: Machine) -> Machine:
    """The limits, raised to what kernels reached that were quicker; of the shortest ones a clock says too little."""
    for each in kernels:
        if each.seconds > SHORTEST and _quicker(each, machine):
            peaks, reached = dict(machine.peaks), (each.bytes, each.bytes_per_second)
            peaks[each.arithmetic] = max(peaks[each.arithmetic], each.flops_per_second)
            quicker = reached[1] > machine.bandwidth_of(each.bytes)
            bandwidth = tuple(sorted((*machine.bandwidth, reached))) if quicker else machine.bandwidth
            machine = Machine(machine.threads, peaks, bandwidth)
    return machine


def _place(target: str, arithmetics: list[str]) -> Path:
    """A file for everything that changes the figures."""
    about = [target, arithmetics, host.worker_threads(), sorted(host.cpu_features()), host.machine(), __version__]
    return cache_folder() / "machine" / f"{hashlib.sha256(json.dumps(about).encode()).hexdigest()[:32]}.json"


def _read(place: Path) -> Machine | None:
    """What was kept; None where nothing of that form is there."""
    try:
        raw = json.loads(read_text(place, MB))
        bandwidth = tuple((int(size), float(speed)) for size, speed in raw["bandwidth"])
        return Machine(int(raw["threads"]), {str(k): float(v) for k, v in raw["peaks"].items()}, bandwidth)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
