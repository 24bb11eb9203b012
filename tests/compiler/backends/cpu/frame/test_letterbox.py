"""The letterbox arithmetic against Python's own."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import tvm_ffi
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tvm.script import tirx as T

from tests.compiler.backends.cpu.frame.harness import HOST, compile_kernel
from tests.compiler.backends.cpu.frame.references import placement
from zcc.compiler.backends.cpu.frame.letterbox import gains, margin, resized
from zcc.runtime.manifest import InputSpec

SPECS = (InputSpec(640, 640), InputSpec(384, 672), InputSpec(320, 96, resize="stretch"))
SIDES = st.integers(1, 20000)


@functools.cache
def geometry(spec: InputSpec) -> Any:
    """A kernel that computes nothing else."""

    @T.prim_func
    def compute(height: T.int32, width: T.int32, gain_handle: T.handle, place_handle: T.handle) -> None:
        T.func_attr({"global_symbol": "compute"})
        gain = T.match_buffer(gain_handle, (2,), "float64", align=8)
        place = T.match_buffer(place_handle, (4,), "int32", align=4)
        down, across = T.meta_var(gains(spec, height, width))
        gain[0] = down
        gain[1] = across
        place[0] = resized(height, down)
        place[1] = resized(width, across)
        place[2] = margin(spec.height, place[0])
        place[3] = margin(spec.width, place[1])

    return compile_kernel(compute, HOST)


@settings(max_examples=300)
@given(st.sampled_from(SPECS), SIDES, SIDES)
@example(SPECS[0], 1, 1)
@example(SPECS[0], 1, 20000)
@example(SPECS[0], 1280, 1281)
@example(SPECS[1], 256, 129)
def test_every_rounding_is_pythons(spec: InputSpec, height: int, width: int) -> None:
    gain, place = np.empty(2), np.empty(4, np.int32)
    geometry(spec)(height, width, tvm_ffi.from_dlpack(gain), tvm_ffi.from_dlpack(place))
    assert (*gain.tolist(), *place.tolist()) == placement(spec, height, width)
