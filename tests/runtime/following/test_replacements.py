"""What may take over from the detector that runs, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from tests.compiler.bare_heads import distributed
from tests.runtime.conftest import FAST, SLOW, Pair
from tests.runtime.following.tags import FRAME, Stays, follow, move, publish
from tests.runtime.samples import assert_same, changed_copy, noise
from tests.runtime.waiting import wait_for
from zcc.compiler.compile import CompileOptions, compile_model
from zcc.registry import Registry
from zcc.runtime import Detector, Following
from zcc.runtime.agreement import agreement
from zcc.runtime.manifest import InputSpec


def test_what_disagrees_on_the_last_frame_is_refused_and_not_tried_again(
    prod: Pair, tmp_path: Path, caplog: pytest.LogCaptureFixture, stays: Stays
) -> None:
    other = changed_copy(prod.folders[FAST], tmp_path / "other", scale=-1.0, created="2030-01-01")
    with follow(prod, Following(agreement=1.0, interval=0.05)) as detector:
        expected = detector(FRAME)
        publish(prod, other)
        wait_for(lambda: "is refused" in caplog.text)
        assert "of the last frame's detections" in caplog.text
        move(prod, FAST)
        publish(prod, other)
        stays(detector, FAST)
        assert caplog.text.count("is refused") == 1
        assert_same(detector(FRAME), expected)
        detector.swap()
        assert detector.manifest.created == "2030-01-01", "by hand it can be forced"


def test_what_agrees_enough_takes_over(prod: Pair, stays: Stays) -> None:
    before, after = (prod.load(target)(FRAME) for target in (FAST, SLOW))
    share = agreement(before, after)
    assert 0 < share < 1
    with follow(prod, Following(agreement=share + 1e-6, interval=0.05)) as strict:
        with follow(prod, Following(agreement=share - 1e-6, interval=0.05)) as lenient:
            strict(FRAME)
            lenient(FRAME)
            move(prod, SLOW)
            wait_for(lambda: lenient.manifest.target == SLOW)
        stays(strict, FAST)


def test_replacements_are_tried_on_frames_of_the_format_that_was_last_seen(
    prod: Pair, caplog: pytest.LogCaptureFixture
) -> None:
    with follow(prod, Following(agreement=1.0, interval=0.05)) as detector:
        detector(noise(72, 64)[..., 0].copy(), format="nv12")
        move(prod, SLOW)
        wait_for(lambda: "of the last frame's detections" in caplog.text)


def test_before_the_first_frame_there_is_nothing_to_agree_on(prod: Pair) -> None:
    with follow(prod, Following(agreement=1.0, interval=0.05)) as detector:
        move(prod, SLOW)
        wait_for(lambda: detector.manifest.target == SLOW)


def test_a_damaged_replacement_is_refused(prod: Pair, caplog: pytest.LogCaptureFixture, stays: Stays) -> None:
    weights = prod.folders[SLOW] / "weights.bin"
    damaged = bytearray(weights.read_bytes())
    damaged[100] ^= 255
    weights.unlink()
    weights.write_bytes(damaged)
    with follow(prod) as detector:
        expected = detector(FRAME)
        move(prod, SLOW)
        wait_for(lambda: "is not the file that was published" in caplog.text)
        stays(detector, FAST)
        assert_same(detector(FRAME), expected)


@pytest.mark.parametrize("scale", [float("nan"), float("inf")])
def test_a_replacement_whose_numbers_are_none_is_refused(
    prod: Pair, tmp_path: Path, caplog: pytest.LogCaptureFixture, scale: float, stays: Stays
) -> None:
    with np.errstate(invalid="ignore"), follow(prod) as detector:
        detector(FRAME)
        publish(
            prod,
            changed_copy(prod.folders[FAST], tmp_path / "broken", scale=scale, created="2030-01-01"),
        )
        wait_for(lambda: "is refused" in caplog.text)
        stays(detector, FAST)
        assert detector.manifest.created != "2030-01-01"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"classes": ("new", "class1", "class2", "class3")}, "its class 0 is 'new', not 'class0'"),
        ({"input": InputSpec(64, 64, color="rgb")}, "it reads frames as rgb, not bgr"),
    ],
)
def test_a_replacement_that_means_other_things_is_refused(
    prod: Pair, tmp_path: Path, caplog: pytest.LogCaptureFixture, changes: dict[str, Any], told: str, stays: Stays
) -> None:
    with follow(prod) as detector:
        publish(prod, changed_copy(prod.folders[FAST], tmp_path / "other", **changes))
        wait_for(lambda: told in caplog.text)
        stays(detector, FAST)


def test_a_replacement_of_another_size_with_a_class_more_takes_over_and_gives_way_again(
    prod: Pair, tmp_path: Path
) -> None:
    model, registry = tmp_path / "tiny.onnx", Registry.open(prod.home)
    onnx.save(distributed(5, (32, 96)), model)
    with follow(prod) as detector:
        before = detector(FRAME)
        [made] = compile_model(CompileOptions(model), registry)
        registry.tag(made.manifest.digest, "prod")
        wait_for(lambda: detector.manifest.input.width == 96)
        assert len(detector.manifest.classes) == 5
        assert_same(detector(FRAME), Detector.load(made.folder)(FRAME))
        registry.rollback("tiny", "prod")
        wait_for(lambda: detector.manifest.input.width == 64)
        assert_same(detector(FRAME), before)
