"""What an emulated machine runs: `run_network.py ARTIFACT MANIFEST IMAGE OUTPUT`."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from zcc.runtime.manifest import Manifest
from zcc.runtime.variant import Variant


def main(artifact: Path, manifest: Path, image: Path, output: Path) -> None:
    """The head's decoded output for a prepared image, as files."""
    variant = Variant(artifact, Manifest.from_json(manifest.read_text(encoding="utf-8")))
    np.save(output, variant.run_network(np.load(image)))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
