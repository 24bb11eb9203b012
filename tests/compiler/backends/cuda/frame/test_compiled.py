"""The frame kernels become programs for every architecture, within what its cards have."""

from __future__ import annotations

import pytest

from tests.compiler.backends.cuda.frame.raw_maps import anchored, dfl
from zcc.compiler.backends.cuda.check_plan import check_plan
from zcc.compiler.backends.cuda.frame.heads import DecodedHead, FrameHead
from zcc.compiler.backends.cuda.frame.image_layout import ImageLayout
from zcc.compiler.backends.cuda.frame.kernels import FrameKernels
from zcc.compiler.backends.cuda.frame.part import join
from zcc.compiler.ir.heads.head import Head
from zcc.runtime.executors.frame_block import PARAMETERS_SIZE, ResultLayout
from zcc.runtime.executors.plan import Place, Plan
from zcc.runtime.manifest import InputSpec

SPEC = InputSpec(640, 640)
HEADS: dict[str, FrameHead] = {
    "dfl": dfl(SPEC, 80, 0.0, "float16").cuda,
    "anchors": anchored(SPEC, 80, 0.0, "float16").cuda,
    "decoded": DecodedHead(Head("test", "output", 8400, 80, objectness=False, candidates_last=True), Place("arena")),
    "final": DecodedHead(
        Head("test", "o", 300, 80, objectness=False, candidates_last=False, final=True), Place("arena")
    ),
}


@pytest.mark.parametrize("arch", ["sm_75", "sm_80", "sm_86", "sm_90", "sm_120"])
@pytest.mark.parametrize("name", HEADS)
def test_no_kernel_spills_registers(name: str, arch: str) -> None:
    kernels = FrameKernels(SPEC, ImageLayout("float16", SPEC.width), HEADS[name], 300)
    sources = (
        (kernels.preprocess_source, kernels.postprocess_source) if name == "dfl" else (kernels.postprocess_source,)
    )
    for source in sources:
        for kernel, taken in source.compile(arch).kernels.items():
            assert taken.spilled_bytes == taken.stack_bytes == 0, kernel
            assert taken.registers <= 64, kernel


@pytest.mark.parametrize("name", HEADS)
def test_the_launches_are_a_right_plan(name: str) -> None:
    kernels = FrameKernels(SPEC, ImageLayout("float16", SPEC.width), HEADS[name], 300)
    image, scratch = Place("arena", 64 << 20), Place("arena", 80 << 20)
    sizes = {
        "weights": 0,
        "arena": scratch.offset + kernels.scratch_bytes,
        "parameters": PARAMETERS_SIZE,
        "result": ResultLayout(300).size,
    }
    launches = join([kernels.preprocess(image, scratch), kernels.postprocess(scratch)])
    zeroed = (*kernels.zeroed(scratch), *HEADS[name].reads())
    check_plan(Plan("sm_75", sizes, ("preprocess", "postprocess"), launches, zeroed=zeroed))
