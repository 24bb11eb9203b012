"""A race about stored artifacts: one alone against the clock, or against others that run the model it came from."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from zcc.compiler.building.progress import Progress
from zcc.compiler.frontend.model import Model
from zcc.compiler.frontend.operators import supported_operators
from zcc.compiler.frontend.read_file import read_model
from zcc.compiler.frontend.sandbox import run_in_sandbox
from zcc.compiler.precision.frames import CalibrationFrames, load_frames
from zcc.compiler.quality.dataset import Dataset, load_dataset
from zcc.compiler.racing.contestant import Pixels, RaceEntry
from zcc.compiler.racing.race import Race, Rules, race
from zcc.compiler.racing.race_task import RaceTask, write_task
from zcc.compiler.racing.same_detections import loosest
from zcc.compiler.racing.table import ZCC, check_executor, enter_artifact, enter_peer, find_peers
from zcc.runtime.errors import BenchmarkError, DatasetError, ModelError
from zcc.runtime.manifest import Manifest


@dataclass(frozen=True)
class Lineup:
    """Who races."""

    artifact: Path  # the folder of the artifact that the others are measured against
    model: Path  # the ONNX file that it was compiled from
    peers: tuple[str, ...]  # names of other tools
    siblings: tuple[Path, ...] = ()  # folders of artifacts of that file in other dtypes
    calib: Path | None = None  # the pictures that the artifact was calibrated on, for peers that need some
    data: Path | None = None  # labelled pictures, to measure accuracy on
    held: bool = False  # whether peers are held to the instructions of the artifact's target


def race_alone(folder: Path, frames: Sequence[Pixels], rules: Rules, progress: Progress) -> Race:
    """Time the artifact in `folder`."""
    spec = Manifest.read(folder).input
    return race([enter_artifact(folder)], frames, None, spec, rules, progress)


def race_against(lineup: Lineup, frames: Sequence[Pixels], rules: Rules, progress: Progress) -> Race:
    """Race an artifact against others and against peers, and measure their accuracy where there are labels."""
    find_peers(lineup.peers)
    manifests = [Manifest.read(folder) for folder in (lineup.artifact, *lineup.siblings)]
    check_executor(lineup.peers, manifests[0].executor)
    check_task(manifests[0])
    check_original(lineup.model, manifests)
    calibration = check_calibration(lineup.calib, manifests[0])
    dataset = labelled(lineup.data, manifests[0])
    with progress.stage("load and check"):
        model = load_original(lineup.model, manifests[0])
    rules = replace(rules, tolerance=loosest(manifest.dtype for manifest in manifests))
    with tempfile.TemporaryDirectory(prefix="zcc-") as scratch:
        task = write_task(model, manifests[0], calibration, Path(scratch), lineup.held)
        with progress.stage("make models ready"):
            entries = enter_all(lineup, manifests, task)
        outcome = race(entries, frames, model.head, task.spec, rules, progress)
        if dataset is None:
            return outcome
        # It needs OpenCV, which a race alone does without.
        from zcc.compiler.racing.accuracy import accuracies

        with progress.stage(f"measure accuracy on {len(dataset.scenes)} pictures"):
            return replace(outcome, accuracy=accuracies(entries, task, dataset.scenes, rules.threads))


def enter_all(lineup: Lineup, manifests: Sequence[Manifest], task: RaceTask) -> list[RaceEntry]:
    """All contestants, the artifact that the others are measured against first."""
    siblings = zip(lineup.siblings, manifests[1:], strict=True)
    return [
        enter_artifact(lineup.artifact),
        *(enter_artifact(folder, f"{ZCC}-{manifest.dtype}") for folder, manifest in siblings),
        *(enter_peer(name, task) for name in dict.fromkeys(lineup.peers)),
    ]


def check_task(manifest: Manifest) -> None:
    """Refuse what peers have no steps for around their networks."""
    if manifest.task.name != "detect":
        raise BenchmarkError(
            f"{manifest.name} is a {manifest.task.name} model, and others are raced at detection alone",
            "python -m benchmarks.tasks races the other tasks, from a checkout",
        )


def load_original(path: Path, manifest: Manifest) -> Model:
    """The model as the artifact was compiled from it."""
    size = manifest.input.height, manifest.input.width
    return run_in_sandbox(path, size, manifest.classes, supported_operators(), manifest.pixels)


def check_original(path: Path, manifests: Sequence[Manifest]) -> None:
    """Raise a ModelError unless the file is the one that the artifacts were compiled from."""
    sha256 = read_model(path)[1]
    for manifest in manifests:
        if sha256 != manifest.model_sha256:
            raise ModelError(
                f"{path} is not the model that {manifest.name} was compiled from",
                f"give the file whose sha256 is {manifest.model_sha256}, or compile this one",
            )


def check_calibration(folder: Path | None, manifest: Manifest) -> CalibrationFrames | None:
    """The pictures, or a DatasetError where the artifact was calibrated on others."""
    if folder is None:
        return None
    frames = load_frames(folder, manifest.input.color)
    if manifest.calibration_digest not in (None, frames.digest):
        raise DatasetError(
            f"{folder} does not hold the pictures that {manifest.name} was calibrated on",
            "give those, or compile the model with these; on other pictures nobody could be compared",
        )
    return frames


def labelled(folder: Path | None, manifest: Manifest) -> Dataset | None:
    """The labelled pictures, their classes numbered as the artifact numbers them."""
    if folder is None:
        return None
    dataset = load_dataset(folder).numbered_as(manifest.classes)
    dataset.need_labels()
    return dataset
