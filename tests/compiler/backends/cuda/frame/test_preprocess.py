"""The preprocess kernel for CUDA makes what the CPU's makes, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest

from tests.compiler.backends.cpu.frame.harness import HOST, preprocess
from tests.compiler.backends.cpu.frame.yuv import noise, planes
from tests.compiler.backends.cuda.frame.on_host import FrameOnHost
from tests.compiler.backends.cuda.host_device import needs_compiler
from zcc.compiler.backends.cpu.frame.formats import formats_of
from zcc.compiler.backends.cuda.frame.heads import DecodedHead
from zcc.compiler.backends.cuda.frame.image_layout import ImageLayout
from zcc.compiler.ir.heads.head import Head
from zcc.runtime.executors.plan import Place
from zcc.runtime.manifest import InputSpec

HEAD = DecodedHead(Head("test", "output", 8, 1, objectness=False, candidates_last=True), Place("arena"))
HEAD_BYTES = 4 * 8 * 5
LETTERBOX, STRETCH = InputSpec(36, 64), InputSpec(40, 33, color="rgb", resize="stretch")
SIZES = ((2, 2), (2, 30), (36, 64), (90, 44), (121, 203))


def frame_kernels(spec: InputSpec, dtype: str, gap: int = 3, scale: float = 1.0) -> FrameOnHost:
    return FrameOnHost(spec, ImageLayout(dtype, spec.width + gap, scale), HEAD, head_bytes=HEAD_BYTES)


@needs_compiler
@pytest.mark.parametrize("spec", [LETTERBOX, STRETCH], ids=["letterbox", "stretch"])
def test_every_format_and_size_as_on_the_cpu(spec: InputSpec) -> None:
    kernels = frame_kernels(spec, "uint8")
    for seed, (name, size) in enumerate((name, size) for name in formats_of(spec) for size in SIZES):
        even = (size[0] & ~1, size[1] & ~1) if name in ("nv12", "i420") else size
        parts = planes(name, noise(name, *even, seed))
        cpu = preprocess(spec, HOST, "uint8", name)
        np.testing.assert_array_equal(kernels.preprocess(parts, name), cpu(*parts), err_msg=f"{name} {even}")
        kernels.postprocess(np.zeros(HEAD_BYTES, np.uint8), None, 0.5, 0.5)
        assert kernels.edges == cpu.share[0], (name, even)


@needs_compiler
@pytest.mark.parametrize(("dtype", "scale"), [("float16", 1.0), ("float32", 1 / 255), ("bfloat16", 1.0)])
def test_every_type_holds_the_levels_times_the_scale(dtype: str, scale: float) -> None:
    frame = noise("bgr", 50, 90)
    levels = preprocess(LETTERBOX, HOST, "uint8", "bgr")(frame).astype(np.float32) * np.float32(scale)
    image = frame_kernels(LETTERBOX, dtype, scale=scale).preprocess((frame,), "bgr")
    wanted = levels.view(np.uint32) >> 16 if dtype == "bfloat16" else levels.astype(dtype)
    np.testing.assert_array_equal(image, wanted)


@needs_compiler
def test_nothing_beside_the_image_is_written() -> None:
    kernels = frame_kernels(LETTERBOX, "float16", gap=5)
    kernels.preprocess((noise("gray", 20, 30),), "gray")
    room = kernels.device.memory["arena"][kernels.image.offset :].view(np.uint64)[: 36 * (64 + 5)]
    assert not room.reshape(36, 69)[:-1, 64:].any()
