"""Small artifacts with real files, for the tests of the registry."""

from __future__ import annotations

import dataclasses
import gzip
import random
from pathlib import Path
from typing import Any

from zcc.runtime.manifest import FileEntry, HeadInfo, InputSpec, Manifest, Requirements, file_sha256

RUNTIME = gzip.compress(b"\x7fELF the same runtime library in every artifact" * 400, mtime=0)


def artifact(
    folder: Path, name: str = "yolo", seed: int = 0, dtype: str = "fp32", size: int = 20_000, **changes: Any
) -> tuple[Path, Manifest]:
    """A folder with an artifact's files, the weights drawn from `seed`, and its manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    contents = {
        "model.so": f"code of {name} {dtype} {seed}".encode() * 30,
        "weights.bin": random.Random(seed).randbytes(size),
        "libtvm_runtime.so.gz": RUNTIME,
    }
    for path, content in contents.items():
        (folder / path).write_bytes(content)
    entries = tuple(FileEntry(path, file_sha256(folder / path), len(data)) for path, data in contents.items())
    manifest = Manifest(
        name=name,
        dtype=dtype,
        target="x86-64-v4",
        input=InputSpec(640, 640),
        head=HeadInfo("v8", (1, 6, 8400), 8400, 2, 300),
        classes=("disc", "star"),
        requires=Requirements("linux", "x86_64", ("avx512f",), "0.27.0"),
        files=entries,
        workspace={"detect": 1 << 20, "network": 1 << 19},
        created="2026-11-20T10:00:00+00:00",
        versions={"zcc": "0.1.0", "tvm": "0.27.0"},
        model_sha256="0" * 64,
        fingerprint=f"fingerprint-{name}-{dtype}-{seed}",
        kernels={"calls": []},
    )
    return folder, dataclasses.replace(manifest, **changes)
