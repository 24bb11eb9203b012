"""What a loaded artifact says of a frame beside its boxes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.compiler.backends.cpu.frame import references
from tests.conftest import Tiny
from tests.runtime.samples import noise
from zcc.compiler.backends.cpu.frame.edges import EDGE_ROWS, EDGE_STEP
from zcc.runtime import Detector
from zcc.runtime.errors import IncompatibleHost
from zcc.runtime.manifest import InputSpec, Manifest
from zcc.runtime.variant import Variant


def edges(frame: NDArray[np.uint8], spec: InputSpec) -> tuple[float, float]:
    """The least and the largest share there may be, as OpenCV's grey levels may differ from the kernel's by one."""
    _, _, height, width, top, left = references.placement(spec, *frame.shape[:2])
    green = references.letterboxed(frame, spec)[1, top : top + height : EDGE_ROWS, left : left + width]
    steps = np.abs(np.diff(green, axis=1))
    return float((steps > EDGE_STEP + 2).mean()), float((steps > EDGE_STEP - 2).mean())


@pytest.mark.parametrize("size", [(64, 64), (300, 400), (37, 200), (640, 31)])
@pytest.mark.parametrize("contrast", [1, 4, 12])
def test_edges_tell_how_busy_a_frame_is(detector: Detector, size: tuple[int, int], contrast: int) -> None:
    frame = noise(*size) // np.uint8(contrast)
    least, most = edges(frame, detector.manifest.input)
    found = detector(frame).edges
    assert isinstance(found, float)
    assert least <= found <= most


def test_an_even_frame_has_no_edges_and_stripes_have_all(detector: Detector) -> None:
    stripes = np.zeros((64, 64, 3), np.uint8)
    assert detector(stripes).edges == 0.0
    stripes[:, ::2] = 255
    assert detector(stripes).edges == 1.0
    assert detector(stripes[:, :1]).edges == 0.0, "one column has no neighbours"


def test_code_that_this_process_may_not_run_is_refused_before_it_is_loaded(tiny_artifact: Tiny) -> None:
    known = Manifest.read(tiny_artifact.folder)
    lacking = replace(known, requires=replace(known.requires, features=(*known.requires.features, "time_travel")))
    with pytest.raises(IncompatibleHost, match="does not run here: this processor lacks time_travel; compile it for"):
        Variant(tiny_artifact.folder, lacking)
