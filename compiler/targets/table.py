"""All targets, the most capable last. A new one is an entry here and, for a new architecture, a module beside."""

from __future__ import annotations

from zcc.compiler.targets.target import Target
from zcc.compiler.targets.x86_64 import LEVELS
from zcc.runtime import host
from zcc.runtime.errors import UsageError

TARGETS: dict[str, Target] = {target.name: target for target in LEVELS}
NATIVE = "native"


def find_target(name: str) -> Target:
    """The target of that name; `native` is the most capable one that this machine runs."""
    if name == NATIVE:
        return native_target()
    if name not in TARGETS:
        raise UsageError(f"there is no target {name!r}", f"choose {NATIVE} or one of {', '.join(TARGETS)}")
    return TARGETS[name]


def native_target() -> Target:
    """The most capable target that this machine runs, its work cut for the cores it has."""
    fitting = [target for target in TARGETS.values() if runs_here(target)]
    if not fitting:
        raise UsageError(
            f"no target fits this machine ({host.system()} on {host.architecture()})",
            f"name one of {', '.join(TARGETS)} to compile for another machine",
        )
    return fitting[-1].with_threads(host.worker_threads())


def runs_here(target: Target) -> bool:
    """Whether this machine can run what is compiled for the target."""
    return (
        target.os == host.system()
        and target.arch == host.architecture()
        and set(target.features) <= host.cpu_features()
    )
