"""What a card can do at most: the kernels that find out do what they say, and a card that is here is measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.compiler.backends.cuda.card import CARD, needs_card
from tests.compiler.backends.cuda.host_device import host_library, needs_compiler
from tests.compiler.backends.cuda.machine_code import operations
from tests.runtime.executors.pretended import driver_library, run
from zcc.compiler.backends.common.machine import arithmetic_of
from zcc.compiler.backends.cuda.card_limits import ARITHMETICS, CHAINS, FOOTPRINTS, VOLUME, limits_source, measure_card
from zcc.compiler.backends.cuda.frame.frame_source import Source
from zcc.compiler.backends.cuda.kernels.conv_mma import MULTIPLIED
from zcc.compiler.backends.cuda.nvrtc import compile_cuda
from zcc.runtime.executors.cuda_timing import IN_A_ROW

INSTRUCTION = {"tf32": "HMMA", "fp16": "HMMA", "bf16": "HMMA", "int8": "IMMA"}


def test_every_chain_of_products_is_there_and_stays_in_registers() -> None:
    compiled = compile_cuda(limits_source(ARITHMETICS), "sm_90")
    for name, resources in compiled.kernels.items():
        assert resources.spilled_bytes == resources.stack_bytes == 0, name
    for name, instruction in INSTRUCTION.items():
        count = operations(compiled.cubin, f"peak_{name}")[instruction]
        assert count >= CHAINS and count % CHAINS == 0, "none was found to be like another"
    assert {f"read_{size}" for size in FOOTPRINTS} <= set(compiled.kernels)


def test_older_cards_have_products_of_float16() -> None:
    assert set(compile_cuda(limits_source(["fp32", "fp16", "int8"]), "sm_75").kernels) > {"peak_fp16", "peak_int8"}


def test_kernels_are_held_against_what_they_multiply() -> None:
    assert {arithmetic_of(f"{word}_conv_0123") for word in MULTIPLIED.values()} == set(ARITHMETICS) - {"fp32"}
    assert arithmetic_of("conv_plain_0123") == "fp32"


@needs_compiler
def test_limits_are_work_over_the_time_of_launches(tmp_path: Path) -> None:
    """With kernels that do nothing, by a pretended driver whose clock says half a millisecond for each round."""
    names = ("peak_fp32", f"read_{1 << 20}")
    kernels = "".join(f'extern "C" __global__ void {name}(float *never) {{}}\n' for name in names)
    library = host_library(Source("limits", kernels, {}))
    (tmp_path / "cubin").write_text("\n".join((str(library), *(f"{name} 1" for name in names), "")) + "\0")
    code = f"""
from zcc.compiler.backends.cuda import card_limits
from zcc.compiler.backends.cuda.kept_code import Compiled
card_limits.BLOCKS, card_limits.TIMES, card_limits.FOOTPRINTS = 1, 1, (1 << 20,)
card_limits.compile_cuda = lambda source, arch: Compiled(open({str(tmp_path / "cubin")!r}, "rb").read(), b"", {{}})
found = card_limits.measure_card("sm_90", ["fp32"])
print(found.peaks["fp32"], found.bandwidth_of(1 << 20))
"""
    done = run(driver_library(), None, code)
    assert done.returncode == 0, done.stderr
    seconds = 0.5e-3 / IN_A_ROW
    assert [*map(float, done.stdout.split())] == pytest.approx([ARITHMETICS["fp32"].flops / seconds, VOLUME / seconds])


@needs_card
def test_a_card_is_quickest_where_it_multiplies_least() -> None:
    wanted = ["fp32", "fp16"] + ["tf32"] * CARD.bf16
    found = measure_card(CARD.arch, wanted)
    assert set(found.peaks) == set(wanted)
    assert found.peaks["fp16"] == pytest.approx(max(found.peaks.values()))
    assert found.bandwidth_of(1 << 20) >= found.bandwidth_of(1 << 28) > 1e9
