"""The files of an artifact and the manifest that names them."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import tvm

from zcc.compiler.fingerprint import tool_versions
from zcc.compiler.frontend.model import Model
from zcc.compiler.kernels.spec import KernelCall
from zcc.compiler.precision.table import Precision
from zcc.compiler.program.lower import LoweredModel
from zcc.compiler.targets.target import Target
from zcc.runtime.library import MODULE, RUNTIME_LIBRARY, WEIGHTS
from zcc.runtime.manifest import FileEntry, HeadInfo, InputSpec, Manifest, file_sha256


def write_files(folder: Path, lowered: LoweredModel) -> None:
    """Put the weights and TVM's runtime library beside the module that was built."""
    (folder / WEIGHTS).write_bytes(lowered.weights or b"\0")
    shutil.copyfile(runtime_library(), folder / RUNTIME_LIBRARY)


def runtime_library() -> Path:
    """TVM's runtime library, as the compiler's own TVM carries it."""
    return Path(tvm.__file__).parent / "lib" / RUNTIME_LIBRARY


def make_manifest(
    folder: Path,
    model: Model,
    lowered: LoweredModel,
    target: Target,
    precision: Precision,
    spec: InputSpec,
    identity: Mapping[str, Any],
) -> Manifest:
    """The manifest of the files in `folder`; `identity` says name, fingerprint and max_det."""
    head = model.head
    program = lowered.program
    return Manifest(
        name=identity["name"],
        dtype=precision.name,
        target=target.name,
        input=spec,
        head=HeadInfo(head.family, head.shape, head.candidates, head.classes, identity["max_det"]),
        classes=model.class_names,
        requires=target.requirements(tvm.__version__),
        files=tuple(_entry(folder / name) for name in (MODULE, WEIGHTS, RUNTIME_LIBRARY)),
        workspace={"detect": program.arena_size, "network": program.network_arena_size},
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        versions=tool_versions(),
        model_sha256=model.sha256,
        fingerprint=identity["fingerprint"],
        precision={"storage": precision.storage, "arithmetic": precision.arithmetic},
        kernels={"calls": [_describe(call) for call in lowered.calls]},
    )


def _entry(path: Path) -> FileEntry:
    return FileEntry(path.name, file_sha256(path), path.stat().st_size)


def _describe(call: KernelCall) -> dict[str, Any]:
    """A kernel call as `zcc profile` shows it."""
    return {"kernel": call.spec.name, "makes": call.label, "flops": call.flops, "bytes": call.bytes}
