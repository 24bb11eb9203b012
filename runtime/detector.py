"""The detector: load a variant, give it frames, get boxes, swap the variant while frames flow."""

from __future__ import annotations

import os
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from zcc.runtime.bundle import SUFFIX, Bundle
from zcc.runtime.choice import choose
from zcc.runtime.errors import UsageError
from zcc.runtime.frame import as_pixels
from zcc.runtime.manifest import FILENAME, Manifest
from zcc.runtime.source import ArtifactSource, Candidate
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
        """Load by name from the registry, from a bundle, or an artifact's folder; the best match for this machine."""
        name, folder = os.fspath(reference), Path(reference)
        if (folder / FILENAME).is_file():
            return cls(name, None, _load(None, choose(name, [Candidate(Manifest.read(folder), folder)], dtype, target)))
        source = _find_source(reference, registry)
        return cls(name, source, _load(source, choose(name, source.variants(name), dtype, target)))

    def __call__(self, frame: Any, conf: float = 0.25, iou: float = 0.45) -> Detections:
        """The detections in a frame, with scores above `conf`; boxes of a class overlap by at most `iou`."""
        return self._variant.run(as_pixels(frame), _threshold("conf", conf), _threshold("iou", iou))

    def swap(self, dtype: str | None = None, target: str | None = None) -> None:
        """Run another variant from the next frame on; frames under way finish on the old one.

        When the other one cannot be loaded, the old one keeps running and the error is the caller's.
        """
        if self._source is None:
            raise UsageError(f"{self._reference} is a single artifact, there is nothing to swap to", "load it by name")
        chosen = choose(self._reference, self._source.variants(self._reference), dtype, target)
        if chosen.manifest.digest != self.manifest.digest:
            self._variant = _load(self._source, chosen)

    @property
    def manifest(self) -> Manifest:
        """What runs now."""
        return self._variant.manifest


def _load(source: ArtifactSource | None, candidate: Candidate) -> Variant:
    return Variant(source.folder(candidate) if source else candidate.folder, candidate.manifest)


def _threshold(name: str, value: float) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = -1.0
    if not 0.0 <= number <= 1.0:  # NaN is not, either
        raise UsageError(f"{name}={value!r} is not a number from 0 to 1")
    return number


def _find_source(reference: str | os.PathLike[str], registry: str | None) -> ArtifactSource:
    """The bundle or the registry that the reference leads to."""
    name = os.fspath(reference)
    if name.endswith(SUFFIX):
        return Bundle(Path(name))
    if isinstance(reference, os.PathLike) or os.sep in name:
        remedy = f"give its folder, a bundle FILE{SUFFIX}, or a name"
        raise UsageError(f"{name} is no artifact: there is no {FILENAME} in it", remedy)
    return _open_source(registry)


def _open_source(registry: str | None) -> ArtifactSource:
    """The registry, when it is installed."""
    for entry in entry_points(group=SOURCES):
        source: ArtifactSource = entry.load()(registry)
        return source
    raise UsageError(
        "artifacts cannot be loaded by name: only the thin runtime is installed",
        "give the path of an artifact or a bundle, or install zcc[compiler]",
    )
