"""The block of a frame says what the CPU's kernels find out themselves."""

from __future__ import annotations

import pytest

from tests.compiler.backends.cpu.frame.references import placement
from zcc.runtime.executors.frame_block import FRAME, PARAMETERS_SIZE, PLACE, ResultLayout, letterbox
from zcc.runtime.manifest import InputSpec


@pytest.mark.parametrize("spec", [InputSpec(640, 640), InputSpec(384, 640), InputSpec(640, 480, resize="stretch")])
def test_the_picture_lies_where_opencv_would_put_it(spec: InputSpec) -> None:
    for size in ((1080, 1920), (1, 1), (1, 5000), (333, 77), (640, 640), (641, 639)):
        place = letterbox(spec, *size)
        down, across, height, width, top, left = placement(spec, *size)
        assert (place.height, place.width, place.top, place.left) == (height, width, top, left), size
        assert (place.gain_down, place.gain_across) == (down, across)
        assert PLACE.unpack(place.packed())[:4] == (size[0] / height, size[1] / width, *size)


def test_the_blocks_are_as_large_as_the_kernels_think() -> None:
    assert (FRAME.size, PARAMETERS_SIZE) == (48, 96)
    layout = ResultLayout(300)
    assert (layout.boxes, layout.scores, layout.classes, layout.size) == (16, 4816, 6016, 7216)
