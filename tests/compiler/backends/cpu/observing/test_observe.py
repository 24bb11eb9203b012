"""What is observed, against ONNX Runtime's values of every map."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import onnx
import pytest

from tests.compiler import bare_heads
from tests.compiler.loaded import load_here
from tests.compiler.precision.samples import frames, maps_of, sample, sample_of
from tests.onnx_models.tasks import build_task
from zcc.compiler.backends.cpu.observing.observe import observe, summarise
from zcc.compiler.backends.cpu.program.surroundings import frame_of
from zcc.compiler.backends.cpu.targets.table import native_target
from zcc.compiler.importing.imported import import_model
from zcc.compiler.ir.ops import Concat
from zcc.compiler.precision.histogram import ValueHistogram
from zcc.runtime.errors import BuildError
from zcc.runtime.manifest import InputSpec

CASES = {
    "v8, channels that fill no block": ("yolov8", {"width": 12, "classes": 7, "imgsz": (64, 96)}),
    "11": ("yolo11", {}),
}


@pytest.mark.parametrize("case", CASES)
def test_statistics_of_every_map_equal_onnx_runtime(case: str, tmp_path: Path) -> None:
    family, options = CASES[case]
    detector = sample(tmp_path, family, **options)
    pictures = frames(3, (detector.spec.height, detector.spec.width))
    before = [[part.name for part in op.parts] for op in detector.network.ops if isinstance(op, Concat)]
    seen = observe(detector.network, native_target(), detector.frame_of, pictures)
    # Pictures of the network's own size go in as they are.
    images = [np.float32(p[None, ..., ::-1].transpose(0, 3, 1, 2)) / np.float32(255) for p in pictures]
    expected = [maps_of(detector.network, detector.body, image) for image in images]
    assert set(seen) == {detector.network.image, *expected[0]}
    for tensor in expected[0]:
        values = np.stack([maps[tensor] for maps in expected])
        slack = 1e-4 * max(np.abs(values).max(), 1e-3)
        found = seen[tensor]
        np.testing.assert_allclose(found.means, values.mean(axis=(0, 1, 3, 4), dtype=np.float64), atol=slack)
        np.testing.assert_allclose(
            [found.histogram.low, found.histogram.high], [values.min(), values.max()], atol=slack
        )
        assert found.histogram.total == values.size
        # Nearly all values are in the very bin; a value at an edge may fall to either side.
        moved = np.abs(np.histogram(values, found.histogram.edges)[0] - found.histogram.counts).sum()
        assert moved <= 0.02 * values.size
    after = [[part.name for part in op.parts] for op in detector.network.ops if isinstance(op, Concat)]
    assert after == before


def test_holes_do_not_count() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(0, 1, (2, 5, 6, 8)).astype(np.float32)
    channels = np.array([0, 1, 2, -1, -1, -1, -1, -1, 3, 4, 5, 6, 7, 8, 9, -1])
    values[0, :, :, 3:] = np.nan
    values[1, :, :, 7] = 1e9
    found = summarise(values, channels)
    held = np.concatenate([values[0, :, :, :3], values[1, :, :, :7]], axis=2)
    np.testing.assert_allclose(found.means, held.mean(axis=(0, 1)), rtol=1e-5, atol=1e-6)
    assert found.histogram.total == held.size
    np.testing.assert_array_equal(found.histogram.counts, ValueHistogram.of(held).counts)


def test_values_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    detector = sample_of(bare_heads.anchors(3, (64, 64)), tmp_path)
    conv = detector.body[0]
    conv.bias[0] = np.inf  # type: ignore[attr-defined]
    with pytest.raises(BuildError, match=conv.out.name):
        observe(detector.network, native_target(), detector.frame_of, frames(1, (64, 64)))


@pytest.mark.parametrize("task", ["classify", "pose"])
def test_models_of_every_task_are_observed(task: str, tmp_path: Path) -> None:
    """Their modules leave more than boxes, or none at all."""
    onnx.save(build_task(task), tmp_path / "model.onnx")
    model = load_here(tmp_path / "model.onnx")
    source = import_model(model, InputSpec(64, 64, resize="crop" if task == "classify" else "letterbox"), 10)
    network = source.network()
    seen = observe(network, native_target(), partial(frame_of, source), frames(1, (64, 64)))
    assert {tensor for tensor in seen if tensor is not network.image} <= {op.out for op in network.ops}
    assert all(found.histogram.total for found in seen.values())
