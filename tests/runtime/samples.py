"""Frames, copies of artifacts with something changed, and Python in processes of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zcc.runtime import Detections
from zcc.runtime.expansion import KINDS, UNCHANGED
from zcc.runtime.library import WEIGHTS, load_weights
from zcc.runtime.manifest import FILENAME, FileEntry, Manifest, Run, file_sha256


def noise(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    """A frame of noise."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def assert_same(one: Detections, other: Detections) -> None:
    """Bit for bit the same detections."""
    np.testing.assert_array_equal(one.boxes, other.boxes)
    np.testing.assert_array_equal(one.scores, other.scores)
    np.testing.assert_array_equal(one.classes, other.classes)


def changed_copy(source: Path, folder: Path, scale: float = 1.0, **changes: Any) -> Path:
    """A sound artifact of its own: the one in `source` with other weights, stored as they are read, or manifest."""
    shutil.copytree(source, folder)
    weights, manifest = folder / WEIGHTS, Manifest.read(source)
    stored = scaled(np.fromfile(weights, np.uint8), manifest.expansion, scale)
    weights.unlink()  # what the registry stores is read-only
    stored.tofile(weights)
    values = load_weights(folder, manifest.expansion)
    weights.unlink()  # it may be mapped
    values.tofile(weights)
    manifest = replace(manifest, files=entries(folder), expansion=(), **changes)
    edit_text(folder, lambda _: manifest.to_json())
    return folder


def scaled(stored: NDArray[np.uint8], runs: Sequence[Run], scale: float) -> NDArray[np.uint8]:
    """Numbers as they are stored, times another: what they are expanded to may be parts of numbers."""
    at = 0
    for run in runs or [Run(UNCHANGED, stored.size)]:
        number = np.float32 if run.kind == UNCHANGED else KINDS[run.kind].stored
        stored[at : at + run.size].view(number)[...] *= scale
        at += run.size
    return stored


def entries(folder: Path) -> tuple[FileEntry, ...]:
    """The files of a folder as its manifest names them."""
    names = [entry.path for entry in Manifest.read(folder).files]
    return tuple(FileEntry(name, file_sha256(folder / name), (folder / name).stat().st_size) for name in names)


def edit_text(folder: Path, edit: Callable[[str], str]) -> None:
    """Write an artifact's manifest anew."""
    path = folder / FILENAME
    text = path.read_text()
    path.unlink()
    path.write_text(edit(text))


def edit_manifest(folder: Path, **changes: Any) -> None:
    """Set fields of an artifact's manifest to anything at all."""
    edit_text(folder, lambda text: json.dumps({**json.loads(text), **changes}))


def run_python(code: str, *arguments: str | Path, timeout: float = 180, **environment: str) -> str:
    """What the code prints in a process of its own, which must end well and say nothing on stderr."""
    done = start_python(code, *arguments, **environment)
    try:
        out, err = done.communicate(timeout=timeout)
    finally:
        done.kill()
    assert (done.returncode, err) == (0, ""), (done.returncode, out, err)
    return out


def start_python(code: str, *arguments: str | Path, **environment: str) -> subprocess.Popen[str]:
    """The code in a process of its own."""
    return subprocess.Popen(
        # Newer Pythons warn of every fork in a process with threads; here forks are what is tested.
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )
