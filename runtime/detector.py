"""The detector: load a variant, give it frames, get boxes, swap the variant while frames flow."""

from __future__ import annotations

import os
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from zcc.runtime.choice import choose, obstacle
from zcc.runtime.errors import IncompatibleHost, UsageError
from zcc.runtime.frame import as_pixels
from zcc.runtime.manifest import FILENAME, Manifest
from zcc.runtime.source import ArtifactSource
from zcc.runtime.variant import Detections, Variant

SOURCES = "zcc.sources"


class Detector:
    """Frames in, boxes out. Any number of threads may call it."""

    def __init__(self, reference: str, source: ArtifactSource | None, variant: Variant) -> None:
        self._reference = reference
        self._source = source
        self._variant = variant

    @classmethod
    def load(
        cls,
        reference: str | os.PathLike[str],
        dtype: str | None = None,
        target: str | None = None,
        registry: str | None = None,
    ) -> Detector:
        """Load by name from the registry, or from the folder of an artifact; the best match for this machine."""
        folder = Path(reference)
        if (folder / FILENAME).is_file():
            return cls(str(reference), None, _load_folder(folder, dtype, target))
        source = _open_source(registry)
        manifest, place = choose(str(reference), source.variants(str(reference)), dtype, target)
        return cls(str(reference), source, Variant(place, manifest))

    def __call__(self, frame: Any, conf: float = 0.25, iou: float = 0.45) -> Detections:
        """The detections in a frame, with scores above `conf`; boxes of a class overlap by at most `iou`."""
        if not (0.0 <= conf <= 1.0 and 0.0 <= iou <= 1.0):
            raise UsageError(f"conf={conf} and iou={iou} must both lie between 0 and 1")
        return self._variant.run(as_pixels(frame), conf, iou)

    def swap(self, dtype: str | None = None, target: str | None = None) -> None:
        """Run another variant from the next frame on; frames under way finish on the old one."""
        if self._source is None:
            raise UsageError(
                f"{self._reference} is a single artifact, there is nothing to swap to", "load it by name"
            )
        manifest, place = choose(self._reference, self._source.variants(self._reference), dtype, target)
        self._variant = Variant(place, manifest)

    @property
    def manifest(self) -> Manifest:
        """What runs now."""
        return self._variant.manifest


def _load_folder(folder: Path, dtype: str | None, target: str | None) -> Variant:
    manifest = Manifest.read(folder)
    choose(str(folder), [(manifest, folder)], dtype, target)
    reason = obstacle(manifest)
    if reason is not None:
        raise IncompatibleHost(f"{folder} cannot run here: {reason}", "compile it on this machine")
    return Variant(folder, manifest)


def _open_source(registry: str | None) -> ArtifactSource:
    """The registry, when it is installed."""
    for entry in entry_points(group=SOURCES):
        source: ArtifactSource = entry.load()(registry)
        return source
    raise UsageError(
        "artifacts cannot be loaded by name: only the thin runtime is installed",
        "give the path of an artifact, or install zcc[compiler]",
    )
