"""zcc in a race: a stored artifact behind the runtime's own calls."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from zcc.compiler.racing.contestant import Floats, FoundBoxes, Pixels, Step, Thresholds
from zcc.runtime import host
from zcc.runtime.frame import as_pixels
from zcc.runtime.manifest import Manifest


class CompiledArtifact:
    """The artifact in `folder`."""

    def __init__(self, folder: Path, threads: int) -> None:
        os.environ[host.THREADS_VARIABLE] = str(threads)
        from zcc.runtime.variant import Variant

        manifest = Manifest.read(folder)
        self._variant = Variant(folder, manifest)
        self._output = np.zeros(manifest.head.shape, np.float32)
        self.about = f"zcc {manifest.versions['zcc']}, {manifest.dtype} for {manifest.target}"

    def network(self, image: Floats) -> Floats | None:
        """The head's output, where it is decoded as a whole."""
        if not self._variant.decodes:
            return None
        return self._variant.run_network(image, self._output)

    def network_seconds(self, image: Floats) -> float:
        """What the network alone takes; on a card by the card's clock."""
        return self._variant.network_seconds(image, self._output)

    def steps(self, thresholds: Thresholds) -> tuple[Step, ...]:
        """One: the compiled module takes the frame."""

        def detect(frame: Pixels) -> FoundBoxes:
            out = self._variant.run(as_pixels(frame), *thresholds)
            return FoundBoxes(out.boxes, out.scores, out.classes)

        return (("frame", detect),)
