"""A real race in int8: against our own fp32, and against NNCF where that is installed, with accuracy beside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import Tiny
from zcc.compiler.building.progress import Silent
from zcc.compiler.compile import CompileOptions, compile_model
from zcc.compiler.racing.against import Lineup, check_calibration, load_original, race_against
from zcc.compiler.racing.race import Race, Rules
from zcc.compiler.racing.race_task import write_task
from zcc.compiler.racing.table import PEERS, enter_peer, matches
from zcc.registry import Registry
from zcc.runtime import Detector
from zcc.runtime.errors import DatasetError, UsageError
from zcc.runtime.manifest import Manifest

NNCF = "openvino-nncf"
INSTALLED = tuple(name for name in matches("int8") if not PEERS[name].missing())
RULES = Rules(rounds=1, runs=2, threads=2)
needs_nncf = pytest.mark.skipif(NNCF not in INSTALLED, reason="NNCF is not installed")


@dataclass(frozen=True)
class Raced:
    """What was raced, what came out, and the folder of caches of the processes that took part."""

    lineup: Lineup
    outcome: Race
    caches: Path


def make_data(place: Path, tiny: Tiny) -> None:
    """Pictures of coarse noise; what the fp32 variant finds in them are their labels."""
    detector = Detector.load(str(tiny.folder))
    for part in ("images", "labels"):
        (place / part).mkdir(parents=True)
    for seed in range(4):
        noise = np.random.default_rng(seed).integers(0, 256, (10, 12, 3), np.uint8)
        picture = Image.fromarray(noise).resize((120, 100))
        picture.save(place / "images" / f"{seed}.png")
        frame = np.ascontiguousarray(np.asarray(picture)[..., ::-1])
        (place / "labels" / f"{seed}.txt").write_text("\n".join(surest(detector, frame)))


def surest(detector: Detector, frame: np.ndarray) -> list[str]:
    """The three surest detections as lines of YOLO text."""
    found = detector(frame, conf=0.001, iou=0.7)
    height, width = frame.shape[:2]
    boxes = found.boxes[:3] / [width, height, width, height]
    centres, sizes = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    rows = zip(found.classes, np.concatenate([centres, sizes], axis=1), strict=False)
    return [f"{kind} {' '.join(f'{number:.6f}' for number in row)}" for kind, row in rows]


@pytest.fixture(scope="module")
def raced(tiny_artifact: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Raced]:
    """One race of an int8 variant, in which everything that is compared here takes part."""
    place = tmp_path_factory.mktemp("int8")
    data, caches = place / "data", place / "caches"
    caches.mkdir()
    make_data(data, tiny_artifact)
    job = CompileOptions(tiny_artifact.model, dtypes=("int8",), calib=data / "images", max_drop=100)
    [made] = compile_model(job, Registry.open(place / "registry"))
    lineup = Lineup(
        made.folder, tiny_artifact.model, INSTALLED, (tiny_artifact.folder,), calib=data / "images", data=data
    )
    frames = [np.random.default_rng(seed).integers(0, 256, (90, 120, 3), np.uint8) for seed in range(2)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZCC_CACHE", str(caches))
        yield Raced(lineup, race_against(lineup, frames, RULES, Silent()), caches)


def test_all_take_part_and_zcc_is_told_from_peers(raced: Raced) -> None:
    assert [(record.name, record.ours) for record in raced.outcome.records] == [
        ("zcc", True),
        ("zcc-fp32", True),
        *((name, False) for name in INSTALLED),
    ]
    assert "int8 for" in raced.outcome.records[0].about
    assert "fp32 for" in raced.outcome.records[1].about


def test_accuracy_is_of_every_network_on_the_labels(raced: Raced) -> None:
    accuracy = raced.outcome.accuracy
    assert set(accuracy) == {"zcc", "zcc-fp32", *INSTALLED}
    assert accuracy["zcc-fp32"].map50 > 0.95, "the labels are its own detections"
    assert all(0 <= found.map50_95 <= found.map50 <= 1 for found in accuracy.values())


@needs_nncf
def test_nncf_quantises_once(raced: Raced, tmp_path: Path) -> None:
    kept = {path: path.stat().st_mtime_ns for path in raced.caches.glob("nncf/*")}
    assert sorted(path.suffix for path in kept) == [".bin", ".xml"]
    assert any(b"FakeQuantize" in path.read_bytes() for path in kept)
    manifest = Manifest.read(raced.lineup.artifact)
    model, frames = load_original(raced.lineup.model, manifest), check_calibration(raced.lineup.calib, manifest)
    enter_peer(NNCF, write_task(model, manifest, frames, tmp_path))
    assert {path: path.stat().st_mtime_ns for path in raced.caches.glob("nncf/*")} == kept


@needs_nncf
def test_nncf_needs_pictures(raced: Raced) -> None:
    with pytest.raises(UsageError, match=r"NNCF needs pictures .* --calib DIR"):
        race_against(replace(raced.lineup, calib=None), [], RULES, Silent())


def test_other_pictures_than_those_of_the_artifact_are_refused(raced: Raced, tmp_path: Path) -> None:
    Image.new("RGB", (9, 9)).save(tmp_path / "other.png")
    with pytest.raises(DatasetError, match="does not hold the pictures that tiny was calibrated on"):
        race_against(replace(raced.lineup, calib=tmp_path), [], RULES, Silent())
