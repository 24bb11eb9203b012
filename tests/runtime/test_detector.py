"""The detector: the right boxes, by whom and however it is called."""

from __future__ import annotations

import copy
import gc
import json
import pickle
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import FrozenInstanceError, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.compiler.backends.cpu.frame import references
from tests.conftest import Tiny
from tests.ort import session as ort_session
from tests.runtime.conftest import FAST, SLOW, Pair
from tests.runtime.samples import assert_same, changed_copy, edit_manifest, noise
from zcc.compiler.frontend.load import load_model
from zcc.compiler.frontend.model import Model
from zcc.registry import Registry
from zcc.runtime import Detections, Detector
from zcc.runtime.errors import CorruptArtifact, FrameError, IncompatibleHost, NotFound, UsageError
from zcc.runtime.manifest import Manifest, Measurement

Answer = tuple[bytes, bytes, bytes]


def answer(found: Detections) -> Answer:
    """Detections as something that can be compared and counted."""
    return found.boxes.tobytes(), found.scores.tobytes(), found.classes.tobytes()


@pytest.fixture(scope="module")
def model(tiny_artifact: Tiny) -> Model:
    """What the small detector was compiled from."""
    return load_model(tiny_artifact.model)


@pytest.mark.parametrize("size", [(64, 64), (90, 120), (37, 200), (640, 31)])
def test_detections_are_those_of_onnx_runtime_and_plain_nms(
    detector: Detector, model: Model, size: tuple[int, int]
) -> None:
    manifest, frame = detector.manifest, noise(*size)
    session = ort_session(model.proto.SerializeToString())
    planes = references.letterboxed(frame, manifest.input)[None] / np.float32(255)
    output = np.asarray(session.run([model.head.output], {model.input: planes})[0])
    conf, iou = 0.3, 0.6
    expected = references.detections(output, model.head, manifest.input, size, conf, iou, manifest.head.max_det)
    found = detector(frame, conf=conf, iou=iou)
    np.testing.assert_array_equal(found.classes, expected.labels)
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-3)
    np.testing.assert_allclose(found.boxes, expected.boxes, atol=0.5)
    assert len(found) == len(expected.scores) > 0


def test_results_are_the_callers_own(detector: Detector) -> None:
    first = detector(noise(48, 64))
    kept = answer(first)
    first_types = (first.boxes.dtype, first.scores.dtype, first.classes.dtype)
    detector(noise(48, 64, seed=1))
    assert answer(first) == kept
    assert first_types == (np.float32, np.float32, np.int32)
    assert first.boxes.shape == (len(first), 4)
    first.boxes[:] = 0
    assert answer(detector(noise(48, 64))) == kept


def test_a_result_is_not_to_be_changed_but_copied_and_pickled(detector: Detector) -> None:
    found = detector(noise(48, 64))
    with pytest.raises(FrozenInstanceError):
        found.edges = 0.5  # type: ignore[misc]
    assert [field.name for field in fields(found)] == list(vars(found)) == ["boxes", "scores", "classes", "edges"]
    for other in (replace(found), copy.copy(found), pickle.loads(pickle.dumps(found))):
        assert type(other) is Detections and answer(other) == answer(found) and other.edges == found.edges


def test_nothing_found_is_an_answer(detector: Detector) -> None:
    found = detector(noise(48, 64), conf=1)
    assert (len(found), found.boxes.shape, found.scores.shape) == (0, (0, 4), (0,))


@pytest.mark.parametrize("bad", [float("nan"), -0.01, 1.01, float("inf"), None, "half", "nan", [0.5, 0.5]])
@pytest.mark.parametrize("name", ["conf", "iou"])
def test_a_threshold_that_means_nothing_is_refused(detector: Detector, name: str, bad: Any) -> None:
    with pytest.raises(UsageError, match=f"{name}=.* from 0 to 1"):
        detector(noise(8, 8), **{name: bad})


