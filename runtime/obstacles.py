"""Why a machine, or a process, cannot run an artifact, and what would help."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from zcc.runtime import host
from zcc.runtime.errors import IncompatibleHost
from zcc.runtime.loaded_runtime import loaded_version
from zcc.runtime.manifest import EACH_THREAD, Manifest
from zcc.runtime.memory import free_memory


class Obstacle(NamedTuple):
    """What is in the way, and the way out."""

    reason: str
    remedy: str = "compile it for this machine"


def obstacle(manifest: Manifest) -> Obstacle | None:
    """Why this process cannot run the artifact, None when it can."""
    return next((found for check in CHECKS[manifest.executor] if (found := check(manifest)) is not None), None)


def check_instructions(manifest: Manifest) -> None:
    """Refuse code whose instructions end a process that may not use them; some must be asked for before first use."""
    if (found := _instructions(manifest)) is not None:
        raise IncompatibleHost(f"{manifest.name} for {manifest.target} does not run here: {found.reason}", found.remedy)


def _system(manifest: Manifest) -> Obstacle | None:
    needed, here = manifest.requires.os, host.system()
    return None if needed == here else Obstacle(f"it is for {needed}, this is {here}")


def _processor(manifest: Manifest) -> Obstacle | None:
    needed, here = manifest.requires.arch, host.architecture()
    return None if needed == here else Obstacle(f"it is for {needed} processors, this one is {here}")


def _instructions(manifest: Manifest) -> Obstacle | None:
    missing = sorted(set(manifest.requires.features) - host.cpu_features())
    return Obstacle(f"this processor lacks {', '.join(missing)}") if missing else None


def _runtime(manifest: Manifest) -> Obstacle | None:
    """A process holds one version of TVM's runtime library; until it holds one, it can take any."""
    needed, held = manifest.requires.runtime, loaded_version()
    if held in (None, needed):
        return None
    remedy = "use a process of its own, or compile the model again"
    return Obstacle(f"it needs TVM's runtime {needed}, and this process has loaded {held}", remedy)


def _memory(manifest: Manifest) -> Obstacle | None:
    """By what its files and its working memory take at least."""
    needed = manifest.sizes["total"] + _working_memory(manifest)
    free = free_memory()
    if free is None or needed <= free:
        return None
    return Obstacle(f"it needs {needed / 1e6:.0f} MB of memory, and {free / 1e6:.0f} MB are free", "free some memory")


def _working_memory(manifest: Manifest) -> int:
    threads = host.worker_threads()
    return max((manifest.memory(entry, threads) for entry in manifest.workspace if entry != EACH_THREAD), default=0)


def _card(manifest: Manifest) -> Obstacle | None:
    from zcc.runtime.executors.cuda_obstacle import reason  # a host without cards never looks for a driver

    found = reason(manifest)
    return None if found is None else Obstacle(*found)


# By the executor that the artifact's manifest names.
CHECKS: dict[str, tuple[Callable[[Manifest], Obstacle | None], ...]] = {
    "cpu": (_system, _processor, _instructions, _runtime, _memory),
    "cuda": (_card,),
}
