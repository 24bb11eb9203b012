"""What zcc needs of a machine, one check each: what was found, and the remedy for what was not."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from importlib import metadata
from typing import TYPE_CHECKING

from packaging.requirements import Requirement

from zcc.runtime import host
from zcc.runtime.distribution import NAME, how_to_install
from zcc.runtime.errors import ZccError
from zcc.runtime.executors.cuda_context import capabilities

if TYPE_CHECKING:
    from zcc.compiler.backends.target import Target

# What matters to a detector's speed, by /proc/cpuinfo's own names.
CPU_FEATURES = ("avx2", "fma", "f16c", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8", "amx_bf16", "amx_fp16")


class Status(str, Enum):
    """How a check came out."""

    OK = "ok"
    MISSING = "missing"
    OPTIONAL = "optional"  # absent, and only one feature needs it


class Need(str, Enum):
    """What a machine cannot do without the thing that was checked."""

    RUN = "run"
    COMPILE = "compile"
    NOTHING = "nothing"


@dataclass(frozen=True)
class Finding:
    """One line of the report."""

    subject: str
    status: Status
    detail: str
    remedy: str = ""
    needed_to: Need = Need.NOTHING


def check_machine() -> Iterator[Finding]:
    """The interpreter, and whether anything that zcc compiles runs here."""
    from zcc.compiler.backends.table import targets

    yield Finding("python", Status.OK, f"{platform.python_version()} at {sys.executable}")
    machine = f"{host.system()} on {host.architecture()}"
    if any(target.runs_here() for target in targets().values()):
        yield Finding("machine", Status.OK, machine)
    else:
        remedy = f"run on a machine of target {' or '.join(targets())}"
        yield Finding("machine", Status.MISSING, f"{machine}, no target fits", remedy, Need.RUN)


def check_targets() -> Iterator[Finding]:
    """What can be compiled for, the most capable last."""
    from zcc.compiler.backends.table import BACKENDS, targets
    from zcc.compiler.precision.table import PRECISIONS

    chosen = [(backend.native(dtype), dtype) for backend in BACKENDS for dtype in PRECISIONS]
    natives = {(target.name, dtype) for target, dtype in chosen if target is not None}
    for name, target in targets().items():
        place = "runs here" if target.runs_here() else "does not run here"
        dtypes = [dtype for dtype in PRECISIONS if (name, dtype) in natives and target.computes(dtype)]
        native = f", native for {', '.join(dtypes)}" if dtypes else ""
        yield Finding(f"target {name}", Status.OK, f"{target.describe}; {place}{native}")


def check_records() -> Iterator[Finding]:
    """How many of the tuning records that come with zcc a compile for this machine can use."""
    from zcc.compiler.tuning.record_collections import shipped_for

    told = shipped_for(native_targets())
    kernels = sum(told.here.values())
    detail = f"{kernels} of the {told.all} kernels on record that come with zcc fit this machine"
    detail += f" ({', '.join(f'{count} in {key}' for key, count in told.here.items())})" if kernels else ""
    remedy = "" if kernels else "zcc tune MODEL.onnx makes some for it"
    yield Finding("tuning records", Status.OK if kernels else Status.OPTIONAL, detail, remedy)


def native_targets() -> list[Target]:
    """What is compiled for when no target is named, each once; whatever the dtype."""
    from zcc.compiler.backends.table import BACKENDS
    from zcc.compiler.precision.table import PRECISIONS

    found = [backend.native(dtype) for backend in BACKENDS for dtype in PRECISIONS]
    return list({target.name: target for target in found if target is not None}.values())


def check_cpu() -> Iterator[Finding]:
    """The instruction sets, and the cores that this process may use."""
    known = [feature for feature in CPU_FEATURES if feature in host.cpu_features()]
    yield Finding("cpu", Status.OK, ", ".join(known) or "no vector features known to zcc")
    if withheld := sorted(host.withheld_features()):
        problem = f"the processor has {', '.join(withheld)}, and Linux does not let this process use them"
        yield Finding(
            "tile registers", Status.OPTIONAL, problem, "Linux 5.16 grants them; a sandbox may forbid arch_prctl"
        )
    yield Finding("cores", Status.OK, _cores())


def _cores() -> str:
    quota = host.cpu_quota()
    limit = f", held to {quota:.1f} by the control group" if quota is not None else ""
    usable = f"{len(host.usable_cpus())} of {os.cpu_count()} usable{limit}"
    return f"{usable}; {host.worker_threads()} threads per frame"


def check_packages() -> Iterator[Finding]:
    """Every distribution that zcc and its compiler require, at the version they require."""
    for requirement in map(Requirement, metadata.requires(NAME) or ()):
        if requirement.marker is None or requirement.marker.evaluate({"extra": "compiler"}):
            yield check_package(requirement, Need.COMPILE if requirement.marker else Need.RUN)


def check_package(requirement: Requirement, need: Need) -> Finding:
    """One distribution, against the version that is required."""
    remedy = f"pip install '{requirement.name}{requirement.specifier}'"
    try:
        version = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return Finding(requirement.name, Status.MISSING, "not installed", remedy, need)
    if requirement.specifier.contains(version, prereleases=True):
        return Finding(requirement.name, Status.OK, version)
    problem = f"{version}, but zcc needs {requirement.specifier}"
    return Finding(requirement.name, Status.MISSING, problem, remedy, need)


def check_compiler() -> Iterator[Finding]:
    """TVM with its LLVM, and the C compiler that links what they make."""
    try:
        from tvm.support import cc
        from tvm.target import codegen
    except (ImportError, OSError) as error:
        remedy = how_to_install("compiler")
        yield Finding("tvm", Status.MISSING, f"does not load: {error}", remedy, Need.COMPILE)
        return
    version, cpu = codegen.llvm_version_major(), codegen.llvm_get_system_cpu()
    yield Finding("llvm", Status.OK, f"{version}, sees this CPU as {cpu}")
    linker, remedy = cc.get_cc(), "install gcc or clang (Debian: build-essential)"
    if linker:
        yield Finding("C compiler", Status.OK, linker)
    else:
        yield Finding("C compiler", Status.MISSING, "none on PATH", remedy, Need.COMPILE)


def check_cards() -> Iterator[Finding]:
    """NVIDIA's cards, by the names that devices have, and what compiles for them, here or elsewhere."""
    from zcc.compiler.backends.table import BACKENDS

    try:
        cards = capabilities()
        if not cards:
            yield Finding("cuda", Status.OPTIONAL, "no card", "needs a card of NVIDIA's")
        for number, (name, (major, minor)) in enumerate(cards):
            yield Finding(f"cuda:{number}", Status.OK, f"{name}, sm_{major}{minor}")
    except ZccError as error:
        yield Finding("cuda", Status.OPTIONAL, error.problem, error.remedy)
    backend = next(backend for backend in BACKENDS if backend.name == "cuda")
    try:
        yield from (Finding(tool, Status.OK, version) for tool, version in backend.tools().items())
    except ZccError as error:
        yield Finding("nvrtc", Status.OPTIONAL, error.problem, error.remedy)


