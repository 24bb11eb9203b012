"""A race about a stored artifact: alone against the clock, or against peers that run the model it was compiled from."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from zcc.compiler.frontend.operators import supported_operators
from zcc.compiler.frontend.read import read_model
from zcc.compiler.frontend.sandbox import run_in_sandbox
from zcc.compiler.progress import Progress
from zcc.compiler.racing.agreement import REDUCED, TOLERANCES
from zcc.compiler.racing.contestant import Pixels
from zcc.compiler.racing.race import Race, Rules, race
from zcc.compiler.racing.table import enter_artifact, enter_peer, find_peers
from zcc.compiler.racing.task import write_task
from zcc.runtime.errors import ModelError
from zcc.runtime.manifest import Manifest


def race_alone(folder: Path, frames: Sequence[Pixels], rules: Rules, progress: Progress) -> Race:
    """Time the artifact in `folder`."""
    spec = Manifest.read(folder).input
    return race([enter_artifact(folder)], frames, None, spec, rules, progress)


def race_against(
    peers: list[str], folder: Path, model: Path, frames: Sequence[Pixels], rules: Rules, progress: Progress
) -> Race:
    """Race the artifact in `folder` against peers; `model` is the ONNX file that it was compiled from."""
    chosen, manifest = find_peers(peers), Manifest.read(folder)
    check_original(model, manifest)
    with progress.stage("load and check"):
        size = manifest.input.height, manifest.input.width
        loaded = run_in_sandbox(model, size, manifest.classes, supported_operators())
    rules = replace(rules, tolerance=TOLERANCES.get(manifest.dtype, REDUCED))
    with tempfile.TemporaryDirectory(prefix="zcc-") as scratch:
        task = write_task(loaded, manifest, Path(scratch))
        entries = [enter_artifact(folder), *(enter_peer(name, task) for name in chosen)]
        return race(entries, frames, loaded.head, manifest.input, rules, progress)


def check_original(path: Path, manifest: Manifest) -> None:
    """Raise a ModelError unless the file is the one that the artifact was compiled from."""
    if read_model(path)[1] != manifest.model_sha256:
        raise ModelError(
            f"{path} is not the model that {manifest.name} was compiled from",
            f"give the file whose sha256 is {manifest.model_sha256}, or compile this one",
        )