@pytest.mark.parametrize("good", [0, 1, True, np.float32(0.5), np.float64(0.5)])
def test_a_threshold_is_any_number_from_0_to_1(detector: Detector, good: Any) -> None:
    assert_same(detector(noise(8, 8), conf=good), detector(noise(8, 8), conf=float(good)))
    detector(noise(8, 8), iou=good)


def test_many_threads_get_what_one_would(detector: Detector, pair: Pair) -> None:
    """Two detectors, eight threads, frames of many sizes."""
    detectors = [detector, pair.load(SLOW)]
    frames = [noise(20 + 7 * i, 150 - 9 * i, seed=i) for i in range(12)]
    expected = [[answer(each(frame)) for frame in frames] for each in detectors]
    calls = [(d, f) for _ in range(20) for f in range(len(frames)) for d in range(2)]
    with ThreadPoolExecutor(8) as pool:
        found = pool.map(lambda call: answer(detectors[call[0]](frames[call[1]])), calls)
        assert list(found) == [expected[d][f] for d, f in calls]


def test_frames_on_their_way_come_to_what_calls_give(detector: Detector) -> None:
    frames = [noise(48, 64, seed) for seed in range(8)]
    under_way = [detector.submit(frame, conf=0.3) for frame in frames]
    for frame, each in zip(frames, under_way, strict=True):
        assert_same(each.result(), detector(frame, conf=0.3))
        assert each.done()
        assert_same(each.result(), detector(frame, conf=0.3))
    with pytest.raises(FrameError, match="has shape"):
        detector.submit(frames[0][..., :2])


def test_loaded_by_name_by_path_and_by_digest(tiny_artifact: Tiny) -> None:
    home, frame = str(tiny_artifact.home), noise(48, 64)
    by_path = Detector.load(tiny_artifact.folder)
    by_text = Detector.load(str(tiny_artifact.folder), dtype="fp32")
    by_name = Detector.load("tiny", registry=home)
    by_digest = Detector.load(by_path.manifest.digest[:20], registry=home)
    assert by_path.manifest == by_text.manifest == by_name.manifest == by_digest.manifest
    assert len({answer(each(frame)) for each in (by_path, by_text, by_name, by_digest)}) == 1


