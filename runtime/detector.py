"""The detector: load a variant, give it frames, get boxes, swap the variant while frames flow."""

from __future__ import annotations

import os
from typing import Any

from zcc.runtime.choice import Wish, choose, explain
from zcc.runtime.errors import UsageError
from zcc.runtime.explanation import Explanation
from zcc.runtime.frame import as_pixels
from zcc.runtime.manifest import Manifest
from zcc.runtime.places import Folder, find_source
from zcc.runtime.policy import DEFAULT, Policy
from zcc.runtime.source import ArtifactSource, Candidate
from zcc.runtime.variant import Detections, Variant


class Detector:
    """Frames in, boxes out. Any number of threads may call it."""

    def __init__(self, reference: str, source: ArtifactSource, variant: Variant) -> None:
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
        *,
        prefer: str | Policy = DEFAULT,
    ) -> Detector:
        """Load by name from the registry, from a bundle, or an artifact's folder; the best match for this machine.

        Of several variants that run here it is the one that `prefer` says: `fastest`, `most-accurate`,
        `fastest-within:POINTS` of mAP50-95 that may be lost against the most accurate, or a policy of your own.
        """
        name, source = os.fspath(reference), find_source(reference, registry)
        chosen = choose(name, source.variants(name), dtype, target, prefer)
        return cls(name, source, _load(source, chosen))

    @staticmethod
    def explain(
        reference: str | os.PathLike[str],
        dtype: str | None = None,
        target: str | None = None,
        registry: str | None = None,
        *,
        prefer: str | Policy = DEFAULT,
    ) -> Explanation:
        """Which variant `load` would take, and of each why it is taken or passed over; nothing is loaded."""
        name, source = os.fspath(reference), find_source(reference, registry)
        return explain(name, source.variants(name), Wish(dtype, target, prefer))

    def __call__(self, frame: Any, conf: float = 0.25, iou: float = 0.45) -> Detections:
        """The detections in a frame, with scores above `conf`; boxes of a class overlap by at most `iou`."""
        return self._variant.run(as_pixels(frame), _threshold("conf", conf), _threshold("iou", iou))

    def swap(self, dtype: str | None = None, target: str | None = None, *, prefer: str | Policy = DEFAULT) -> None:
        """Run another variant from the next frame on; frames under way finish on the old one.

        When the other one cannot be loaded, the old one keeps running and the error is the caller's.
        """
        if isinstance(self._source, Folder):
            raise UsageError(f"{self._reference} is a single artifact, there is nothing to swap to", "load it by name")
        chosen = choose(self._reference, self._source.variants(self._reference), dtype, target, prefer)
        if chosen.manifest.digest != self.manifest.digest:
            self._variant = _load(self._source, chosen)

    @property
    def manifest(self) -> Manifest:
        """What runs now."""
        return self._variant.manifest


def _load(source: ArtifactSource, candidate: Candidate) -> Variant:
    return Variant(source.folder(candidate), candidate.manifest)


def _threshold(name: str, value: float) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = -1.0
    if not 0.0 <= number <= 1.0:  # NaN is not, either
        raise UsageError(f"{name}={value!r} is not a number from 0 to 1")
    return number
