"""Bfloat16 on processors that multiply it: pairs of numbers in 32 bits with AVX512-BF16, fours of them with NEON.

All sums are fp32.

TVM would turn buffers and intrinsics of bfloat16 into float32. So the numbers are kept as uint16, and the instructions
are called through functions of LLVM IR that take and give vectors of integers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tvm import tirx
from tvm.ir import Expr
from tvm.script.ir_builder import tirx as T

from zcc.compiler.backends.cpu.kernels.dot_tile import Dot, Operands
from zcc.compiler.backends.cpu.kernels.matrix_tile import MatrixProduct
from zcc.compiler.backends.cpu.kernels.pairs import LANES, PairNumbers
from zcc.compiler.backends.cpu.kernels.vector import as_type, broadcast, cast, lanes_of
from zcc.compiler.ir.tensors import BFLOAT16

DOT, ROUND, ROUND_TWO = "zcc_bf16_dot", "zcc_bf16_round", "zcc_bf16_round_two"

# linkonce_odr: every kernel of a module brings its own copy, and one is kept.
INSTRUCTIONS = f"""
declare <16 x float> @llvm.x86.avx512bf16.dpbf16ps.512(<16 x float>, <32 x bfloat>, <32 x bfloat>)
declare <16 x bfloat> @llvm.x86.avx512bf16.cvtneps2bf16.512(<16 x float>)
declare <32 x bfloat> @llvm.x86.avx512bf16.cvtne2ps2bf16.512(<16 x float>, <16 x float>)

define linkonce_odr <16 x float> @{DOT}(<16 x float> %total, <16 x i32> %x, <16 x i32> %weight) alwaysinline {{
  %left = bitcast <16 x i32> %x to <32 x bfloat>
  %right = bitcast <16 x i32> %weight to <32 x bfloat>
  %sum = call <16 x float> @llvm.x86.avx512bf16.dpbf16ps.512(
    <16 x float> %total, <32 x bfloat> %left, <32 x bfloat> %right)
  ret <16 x float> %sum
}}

define linkonce_odr <16 x i16> @{ROUND}(<16 x float> %value) alwaysinline {{
  %rounded = call <16 x bfloat> @llvm.x86.avx512bf16.cvtneps2bf16.512(<16 x float> %value)
  %bits = bitcast <16 x bfloat> %rounded to <16 x i16>
  ret <16 x i16> %bits
}}

define linkonce_odr <32 x i16> @{ROUND_TWO}(<16 x float> %first, <16 x float> %second) alwaysinline {{
  %rounded = call <32 x bfloat> @llvm.x86.avx512bf16.cvtne2ps2bf16.512(<16 x float> %second, <16 x float> %first)
  %bits = bitcast <32 x bfloat> %rounded to <32 x i16>
  ret <32 x i16> %bits
}}
"""


BFMMLA_NAME, BFDOT_NAME = "zcc_bfmmla", "zcc_bfdot"
NEON_INSTRUCTIONS = f"""
declare <4 x float> @llvm.aarch64.neon.bfmmla(<4 x float>, <8 x bfloat>, <8 x bfloat>)
declare <4 x float> @llvm.aarch64.neon.bfdot.v4f32.v8bf16(<4 x float>, <8 x bfloat>, <8 x bfloat>)

define linkonce_odr <4 x float> @{BFDOT_NAME}(<4 x float> %total, <4 x i32> %x, <4 x i32> %weight) alwaysinline {{
  %left = bitcast <4 x i32> %x to <8 x bfloat>
  %right = bitcast <4 x i32> %weight to <8 x bfloat>
  %sum = call <4 x float> @llvm.aarch64.neon.bfdot.v4f32.v8bf16(
    <4 x float> %total, <8 x bfloat> %left, <8 x bfloat> %right)
  ret <4 x float> %sum
}}

define linkonce_odr <4 x float> @{BFMMLA_NAME}(<4 x float> %total, <2 x i64> %x, <2 x i64> %weight) alwaysinline {{
  %left = bitcast <2 x i64> %x to <8 x bfloat>
  %right = bitcast <2 x i64> %weight to <8 x bfloat>
  %sum = call <4 x float> @llvm.aarch64.neon.bfmmla(<4 x float> %total, <8 x bfloat> %left, <8 x bfloat> %right)
  ret <4 x float> %sum
}}
"""


@contextmanager
def bf16_instructions(neon: bool = False) -> Iterator[None]:
    """What is emitted inside may call the functions of this module, for NEON or for AVX512-BF16."""
    with T.attr(tirx.const(0, "int32"), "pragma_import_llvm", NEON_INSTRUCTIONS if neon else INSTRUCTIONS):
        yield


def _add(total: Expr, x: Operands, weight: Operands) -> Expr:
    return tirx.call_pure_extern(f"float32x{LANES}", DOT, total, x[0], weight[0])


PAIR_DOT = Dot(lambda word, lanes: (broadcast(word, lanes),), lambda words: (words,), _add)

# The same with NEON, for what only multiplies: convolutions have products of matrices there.
NEON_PAIR_DOT = Dot(
    lambda word, lanes: (broadcast(word, lanes),),
    lambda words: (words,),
    lambda total, x, weight: tirx.call_pure_extern("float32x4", BFDOT_NAME, total, x[0], weight[0]),
)
BFMMLA = MatrixProduct(
    lambda total, x, weight: tirx.call_pure_extern("float32x4", BFMMLA_NAME, total, x, weight), item=2
)


def widened(stored: Expr) -> Expr:
    """Stored numbers as floats, exactly."""
    lanes = lanes_of(stored)
    bits = tirx.shift_left(cast("uint32", stored), broadcast(tirx.const(16, "uint32"), lanes))
    return as_type(f"float32x{lanes}", bits)


def rounded(values: Sequence[Expr]) -> Expr:
    """One or two vectors of floats as stored numbers, the nearest ones, ties to even."""
    name = ROUND if len(values) == 1 else ROUND_TWO
    return tirx.call_pure_extern(f"{BFLOAT16}x{LANES * len(values)}", name, *values)


BF16 = PairNumbers(
    "bfloat16",
    dtype="bf16",
    stored=BFLOAT16,
    computed=lambda unit: unit.bf16,
    widened=widened,
    rounded=rounded,
    together=2,
    dot=PAIR_DOT,
    instructions=bf16_instructions,
)
