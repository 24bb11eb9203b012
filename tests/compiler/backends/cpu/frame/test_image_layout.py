"""Layouts of the network's input."""

from __future__ import annotations

import pytest

from zcc.compiler.backends.cpu.frame.image_layout import BytePixels, FloatPlanes, image_layout
from zcc.runtime.manifest import InputSpec

SPEC = InputSpec(64, 96)


def test_layout_follows_the_input_type() -> None:
    planes, pixels = (image_layout(dtype, row_pitch=400, plane_pitch=30_000) for dtype in ("float32", "uint8"))
    assert planes == FloatPlanes(400, 30_000)
    assert (planes.dtype, planes.shape(SPEC), planes.strides()) == ("float32", (3, 64, 96), (30_000, 400, 1))
    assert pixels == BytePixels(400)
    assert (pixels.dtype, pixels.shape(SPEC), pixels.strides()) == ("uint8", (64, 96, 4), (400, 4, 1))


@pytest.mark.parametrize("pitch", [1, 255, 402])
def test_pitch_that_splits_pixels_is_refused(pitch: int) -> None:
    with pytest.raises(ValueError, match=f"pitch of {pitch} bytes"):
        BytePixels(pitch)
