"""The manifest that says everything about the files of an artifact."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from zcc.compiler.backends.backend import Built
from zcc.compiler.backends.table import backend_of
from zcc.compiler.building.fingerprint import tool_versions
from zcc.compiler.building.job import Job
from zcc.compiler.importing.origins import nodes_of
from zcc.compiler.ir.short_sums import weight_range
from zcc.runtime.manifest import FileEntry, HeadInfo, Manifest, file_sha256


def make_manifest(folder: Path, job: Job, key: str, built: Built) -> Manifest:
    """The manifest of what was built in `folder`, before anything was measured."""
    source, backend = job.source, backend_of(job.target)
    model, head, precision = source.model, source.model.head, job.precision
    return Manifest(
        name=job.name,
        dtype=precision.name,
        target=job.target.name,
        input=source.input,
        head=HeadInfo(head.family, head.shape, head.candidates, head.classes, source.max_det),
        classes=model.class_names,
        task=model.task,
        batch=model.batch,
        pixels=model.pixels,
        requires=built.requires,
        files=tuple(_entry(folder / name) for name in built.files),
        executor=backend.name,
        formats=built.formats,
        workspace=dict(built.workspace),
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        versions={**tool_versions(), **backend.tools()},
        model_sha256=model.sha256,
        fingerprint=key,
        expansion=built.expansion,
        calibration_digest=job.calibrated.digest if job.calibrated else None,
        tuning_digest=job.records.digest,
        precision={
            **precision.describe(job.target.halves),
            "layers": {kind: list(names) for kind, names in built.layers.items()},
            **(_of_bytes(job) if precision.calibrated else {}),
        },
        kernels={"calls": _calls(job, built), **built.form},
    )


def _calls(job: Job, built: Built) -> list[dict[str, Any]]:
    """The kernel calls, and the nodes of the file that each stands for."""
    nodes = nodes_of(job.source, [call.makes for call in built.calls])
    return [{**asdict(call), "nodes": nodes[call.makes]} for call in built.calls]


def _of_bytes(job: Job) -> dict[str, str]:
    """Whose scales the bytes have, and what our own weights are held to."""
    scales = "of pictures" if job.calibrated else "of the model"
    return {"scales": scales, "weights": weight_range(job.target.short_words)}


def _entry(path: Path) -> FileEntry:
    return FileEntry(path.name, file_sha256(path), path.stat().st_size)