def check_registry(place: str | None) -> Iterator[Finding]:
    """Whether artifacts can be written where they would go, and how much room there is."""
    from zcc.registry.location import locate

    try:
        location = locate(place)
    except ZccError as error:
        yield Finding("registry", Status.MISSING, error.problem, error.remedy, Need.COMPILE)
        return
    folder = next(path for path in (location.home, *location.home.parents) if path.exists())
    try:
        tempfile.TemporaryFile(dir=folder).close()  # permission bits say nothing about root or a read-only mount
    except OSError as error:
        remedy = "make it writable, or choose another with --registry"
        problem = f"{folder} cannot be written: {error.strerror}"
        yield Finding("registry", Status.MISSING, problem, remedy, Need.COMPILE)
        return
    found = _index_trouble(place)
    if found is not None:
        yield Finding("registry", Status.MISSING, *found, Need.COMPILE)
        return
    free = shutil.disk_usage(folder).free / 1e9
    yield Finding("registry", Status.OK, f"{location}, {free:.1f} GB free")


def _index_trouble(place: str | None) -> tuple[str, str] | None:
    """What keeps the index from being read or believed, and the way out."""
    from zcc.registry import Registry
    from zcc.registry.failures import RESTORE

    try:
        problems = Registry.open(place).index_problems()
    except ZccError as error:
        return error.problem, error.remedy
    if not problems:
        return None
    more = f" (and {len(problems) - 1} more)" if problems[1:] else ""
    return f"its index is damaged: {problems[0][1]}{more}", RESTORE


def check_optional() -> Iterator[Finding]:
    """What only one feature needs."""
    for name, purpose, extra in OPTIONAL:
        try:
            yield Finding(name, Status.OK, metadata.version(name))
        except metadata.PackageNotFoundError:
            yield Finding(name, Status.OPTIONAL, f"not installed; {purpose}", how_to_install(extra))


# Distribution, what it is for, the extra that brings it.
OPTIONAL = (
    ("openvino", "for benchmarks", "bench"),
    ("torch", "for training the sample detector anew", "train"),
)

CHECKS: tuple[Callable[[], Iterator[Finding]], ...] = (
    *(check_machine, check_cpu, check_cards, check_packages, check_compiler),
    *(check_targets, check_records, check_optional),
)


def examine(registry: str | None) -> list[Finding]:
    """Every check's findings, in the order they are read."""
    return [*(finding for check in CHECKS for finding in check()), *check_registry(registry)]
