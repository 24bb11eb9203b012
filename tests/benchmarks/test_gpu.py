"""The benchmarks for cards, as far as they go without one: what is prepared, chosen, counted and shown."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest

from benchmarks.gpu import __main__ as command
from benchmarks.gpu import energy, frames, standings
from benchmarks.gpu.candidates import COUNTS, NEARLY, confidence, tiled
from benchmarks.gpu.case import Case
from benchmarks.gpu.lively import enlivened, picture
from benchmarks.gpu.maps import dfl
from benchmarks.gpu.prepare import SMALL, head_case
from benchmarks.gpu.same import identical, strangers
from benchmarks.gpu.timing import figures
from tests.onnx_models import build
from tests.ort import session as ort_session
from zcc.compiler.benching.energy import Meter
from zcc.runtime.detections import Detections


def test_a_prepared_case_is_read_back_with_what_it_must_find(tmp_path: Path) -> None:
    case = head_case("head", "sm_90", dfl(SMALL, 6, "float32"), (0, 3))
    case.save(tmp_path)
    again = Case.load(tmp_path / "head")
    assert again.program.plan == case.program.plan
    assert [check.name for check in again.post] == [check.name for check in case.post]
    found = {check.name: len(again.arrays[check.scores]) for check in again.post if check.conf == 0.25}
    assert found["0 of 1 0.25"] == 0
    assert 1 <= found["3 of 6 0.25"] <= 3


@pytest.mark.parametrize("count", COUNTS)
def test_about_so_many_candidates_pass(count: int) -> None:
    scores = np.random.default_rng(0).random(8400) ** 4
    passing = int((scores > confidence(scores, count)).sum())
    assert count / NEARLY - 1 <= passing <= count * NEARLY + 1
    moved = scores * (1 + 1e-9 * np.random.default_rng(1).random(8400))
    assert int((moved > confidence(scores, count)).sum()) == passing, "in a gap, not at a score"


def test_a_frame_is_full_of_pictures() -> None:
    pictures = [np.full((30, 70, 3), 1 + number, np.uint8) for number in range(20)]
    frame = tiled(pictures, (65, 200))
    assert frame.shape == (65, 200, 3)
    assert frame[:30, [0, 70, 140, 199], 0].T.tolist() == [[number] * 30 for number in (1, 2, 3, 3)]
    assert set(np.unique(frame)) == set(range(1, 10))
    assert set(np.unique(tiled(pictures[:1], (65, 200)))) == {1, 114}


def test_a_lively_model_has_scores_that_differ() -> None:
    model = build("yolov8", imgsz=(64, 96), classes=7)
    again = onnx.ModelProto()
    again.CopyFrom(model)
    lively, same = enlivened(model), enlivened(again)
    assert lively.SerializeToString() == same.SerializeToString()
    session = ort_session(lively.SerializeToString())
    [output] = session.run(None, {session.get_inputs()[0].name: picture(64, 96)})
    scores = output[0, 4:].max(0)
    assert np.isfinite(output).all()
    assert len(np.unique(scores.round(3))) > len(scores) / 4
    assert 0.02 < scores.max() < 0.999


@pytest.mark.parametrize("name", frames.SHAPES)
def test_frames_of_noise_are_the_same_everywhere(name: str) -> None:
    planes = frames.noise(name, (12, 16), seed=3, pitch=5)
    assert [plane.shape for plane in planes] == frames.SHAPES[name](12, 16)
    assert all((one == other).all() for one, other in zip(planes, frames.noise(name, (12, 16), 3, 5), strict=True))
    assert all(plane.strides[0] == plane[0].nbytes + 5 for plane in planes)


def test_what_has_no_like_is_counted() -> None:
    boxes = np.array([[0, 0, 10, 10], [20, 20, 40, 40]], np.float32)
    two = Detections(boxes, np.array([0.9, 0.5], np.float32), np.array([1, 2], np.int32), 0.0)
    near = Detections(boxes + 0.2, two.scores + 0.01, two.classes, 0.0)
    one = Detections(boxes[:1], two.scores[:1], two.classes[:1], 0.0)
    assert identical(two, two) and not identical(two, near)
    assert [len(list(strangers(two, other, 0.25))) for other in (two, near, one)] == [0, 0, 1]
    assert not list(strangers(two, one, 0.48)), "what passed by a hair need not pass elsewhere"


def test_who_stands_how_is_a_table_and_json() -> None:
    peer, mine = (lambda: [4e-4] * 3), (lambda: [1e-4, 2e-4, 1e-4])
    table = standings.in_turns({standings.PEER: peer, "fp16": mine})
    assert table["ratio"] == {"fp16": 4.0}
    assert table["fp16"] == {"median": 100.0, "p95": 200.0, "p99": 200.0}
    first, second = standings.lines("yolov8n", {"network alone": table})
    assert first.split() == ["yolov8n", "network", "alone", "pytorch", "400.0", "400.0", "400.0"]
    assert second.split()[-2:] == ["200.0", "4.00x"]
    assert json.loads(json.dumps(table)) == table


def test_figures_are_shown_line_by_line(capsys: pytest.CaptureFixture[str]) -> None:
    command.show({"5 of 80": {"frame": figures([1e-6, 2e-6, 3e-6])}})
    assert capsys.readouterr().out.split(maxsplit=4)[:4] == ["5", "of", "80", "frame"]


def test_the_energy_of_a_frame_is_what_the_counter_rose_by(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = list[str]()
    counter = Meter("NVML", lambda: 0.002 * len(frames))
    monkeypatch.setattr(energy, "meters", lambda executor: [counter] if executor == "cuda" else [])
    monkeypatch.setattr(energy, "SETTLE", 0.01)
    monkeypatch.setattr(energy, "SECONDS", 0.02)
    assert energy.frame_energy({"zcc": lambda: frames.append("one")}) == {"zcc": 2.0}
