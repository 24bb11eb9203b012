"""Direct convolution of float16 numbers in AMX's tile registers, one of the forms of a convolution of halves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from zcc.compiler.backends.cpu.kernels.conv_loops import in_words
from zcc.compiler.backends.cpu.kernels.pair_conv import PairConv
from zcc.compiler.backends.cpu.kernels.pairs import PAIR, PairNumbers
from zcc.compiler.backends.cpu.kernels.vector import cast
from zcc.compiler.ir.tensors import FLOAT16, Array

FP16 = PairNumbers(
    "float16",
    dtype="fp16",
    stored=FLOAT16,
    computed=lambda unit: "fp16" in unit.amx,
    widened=lambda stored: cast("float32", stored),
    rounded=lambda values: cast(FLOAT16, values[0]),
    together=1,
)


@dataclass(frozen=True)
class HalfConv(PairConv):
    """The convolution of maps stored as float16."""

    word = "fp16_conv"
    numbers: ClassVar[PairNumbers] = FP16

    def pack(self, dense: Array) -> Array:
        """Weights that lie channel by channel in pairs of halves."""
        return super().pack(in_words(dense.astype(FLOAT16), PAIR))
