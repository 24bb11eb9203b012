"""The files of an artifact on disk, checked against its manifest before any is loaded."""

from __future__ import annotations

from pathlib import Path

from zcc.runtime.errors import CorruptArtifact
from zcc.runtime.executors.table import needed_files
from zcc.runtime.manifest import Manifest, is_sound


def check_files(folder: Path, manifest: Manifest) -> None:
    """Every file is there with the bytes the manifest names, and it names all that are loaded."""
    unnamed = needed_files(manifest) - {entry.path for entry in manifest.files}
    if unnamed:
        problem = f"the manifest of {folder} does not name {', '.join(sorted(unnamed))}"
        raise CorruptArtifact(problem, "compile the model again")
    for entry in manifest.files:
        path = folder / entry.path
        try:
            sound = is_sound(path, entry)
        except OSError as error:
            raise CorruptArtifact(f"{path} cannot be read: {error.strerror}", "compile the model again") from error
        if not sound:
            raise CorruptArtifact(f"{path} is not the file that was published", "run `zcc verify`, compile again")
