"""From statistics to quantisations: what is tied shares one, and bytes cover what was seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.compiler import bare_heads
from tests.compiler.precision.samples import Sample, frames, maps_of, sample, sample_of
from zcc.compiler.backends.cpu.observing.observe import MapStatistics, observe, summarise
from zcc.compiler.backends.cpu.targets.table import native_target
from zcc.compiler.ir.ops import Concat, Conv, MaxPool, Resize, Slice
from zcc.compiler.ir.quantisation import IMAGE
from zcc.compiler.ir.tensors import Tensor
from zcc.compiler.precision.calibrate import Calibration, calibrate
from zcc.compiler.precision.calibrators import CALIBRATORS
from zcc.runtime.errors import UsageError


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    return sample(tmp_path_factory.mktemp("model"), "yolov8")


@pytest.fixture(scope="module")
def seen(detector: Sample) -> dict[Tensor, MapStatistics]:
    found: dict[Tensor, MapStatistics] = {}
    for seed in range(3):
        image = np.random.default_rng(seed).random(detector.network.image.shape, np.float32)
        values = {detector.network.image: image, **maps_of(detector.network, detector.body, image)}
        for tensor, value in values.items():
            one = summarise(value.transpose(0, 2, 3, 1), np.arange(value.shape[1]))
            found[tensor] = found[tensor] + one if tensor in found else one
    return found


@pytest.mark.parametrize("method", CALIBRATORS)
def test_what_moves_bytes_has_one_quantisation(
    method: str, detector: Sample, seen: dict[Tensor, MapStatistics]
) -> None:
    found = calibrate(detector.network, seen, method).quantisations
    for op in detector.body:
        if isinstance(op, Concat | MaxPool | Resize | Slice):
            assert len({found[tensor.name] for tensor in (*op.inputs, op.out)}) == 1
    assert found[detector.network.image.name] == IMAGE


def test_maps_that_no_convolution_reads_stay_in_float(detector: Sample, seen: dict[Tensor, MapStatistics]) -> None:
    found = calibrate(detector.network, seen)
    read = {op.x.name for op in detector.body if isinstance(op, Conv)}
    assert read <= found.quantisations.keys()
    assert found.quantisations.keys().isdisjoint(tensor.name for tensor in detector.network.maps)
    assert found.means.keys() >= read


def test_minmax_covers_every_value_of_a_group(detector: Sample, seen: dict[Tensor, MapStatistics]) -> None:
    found = calibrate(detector.network, seen, "minmax").quantisations
    for tensor, statistics in seen.items():
        if tensor.name in found:
            q, histogram = found[tensor.name], statistics.histogram
            assert q.low - q.scale / 2 <= histogram.low * 0.9999 and histogram.high <= (q.high + q.scale / 2) * 1.0001


def as_text(calibration: Calibration) -> str:
    means = {name: values.tobytes().hex() for name, values in calibration.means.items()}
    return repr((calibration.quantisations, means))


def test_the_same_frames_give_the_same_scales(tmp_path: Path) -> None:
    detector = sample_of(bare_heads.anchors(3, (64, 96)), tmp_path)
    pictures = frames(4, (50, 90))
    runs = [observe(detector.network, native_target(), detector.frame_of, pictures) for _ in range(2)]
    for method in CALIBRATORS:
        one, other = (as_text(calibrate(detector.network, run, method)) for run in runs)
        assert one == other


def test_unknown_methods_are_refused(detector: Sample, seen: dict[Tensor, MapStatistics]) -> None:
    with pytest.raises(UsageError, match="minmax"):
        calibrate(detector.network, seen, "median")