def test_the_registry_is_found_by_its_variable(tiny_artifact: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZCC_REGISTRY", str(tiny_artifact.home))
    assert Detector.load("tiny").manifest.name == "tiny"


def test_figures_recorded_later_count(pair: Pair) -> None:
    assert pair.load().manifest.target == FAST
    fast = pair.load(FAST).manifest.digest
    Registry.open(pair.home).record_measurement(fast, Measurement("latency_ms", 50.0, "under load"))
    assert pair.load().manifest.target == SLOW


def test_what_is_not_there_is_named(tiny_artifact: Tiny, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="absent"):
        Detector.load("absent", registry=str(tiny_artifact.home))
    with pytest.raises(NotFound, match="fp32 for"):
        Detector.load("tiny", dtype="fp4", registry=str(tiny_artifact.home))
    with pytest.raises(NotFound, match="fp32 for"):
        Detector.load(tiny_artifact.folder, dtype="fp4")
    for path in (tmp_path, str(tmp_path / "nothing"), Path("tiny")):
        with pytest.raises(UsageError, match=f"{path} is no artifact"):
            Detector.load(path, registry=str(tiny_artifact.home))


def test_an_artifact_of_another_machine_is_refused(tiny_artifact: Tiny, tmp_path: Path) -> None:
    needs = Manifest.read(tiny_artifact.folder).requires
    foreign = changed_copy(tiny_artifact.folder, tmp_path / "a", requires=replace(needs, features=("warp_drive",)))
    with pytest.raises(IncompatibleHost, match="lacks warp_drive"):
        Detector.load(foreign)
    edit_manifest(foreign, schema=2)
    with pytest.raises(IncompatibleHost, match="schema 2"):
        Detector.load(foreign)


def test_swap_takes_effect_with_the_next_frame(pair: Pair) -> None:
    detector, frame = pair.load(), noise(48, 64)
    expected = {target: answer(pair.load(target)(frame)) for target in (FAST, SLOW)}
    assert len(set(expected.values())) == 2
    for target in (SLOW, FAST, FAST, SLOW):
        detector.swap(target=target)
        assert detector.manifest.target == target
        assert answer(detector(frame)) == expected[target]
    detector.swap()
    assert detector.manifest.target == FAST, "without a wish, the best"


def test_swapping_while_threads_call_loses_no_frame(pair: Pair) -> None:
    frame, swaps, callers = noise(48, 64), 60, 4
    expected = {answer(pair.load(target)(frame)) for target in (FAST, SLOW)}
    detector, swapped, seen = pair.load(), threading.Event(), [list[Answer]() for _ in range(callers)]

    def keep_calling(answers: list[Answer]) -> None:
        while not swapped.is_set():
            answers.append(answer(detector(frame)))

    with ThreadPoolExecutor(callers) as pool:
        calls = [pool.submit(keep_calling, answers) for answers in seen]
        try:
            for turn in range(swaps):
                detector.swap(target=(SLOW, FAST)[turn % 2])
        finally:
            swapped.set()
        for call in calls:
            call.result()
    assert all(seen), "every thread had its turn"
    assert {found for answers in seen for found in answers} == expected


def test_a_swap_that_fails_leaves_the_old_one_running(pair: Pair) -> None:
    detector, frame = pair.load(FAST), noise(48, 64)
    expected = answer(detector(frame))
    weights = pair.folders[SLOW] / "weights.bin"
    with replaced(weights, weights.read_bytes()[:-1] + b"\x01"), pytest.raises(CorruptArtifact, match="weights"):
        detector.swap(target=SLOW)
    with pytest.raises(NotFound):
        detector.swap(dtype="fp4")
    assert detector.manifest.target == FAST
    assert answer(detector(frame)) == expected
    detector.swap(target=SLOW)
    assert detector.manifest.target == SLOW, "mended, it is taken"


@contextmanager
def replaced(path: Path, content: bytes) -> Iterator[None]:
    """Another file in the place of this one, for a while."""
    aside = path.with_suffix(".aside")
    path.rename(aside)
    try:
        path.write_bytes(content)
        yield
    finally:
        aside.replace(path)


def test_a_single_artifact_has_nothing_to_swap_to(detector: Detector) -> None:
    with pytest.raises(UsageError, match="single artifact"):
        detector.swap()


def test_what_is_swapped_out_is_unloaded(pair: Pair, tiny_artifact: Tiny) -> None:
    Detector.load(tiny_artifact.folder)(noise(8, 8))  # the first module that threads share stays: they are in its code
    detector = pair.load(FAST)
    detector(noise(8, 8))
    assert mapped(pair.folders[FAST]) == {"model.so", "weights.bin"}
    detector.swap(target=SLOW)
    detector(noise(8, 8))
    gc.collect()
    assert "weights.bin" in mapped(pair.folders[SLOW])
    assert "weights.bin" not in mapped(pair.folders[FAST])
    del detector
    gc.collect()
    assert mapped(pair.home) == set()


def mapped(place: Path) -> set[str]:
    """The files beneath a folder that this process has in its memory."""
    lines = Path("/proc/self/maps").read_text().splitlines()
    return {Path(line).name for line in lines if f"{place}/" in line}


def test_a_detector_is_told_by_its_manifest(detector: Detector, tiny_artifact: Tiny) -> None:
    stored = (tiny_artifact.folder / "meta.json").read_text(encoding="utf-8")
    assert detector.manifest.to_json() == stored
    assert detector.manifest.describe()["input"] == {**json.loads(stored)["input"]}


def test_what_is_for_another_architecture_is_refused_before_a_file_is_opened(
    tiny_artifact: Tiny, tmp_path: Path
) -> None:
    requires = replace(Manifest.read(tiny_artifact.folder).requires, arch="riscv64", features=())
    foreign = changed_copy(tiny_artifact.folder, tmp_path / "foreign", requires=requires)
    for path in foreign.glob("*.so*"):
        path.unlink()
    with pytest.raises(IncompatibleHost, match="it is for riscv64 processors, this one is"):
        Detector.load(foreign)
