"""The backends: one row each. A new processor is a folder beside this file and a row here."""

from __future__ import annotations

from typing import Any

from zcc.compiler.backends.backend import Backend, ReferenceBackend
from zcc.compiler.backends.cpu.backend import CpuBackend
from zcc.compiler.backends.cuda.backend import CudaBackend
from zcc.compiler.backends.near_targets import near_targets
from zcc.compiler.backends.target import Target
from zcc.runtime import host
from zcc.runtime.errors import UsageError

REFERENCE: ReferenceBackend[Any, Any] = CpuBackend()  # what calibration and sensitivity are measured on
BACKENDS: tuple[Backend[Any, Any], ...] = (REFERENCE, CudaBackend())
NATIVE = "native"


class NoInstructions(UsageError):
    """A target cannot compute in a precision: another machine may."""

    exit_code = 1


def targets() -> dict[str, Target]:
    """Every target by name, backend after backend, the most capable of each last."""
    return {name: target for backend in BACKENDS for name, target in backend.targets.items()}


def backend_of(target: Target) -> Backend[Any, Any]:
    """The backend that a target belongs to."""
    return next(backend for backend in BACKENDS if target.name in backend.targets)


def backend_named(name: str) -> Backend[Any, Any]:
    """The backend whose executor has this name."""
    return next(backend for backend in BACKENDS if backend.name == name)


def find_target(name: str, dtype: str) -> Target:
    """The target of that name; `native` is the best one for the dtype among those that this machine runs."""
    if name == NATIVE:
        return _able(native_target(dtype), dtype)
    known = targets()
    if name not in known:
        near = near_targets(name, known, NATIVE)
        remedy = f"did you mean {' or '.join(near)}?" if near else f"choose {NATIVE} or one of {', '.join(known)}"
        raise UsageError(f"there is no target {name!r}", remedy)
    return _able(known[name], dtype)


def native_target(dtype: str) -> Target:
    """The target that makes most of this machine for networks of the dtype."""
    found = native_targets(dtype)
    return next((target for target in found if target.computes(dtype)), found[0])


def native_targets(dtype: str) -> list[Target]:
    """For each kind of processor that this machine has, the target that makes most of it, the CPU's first."""
    found = [target for backend in BACKENDS if (target := backend.native(dtype)) is not None]
    if found:
        return found
    raise UsageError(
        f"no target fits this machine ({host.system()} on {host.architecture()})",
        f"name one of {', '.join(targets())} to compile for another machine",
    )


def find_targets(name: str, dtype: str) -> list[Target]:
    """The target of that name; for `native` those of this machine's processors that have instructions for the dtype."""
    if name != NATIVE:
        return [find_target(name, dtype)]
    able = [target for target in native_targets(dtype) if target.computes(dtype)]
    return able or [find_target(name, dtype)]


def _able(target: Target, dtype: str) -> Target:
    if not target.computes(dtype):
        kin = [other.name for other in backend_of(target).targets.values() if other.computes(dtype)]
        able = ", ".join(kin or [name for name, other in targets().items() if other.computes(dtype)])
        raise NoInstructions(f"{target.name} has no instructions for {dtype}", f"compile it for {able}")
    return target
