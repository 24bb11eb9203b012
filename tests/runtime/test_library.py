"""The files of an artifact: whatever is wrong with them is told before anything is loaded."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.random import _pcg64

from tests.conftest import Tiny
from tests.runtime.samples import edit_manifest, entries
from zcc.runtime import Detector
from zcc.runtime.artifact_files import check_files
from zcc.runtime.errors import CorruptArtifact
from zcc.runtime.library import MODULE, RUNTIME_LIBRARY, WEIGHTS
from zcc.runtime.manifest import FILENAME, Manifest

PARTS = (MODULE, WEIGHTS, RUNTIME_LIBRARY)


@pytest.fixture
def folder(tiny_artifact: Tiny, tmp_path: Path) -> Path:
    """A copy to be damaged."""
    copy = tmp_path / "artifact"
    shutil.copytree(tiny_artifact.folder, copy)
    for path in copy.iterdir():
        path.chmod(0o644)
    return copy


def flip_last_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGE: dict[str, Callable[[Path], None]] = {
    "missing": Path.unlink,
    "empty": lambda path: path.write_bytes(b"") and None,
    "truncated": lambda path: os.truncate(path, path.stat().st_size // 2),
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"\0") and None,
    "one bit flipped": flip_last_bit,
    "a folder": make_folder,
}


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_is_told_and_the_file_named(folder: Path, part: str, kind: str) -> None:
    DAMAGE[kind](folder / part)
    with pytest.raises(CorruptArtifact, match=part):
        Detector.load(folder)


@pytest.mark.parametrize("part", PARTS)
def test_what_the_manifest_does_not_name_is_not_loaded(folder: Path, part: str) -> None:
    """Else its bytes could be anything."""
    kept = [entry for entry in json.loads((folder / FILENAME).read_text())["files"] if entry["path"] != part]
    edit_manifest(folder, files=kept)
    with pytest.raises(CorruptArtifact, match=f"does not name {part}"):
        Detector.load(folder)


@pytest.mark.parametrize("content", [b"", b"no library", b"\x7fELF" + b"\0" * 60], ids=["empty", "text", "header"])
def test_a_module_that_is_none_is_told_though_its_hash_is_right(folder: Path, content: bytes) -> None:
    (folder / MODULE).write_bytes(content)
    with pytest.raises(CorruptArtifact, match=MODULE):
        Detector.load(_sealed(folder))


def test_a_library_of_something_else_is_told(folder: Path) -> None:
    shutil.copy(_pcg64.__file__, folder / MODULE)
    with pytest.raises(CorruptArtifact, match="compiled by another zcc"):
        Detector.load(_sealed(folder))


@pytest.mark.parametrize("changes", [{"expansion": []}, {"workspace": {"detect": 100, "network": 100}}])
def test_a_manifest_that_the_code_does_not_fit_is_told(folder: Path, changes: dict[str, Any]) -> None:
    """What it says of weights and memory may be sound by itself, and be that of other code."""
    edit_manifest(folder, **changes)
    detector = Detector.load(folder)
    with pytest.raises(CorruptArtifact, match="does not take what its manifest says"):
        detector(np.zeros((64, 64, 3), np.uint8))


def _sealed(folder: Path) -> Path:
    """The folder, its manifest naming the files as they are now."""
    manifest = replace(Manifest.read(folder), files=entries(folder))
    (folder / FILENAME).write_text(manifest.to_json())
    return folder


def test_a_sound_folder_may_hold_more(folder: Path) -> None:
    (folder / "notes.txt").write_text("of the owner")
    check_files(folder, Manifest.read(folder))
    Detector.load(folder)
