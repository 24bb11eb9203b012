"""The postprocess kernel against a plain numpy reference."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.compiler.backends.cpu.frame.harness import HOST, MACHINES, Detections, Machine, postprocess
from tests.compiler.backends.cpu.frame.references import detections
from zcc.compiler.ir.heads.head import Head
from zcc.runtime.manifest import InputSpec

SPEC = InputSpec(640, 640)
FRAME = (1080, 1920)


def head(candidates: int, classes: int, **layout: bool) -> Head:
    layout = {"objectness": False, "candidates_last": False, "final": False} | layout
    return Head("test", "output", candidates, classes, **layout)


V8 = head(8400, 80, candidates_last=True)
V5 = head(25200, 80, objectness=True)
FAMILIES = {
    "columns": V8,
    "rows": head(2100, 80),
    "rows of few classes": head(2100, 6),
    "rows of one class": head(525, 1),
    "rows of an odd number": head(333, 21),
    "objectness": head(1575, 80, objectness=True),
    "objectness in columns": head(1575, 7, objectness=True, candidates_last=True),
    "columns of one class": head(21, 1, candidates_last=True),
    "fewer than a vector": head(5, 3, candidates_last=True),
    "final": head(300, 80, final=True),
    "every class counts": head(333, 7, candidates_last=True, every_class=True),
    "every class counts, with objectness": head(21, 3, objectness=True, every_class=True),
    "corners": head(333, 7, corners=True),
    "final in columns": head(300, 2, final=True, candidates_last=True),
}


def scene(kind: Head, crowd: float, seed: int = 0) -> NDArray[np.float32]:
    """An output in which a share of the candidates scores high; scores are coarse, so that many tie."""
    rng = np.random.default_rng(seed)
    rows = np.empty((kind.candidates, kind.attributes), np.float32)
    centre, size = rng.uniform(0, 640, (2, kind.candidates, 2))
    rows[:, :2], rows[:, 2:4] = centre, size * rng.choice([0, 0.1, 0.5], size.shape)
    hot = rng.random(kind.candidates) < crowd
    score = np.where(hot, rng.integers(30, 100, hot.size), rng.integers(0, 25, hot.size)) / 100
    if kind.final:
        rows[:, 2:4] += rows[:, :2]
        rows[:, 4], rows[:, 5] = score, rng.integers(0, kind.classes, hot.size)
    else:
        rows[:, -kind.classes :] = rng.integers(0, 20, (kind.candidates, kind.classes)) / 100
        rows[np.arange(hot.size), rng.integers(-kind.classes, 0, hot.size)] = score
    if kind.objectness:
        rows[:, 4] = np.where(hot, 0.95, rng.random(hot.size))
    return laid_out(rows, kind)


def laid_out(rows: NDArray[np.float32], kind: Head) -> NDArray[np.float32]:
    return np.ascontiguousarray(rows.T if kind.candidates_last else rows)[None]


def assert_same(found: Detections, wanted: Detections) -> None:
    np.testing.assert_array_equal(found.labels, wanted.labels)
    np.testing.assert_array_equal(found.scores, wanted.scores)
    np.testing.assert_allclose(found.boxes, wanted.boxes, rtol=1e-5, atol=1e-3)


def check(
    kind: Head,
    output: NDArray[np.float32],
    *,
    spec: InputSpec = SPEC,
    size: tuple[int, int] = FRAME,
    conf: float = 0.25,
    iou: float = 0.45,
    max_det: int = 300,
    machine: Machine = HOST,
) -> int:
    """Compare with the reference; gives the number of detections."""
    found = postprocess(kind, spec, max_det, machine)(output, size, conf, iou)
    assert_same(found, detections(output, kind, spec, size, conf, iou, max_det))
    return len(found.scores)


@pytest.mark.parametrize("kind", FAMILIES.values(), ids=list(FAMILIES))
def test_every_layout_equals_the_reference(kind: Head) -> None:
    counts = [check(kind, scene(kind, crowd)) for crowd in (0, 0.05, 1)]
    assert counts[0] == 0
    assert 0 < counts[2] <= 300


@pytest.mark.parametrize("kind", [V8, V5], ids=["v8", "v5"])
def test_every_candidate_above_the_threshold(kind: Head) -> None:
    assert check(kind, scene(kind, 1.0), conf=0.0) == 300


def test_more_kept_than_any_limit() -> None:
    kind = head(2100, 80)
    assert check(kind, scene(kind, 1.0), conf=0.0, max_det=3000) > 1000


@pytest.mark.parametrize("spec", [SPEC, InputSpec(320, 96, resize="stretch")], ids=str)
@pytest.mark.parametrize("size", [(1080, 1920), (1920, 1080), (640, 640), (1, 1), (1, 5000), (33, 7)], ids=str)
def test_boxes_come_back_to_the_frame(size: tuple[int, int], spec: InputSpec) -> None:
    kind = head(333, 3)
    assert check(kind, scene(kind, 0.5), spec=spec, size=size) > 0


@pytest.mark.parametrize(
    ("conf", "iou", "max_det"),
    [*itertools.product((-1.0, 0.0, 0.5, 1.0, float("inf")), (0.0, 0.45, 1.0), (1, 300)), (0.25, -1.0, 300)],
)
def test_thresholds(conf: float, iou: float, max_det: int) -> None:
    kind = head(333, 3)
    check(kind, scene(kind, 0.3), conf=conf, iou=iou, max_det=max_det)


def test_equal_scores_leave_the_lower_index_first() -> None:
    kind = head(2100, 1, candidates_last=True)
    output = scene(kind, 1.0)
    output[0, 4] = 0.5
    check(kind, output)


def test_one_box_many_times_leaves_one_per_class() -> None:
    kind = head(2100, 6)
    output = scene(kind, 1.0)
    output[..., :4] = 100, 100, 50, 50
    assert check(kind, output) == 6


def test_boxes_without_area_never_suppress() -> None:
    kind = head(200, 1)
    output = scene(kind, 1.0)
    output[..., 2:4] = 0
    assert check(kind, output) == 200


def test_nan_scores_are_never_kept() -> None:
    kind = head(333, 3)
    output = scene(kind, 1.0)
    output[0, ::2, 4:] = np.nan
    output[0, 1::4, 5] = np.nan
    assert 0 < check(kind, output, iou=1.0) <= 166


def test_infinite_scores_come_first() -> None:
    kind = head(333, 3)
    output = scene(kind, 0.5)
    output[0, 17, 4:] = -np.inf, np.inf, 0.5
    output[0, 18, 4:] = -np.inf
    check(kind, output, conf=-float("inf"))


def test_zeros_of_either_sign_are_equal() -> None:
    kind = head(40, 1)
    output = scene(kind, 1.0)
    output[0, :, 4] = np.where(np.arange(40) % 3, -0.0, 0.0)
    assert check(kind, output, conf=-1.0) > 1


@pytest.mark.parametrize("rubbish", [np.nan, np.inf, -np.inf, 3e38])
def test_rubbish_boxes_stay_inside_the_frame(rubbish: float) -> None:
    kind = head(333, 3)
    output = scene(kind, 1.0)
    output[0, ::3, 0] = rubbish
    output[0, ::5, 3] = rubbish
    found = postprocess(kind, SPEC, 300, HOST)(output, FRAME, 0.25, 0.45)
    assert len(found.scores) > 0
    assert (found.boxes >= 0).all() and (found.boxes <= [1920, 1080] * 2).all()


def test_final_rows_with_a_strange_class_are_pulled_into_range() -> None:
    kind = head(300, 5, final=True)
    output = scene(kind, 1.0)
    output[0, :4, 5] = -3, 7, np.nan, np.inf
    found = postprocess(kind, SPEC, 300, HOST)(output, FRAME, 0.25, 0.45)
    assert len(found.labels) == 300
    assert set(found.labels.tolist()) <= set(range(5))


def test_overlap_is_rounded_as_torchvision_rounds_it() -> None:
    """At the threshold exactly a box stays, one step below it goes."""
    kind, rng = head(2, 1), np.random.default_rng(5)
    kernel = postprocess(kind, SPEC, 300, HOST)
    for _ in range(200):
        output = np.ones((1, 2, 5), np.float32)
        output[0, :, :2], output[0, :, 2:4] = rng.uniform(90, 110, (2, 2)), rng.uniform(40, 60, (2, 2))
        low, high = output[0, :, :2] - output[0, :, 2:4] / 2, output[0, :, :2] + output[0, :, 2:4] / 2
        shared = np.prod(np.minimum(*high) - np.maximum(*low))
        areas = np.prod(high - low, axis=1)
        overlap = shared / (areas[0] + areas[1] - shared)
        assert len(kernel(output, FRAME, 0.25, overlap).scores) == 2
        assert len(kernel(output, FRAME, 0.25, np.nextafter(overlap, np.float32(0))).scores) == 1


SCORES = st.sampled_from([0.0, -0.0, 0.2, 0.25, 0.5, 0.9, 1.0, float("nan"), float("inf")])
PLACES = st.sampled_from([0.0, 10.0, 11.0, 12.5, 300.0, 639.0])
SIDES = st.sampled_from([0.0, 1.0, 10.0, 20.0, 400.0])


@settings(max_examples=80)
@given(
    st.data(),
    st.sampled_from([{}, {"objectness": True}, {"candidates_last": True}]),
    st.sampled_from(MACHINES),
)
def test_any_output_equals_the_reference(data: st.DataObject, layout: dict[str, bool], machine: Machine) -> None:
    kind = head(23, 3, **layout)
    row = st.tuples(PLACES, PLACES, SIDES, SIDES, *[SCORES] * (kind.attributes - 4))
    rows = np.array(data.draw(st.lists(row, min_size=23, max_size=23)), np.float32)
    conf, iou = data.draw(st.sampled_from([0.0, 0.25, 0.6])), data.draw(st.sampled_from([0.0, 0.3, 0.5, 1.0]))
    check(kind, laid_out(rows, kind), conf=conf, iou=iou, max_det=10, machine=machine)
