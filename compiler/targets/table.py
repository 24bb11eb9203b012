"""All targets, the most capable last. A new one is an entry here and, for a new architecture, a module beside."""

from __future__ import annotations

from collections.abc import Callable

from zcc.compiler.kernels.spec import VectorUnit
from zcc.compiler.precision.table import Precision
from zcc.compiler.targets.target import Target
from zcc.compiler.targets.x86_64 import LEVELS
from zcc.runtime import host
from zcc.runtime.errors import UsageError


class NoInstructions(UsageError):
    """A target cannot compute in a precision: another machine may."""

    exit_code = 1


TARGETS: dict[str, Target] = {target.name: target for target in LEVELS}
NATIVE = "native"


def find_target(name: str, precision: Precision) -> Target:
    """The target of that name; `native` is the best one for the precision among those that this machine runs."""
    if name == NATIVE:
        return _able(native_target(precision.thrives), precision)
    if name not in TARGETS:
        raise UsageError(f"there is no target {name!r}", f"choose {NATIVE} or one of {', '.join(TARGETS)}")
    return _able(TARGETS[name], precision)


def _able(target: Target, precision: Precision) -> Target:
    if not precision.runs(target.unit):
        able = ", ".join(other.name for other in TARGETS.values() if precision.runs(other.unit))
        raise NoInstructions(f"{target.name} has no instructions for {precision.name}", f"compile it for {able}")
    return target


def native_target(thrives: Callable[[VectorUnit], bool] = lambda unit: True) -> Target:
    """The target that makes most of this machine, its work cut for the cores it has.

    Of those with the widest registers, the first that `thrives`: a variant asks of its hosts only what it uses.
    """
    fitting = [target for target in TARGETS.values() if runs_here(target)]
    if not fitting:
        raise UsageError(
            f"no target fits this machine ({host.system()} on {host.architecture()})",
            f"name one of {', '.join(TARGETS)} to compile for another machine",
        )
    widest = max(target.unit.lanes for target in fitting)
    wide = [target for target in fitting if target.unit.lanes == widest]
    chosen = next((target for target in wide if thrives(target.unit)), wide[0])
    return chosen.with_threads(host.worker_threads())


def runs_here(target: Target) -> bool:
    """Whether this machine can run what is compiled for the target."""
    return (
        target.os == host.system()
        and target.arch == host.architecture()
        and set(target.features) <= host.cpu_features()
    )
