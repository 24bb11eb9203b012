"""An artifact's network, run on an emulated machine."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zcc.compiler.backends.cpu.emulation import run_network
from zcc.compiler.backends.cpu.emulation.emulator import Emulator
from zcc.runtime.manifest import Manifest

SCRIPT = Path(run_network.__file__)


def emulated_network(
    emulator: Emulator, folder: Path, manifest: Manifest, image: NDArray[np.float32]
) -> dict[str, NDArray[np.float32]]:
    """The head's decoded output for a prepared input, and the prototypes of a model that makes masks."""
    with tempfile.TemporaryDirectory(prefix="zcc-") as scratch:
        told, taken, made = (Path(scratch, name) for name in ("manifest.json", "image.npy", "output.npz"))
        told.write_text(manifest.to_json(), encoding="utf-8")
        np.save(taken, image)
        emulator.run(SCRIPT, folder, told, taken, made)
        with np.load(made) as found:
            outputs: dict[str, NDArray[np.float32]] = dict(found)
    return outputs
