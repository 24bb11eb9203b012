"""Networks and detectors on a card, where this machine has one: what they compute against ONNX Runtime."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from tests.compiler.backends.cpu.kernels.test_attention import area_model
from tests.compiler.backends.cuda.card import CARD, needs_card, on_card
from tests.compiler.backends.cuda.test_lower import SIZE, TOLERANCE, expected_maps, imported
from tests.compiler.backends.cuda.test_plain_operations import best_channel_model
from tests.compiler.harness import reference
from tests.onnx_models import build
from zcc.compiler.backends.cuda.kernels.conv_mma import ConvMma, Tile
from zcc.compiler.backends.cuda.pipeline import lower_network
from zcc.compiler.backends.cuda.program import build_program
from zcc.compiler.backends.cuda.tile_records import write_tile
from zcc.compiler.importing.fuse import fuse
from zcc.compiler.importing.read_network import read_network
from zcc.compiler.importing.relax_module import import_proto
from zcc.runtime.executors.cuda import CudaExecutor

FAMILIES = ("yolov3-tiny", "yolov5", "yolov8", "yolo11", "yolov10", "yolov8-nms")

# Tiles whose map lies in shared memory once, where a convolution lets it.
PATCHED = {
    write_tile(tile): tile
    for tile in (
        Tile(64, 32, patch=True, early=1),
        Tile(128, 64, row=64, warps=(4, 2), stages=3, patch=True, early=1),
        Tile(64, 64, warps=(2, 4), split=2, patch=True, early=1),
    )
}

pytestmark = needs_card


@pytest.mark.parametrize("precision", ["fp32", "tf32", "fp16", "bf16"])
@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_computes_what_onnx_runtime_does(family: str, precision: str, tmp_path: Path) -> None:
    source = imported(family, tmp_path)
    image = np.random.default_rng(0).random((3, *SIZE), np.float32)
    if source.raw is not None:
        wanted = expected_maps(source, image)
    else:
        session = onnxruntime.InferenceSession(source.model.proto.SerializeToString())
        wanted = [np.asarray(session.run([source.model.head.output], {source.model.input: image[None]})[0][0])]
    found = on_card(lower_network(source.network(), CARD, precision), image)
    for actual, expected in zip(found, wanted, strict=True):
        error = np.abs(actual[: len(expected)] - expected).max()
        assert error <= TOLERANCE[precision] * np.abs(expected).max()


@pytest.mark.parametrize("precision", ["tf32", "fp16", "bf16"])
@pytest.mark.parametrize("tile", PATCHED)
def test_tiles_with_patches(tile: str, precision: str, tmp_path: Path) -> None:
    source = imported("yolov8", tmp_path)
    image = np.random.default_rng(0).random((3, *SIZE), np.float32)
    planned = lower_network(source.network(), CARD, precision, lambda product: PATCHED[tile])
    assert any(isinstance(spec, ConvMma) and spec.across for spec in planned.specs)
    for actual, expected in zip(on_card(planned, image), expected_maps(source, image), strict=True):
        error = np.abs(actual[: len(expected)] - expected).max()
        assert error <= TOLERANCE[precision] * np.abs(expected).max()


@pytest.mark.parametrize(
    ("heads", "areas", "key", "value", "size"),
    [(2, 4, 32, 32, (8, 10)), (1, 3, 5, 9, (9, 7)), (2, 2, 8, 8, (3, 4)), (4, 4, 32, 32, (40, 40))],
)
def test_attention_in_areas(heads: int, areas: int, key: int, value: int, size: tuple[int, int]) -> None:
    proto = area_model(heads, areas, key, value, size)
    image = np.random.default_rng(1).random((1, 3, *size)).astype(np.float32)
    expected = reference(proto, image)[0]
    [actual] = on_card(lower_network(fuse(read_network(import_proto(proto))), CARD, "fp32"), image[0])
    np.testing.assert_allclose(actual[: len(expected)], expected, rtol=1e-3, atol=1e-3)


def test_numbers_of_the_best() -> None:
    proto, image = best_channel_model(), np.random.default_rng(6).random((1, 3, *SIZE)).astype(np.float32)
    [found] = on_card(lower_network(fuse(read_network(import_proto(proto))), CARD, "fp32"), image[0])
    np.testing.assert_allclose(found, reference(proto, image)[0], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("family", ["yolov10", "yolov8-nms"])
def test_files_that_choose_themselves_find_the_same(family: str, tmp_path: Path) -> None:
    source = imported(family, tmp_path)
    frame = np.random.default_rng(4).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    image = np.ascontiguousarray(frame[..., ::-1].transpose(2, 0, 1)[None], np.float32) / 255
    session = onnxruntime.InferenceSession(build(family, imgsz=SIZE, classes=7).SerializeToString())
    rows = np.asarray(session.run(None, {session.get_inputs()[0].name: image})[0][0])
    rows = rows[rows[:, 4] > 0.3]
    source = replace(source, max_det=min(300, source.model.head.candidates))  # no more than the file gives
    executor = CudaExecutor(build_program(source, source.network(), CARD, "fp32"))
    found = executor.run(frame, 0.3, 0.9)
    executor.close()
    assert len(found) == len(rows) > 0
    np.testing.assert_allclose(found.scores, rows[:, 4], atol=1e-4)
    height, width = SIZE
    boxes = rows[:, :4].clip(0, [width, height, width, height])
    order = np.lexsort((boxes[:, 0], -rows[:, 4].round(4)))
    np.testing.assert_allclose(
        found.boxes[np.lexsort((found.boxes[:, 0], -found.scores.round(4)))], boxes[order], atol=0.05
    )
