"""What an emulated machine runs: `run_network.py ARTIFACT MANIFEST IMAGE OUTPUT`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from zcc.runtime.executors.cpu import CpuExecutor
from zcc.runtime.manifest import Manifest

HEAD, PROTOTYPES = "head", "prototypes"  # what there is in the file that it leaves


def main(artifact: Path, manifest: Path, image: Path, output: Path) -> None:
    """The head's decoded output for a prepared image, and the prototypes of a model that makes masks, as files."""
    executor = CpuExecutor(artifact, Manifest.from_json(manifest.read_text(encoding="utf-8")))
    given = np.load(image)
    found: dict[str, Any] = {HEAD: executor.run_network(given)}
    if executor.manifest.task.name == "segment":
        found[PROTOTYPES] = executor.prototypes(given)
    np.savez(output, **found)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
