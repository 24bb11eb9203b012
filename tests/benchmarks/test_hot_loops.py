"""Loops in LLVM's assembly, counted by hand."""

from __future__ import annotations

import pytest

from benchmarks.hot_loops import hottest
from benchmarks.instruction_sets import ARM, X86

ARM_LOOPS = """
.LBB0_1:
\tldr\tq0, [x1], #16
.LBB0_2:
\tldp\tq1, q2, [x0], #32
\tfmla\tv4.4s, v1.4s, v0.s[0]
\tfmla\tv5.4s, v2.4s, v0.s[1]
\tstr\tq4, [sp, #16]
\tsubs\tx3, x3, #1
\tb.ne\t.LBB0_2
\tb\t.LBB0_1
"""
X86_LOOP = """
.LBB0_1:
\tmovq\t%rdi, %rax
.LBB0_2:                                # =>This Inner Loop Header: Depth=2
{body}
\tincq\t%rax
\tjne\t.LBB0_2
\tjmp\t.LBB0_1
"""


def test_loops_of_arm_are_found() -> None:
    loop = hottest(ARM_LOOPS, ARM)
    assert (loop.instructions, loop.products, loop.spills) == (6, 8, 1)
    assert loop.multiply_adds == {"fmla v4s": 2}


@pytest.mark.parametrize(
    ("body", "instructions", "multiply_adds", "products"),
    [
        ("\tvfmadd231ps\t-64(%rsi){1to16}, %zmm1, %zmm0 # zmm0 = mem", 3, {"fmaddps zmm": 1}, 16),
        ("\tvfmadd213ps\t%ymm2, %ymm1, %ymm0\n\tvfmadd132ps\t%ymm2, %ymm1, %ymm3", 4, {"fmaddps ymm": 2}, 16),
        (
            "\tvmulph\t%zmm4, %zmm5, %zmm8\n\tvfmadd231ph\t%zmm4, %zmm5, %zmm8",
            4,
            {"mulph zmm": 1, "fmaddph zmm": 1},
            64,
        ),
        ("\tmulps\t%xmm9, %xmm0\n\taddps\t%xmm2, %xmm0", 4, {"mulps xmm": 1}, 4),
        # Products of bytes in 16 bits, which an instruction that could multiply only adds up.
        ("\tpmaddubsw\t%xmm4, %xmm8\n\tpmaddwd\t%xmm14, %xmm8\n\tpaddd\t%xmm1, %xmm8", 5, {"pmaddubsw xmm": 1}, 16),
        ("\tvpmaddwd\t%zmm4, %zmm5, %zmm8\n\tvpaddd\t%zmm1, %zmm8, %zmm1", 4, {"pmaddwd zmm": 1}, 32),
        ("\t{vex}\tvpdpbusd\t%ymm4, %ymm8, %ymm1", 3, {"pdpbusd ymm": 1}, 32),
        ("\tvdpbf16ps\t%zmm4, %zmm8, %zmm1", 3, {"dpbf16ps zmm": 1}, 32),
        ("\ttileloadd\t(%rsi,%rax), %tmm7\n\ttdpbusd\t%tmm7, %tmm5, %tmm3", 4, {"tdpbusd tmm": 1}, 16384),
    ],
)
def test_loops_of_x86_are_found(body: str, instructions: int, multiply_adds: dict[str, int], products: int) -> None:
    loop = hottest(X86_LOOP.format(body=body), X86)
    assert (loop.instructions, loop.multiply_adds, loop.products) == (instructions, multiply_adds, products)
    assert loop.spills == 0


def test_vectors_on_the_stack_of_x86_are_counted() -> None:
    """Numbers that are no vectors may lie there."""
    body = "\tmulps\t%xmm9, %xmm0\n\tmovaps\t%xmm0, -104(%rsp)\n\taddps\t-88(%rsp), %xmm5\n\tmovq\t8(%rsp), %rcx"
    assert hottest(X86_LOOP.format(body=body), X86).spills == 2


def test_a_loop_around_another_one_counts_where_it_is_asked_for() -> None:
    """Each of its lines once, those of the inner loop, too."""
    body = "\tvfmadd231ps\t%zmm2, %zmm1, %zmm0"
    text = X86_LOOP.format(body=body).replace("\tmovq\t%rdi, %rax", "\ttdpbusd\t%tmm7, %tmm5, %tmm3")
    assert hottest(text, X86).products == 16
    outer = hottest(text, X86, nested=True)
    assert (outer.instructions, outer.products) == (5, 16384 + 16)
