"""What this machine can do, measured once and kept: the peaks that kernels are held against."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from zcc.compiler.backends.common.machine import Machine
from zcc.compiler.backends.table import backend_named
from zcc.runtime import host
from zcc.runtime.cache import cache_folder, written_into_cache
from zcc.runtime.limits import MB
from zcc.runtime.manifest import Manifest
from zcc.runtime.regular import read_text
from zcc.version import __version__


def machine_limits(manifest: Manifest, arithmetics: Iterable[str], again: bool = False) -> Machine | None:
    """The limits for the artifact's target with so many threads; None where its backend cannot measure them."""
    wanted = sorted(set(arithmetics))
    place = _place(manifest.target, wanted)
    if not again and (kept := _read(place)) is not None:
        return kept
    measured = backend_named(manifest.executor).machine(manifest.target, wanted)
    if measured is not None:
        with written_into_cache(place) as writer:
            writer.write(json.dumps(asdict(measured)).encode())
    return measured


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
