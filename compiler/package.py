"""The files of an artifact and the manifest that names them."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from datetime import datetime, timezone
from functools import cache
from pathlib import Path
from typing import Any

import tvm

from zcc.compiler.fingerprint import tool_versions
from zcc.compiler.job import Job
from zcc.compiler.kernels.spec import KernelCall
from zcc.compiler.network.ops import Conv
from zcc.compiler.program.emit import Program
from zcc.compiler.program.layout import Layout
from zcc.compiler.program.weights import Stored
from zcc.compiler.targets.target import Target
from zcc.runtime import host
from zcc.runtime.errors import BuildError
from zcc.runtime.library import MODULE, RUNTIME_LIBRARY, WEIGHTS
from zcc.runtime.manifest import EACH_THREAD, FileEntry, HeadInfo, Manifest, file_sha256
from zcc.runtime.packed_library import LIBRARY


def write_files(folder: Path, weights: Stored, runtime: bytes) -> None:
    """Put the weights and TVM's runtime library beside the module that was built."""
    (folder / WEIGHTS).write_bytes(weights.data or b"\0")
    (folder / RUNTIME_LIBRARY).write_bytes(runtime)


def runtime_library(target: Target) -> bytes:
    """TVM's runtime library for the target's platform, compressed: the same bytes every time."""
    wanted, here = (target.os, target.arch), (host.system(), host.architecture())
    if wanted != here:
        raise BuildError(
            f"{target.name} needs TVM's runtime library for {' '.join(wanted)}, and the compiler's own is for "
            f"{' '.join(here)}",
            f"compile it on a machine with {' '.join(wanted)}",
        )
    return _own_library()


@cache
def _own_library() -> bytes:
    return gzip.compress((Path(tvm.__file__).parent / "lib" / LIBRARY).read_bytes(), mtime=0)


def make_manifest(
    folder: Path, job: Job, key: str, layout: Layout, program: Program, weights: Stored, told: Mapping[str, Any]
) -> Manifest:
    """The manifest of the files in `folder`, before anything was measured."""
    source = job.source
    model, head, precision = source.model, source.model.head, job.precision
    return Manifest(
        name=job.name,
        dtype=precision.name,
        target=job.target.name,
        input=source.input,
        head=HeadInfo(head.family, head.shape, head.candidates, head.classes, source.max_det),
        classes=model.class_names,
        requires=job.target.requirements(tvm.__version__),
        files=tuple(_entry(folder / name) for name in (MODULE, WEIGHTS, RUNTIME_LIBRARY)),
        formats=program.formats,
        workspace={
            "detect": program.detect.shared,
            "network": program.network.shared,
            EACH_THREAD: program.detect.each,
        },
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        versions=tool_versions(),
        model_sha256=model.sha256,
        fingerprint=key,
        expansion=weights.runs,
        calibration_digest=job.shown.digest if job.shown else None,
        tuning_digest=job.records.digest,
        precision={
            "storage": precision.storage,
            "arithmetic": precision.arithmetic,
            "layers": _layers(layout),
            **({"scales": "of pictures" if job.shown else "of the model"} if precision.calibrated else {}),
        },
        kernels={"calls": [_describe(call) for call in layout.calls], **told},
    )


def _entry(path: Path) -> FileEntry:
    return FileEntry(path.name, file_sha256(path), path.stat().st_size)


def _layers(layout: Layout) -> dict[str, list[str]]:
    """The convolutions by the type of what they multiply, each named by the tensor it makes."""
    layers: dict[str, list[str]] = {}
    for op in layout.placement.ops:
        if isinstance(op, Conv):
            layers.setdefault(op.x.dtype, []).append(op.out.name)
    return layers


def _describe(call: KernelCall) -> dict[str, Any]:
    """A kernel call as `zcc profile` shows it."""
    return {"kernel": call.spec.name, "makes": call.label, "flops": call.flops, "bytes": call.bytes}
