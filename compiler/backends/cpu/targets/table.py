"""All targets, the most capable last. A new one is an entry here and, for a new architecture, a module beside."""

from __future__ import annotations

from zcc.compiler.backends.cpu.targets.aarch64 import PROCESSORS
from zcc.compiler.backends.cpu.targets.target import CpuTarget
from zcc.compiler.backends.cpu.targets.x86_64 import LEVELS
from zcc.runtime import host
from zcc.runtime.errors import UsageError

TARGETS: dict[str, CpuTarget] = {target.name: target for target in (*LEVELS, *PROCESSORS)}


def native_target(dtype: str = "fp32") -> CpuTarget:
    """The target that makes most of this machine, its work cut for the cores it has.

    Of those with the widest registers, the first with tile registers for the dtype, or else instructions: a variant
    asks of its hosts only what it uses.
    """
    fitting = [target for target in TARGETS.values() if target.runs_here()]
    if not fitting:
        raise UsageError(
            f"no target fits this machine ({host.system()} on {host.architecture()})",
            f"name one of {', '.join(TARGETS)} to compile for another machine",
        )
    widest = max(target.unit.lanes for target in fitting)
    wide = [target for target in fitting if target.unit.lanes == widest]
    chosen = max(wide, key=lambda target: (target.in_tiles(dtype), target.natively(dtype)))
    return chosen.with_threads(host.worker_threads())
