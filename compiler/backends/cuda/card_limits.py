"""What a card can do at most: products and sums that never leave registers, and bytes read by how many there are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from zcc.compiler.backends.common.machine import FP32, Machine
from zcc.compiler.backends.cuda.kernels.kernel_source import library
from zcc.compiler.backends.cuda.nvrtc import compile_cuda
from zcc.runtime.executors.cuda import CudaExecutor
from zcc.runtime.executors.cuda_program import Module, Program
from zcc.runtime.executors.cuda_timing import in_a_row
from zcc.runtime.executors.frame_block import PARAMETERS_SIZE, ResultLayout
from zcc.runtime.executors.plan import Launch, Place, Plan
from zcc.runtime.manifest import InputSpec

# Blocks enough for every multiprocessor of the largest card, several times over.
BLOCKS, THREADS = 2112, 256
CHAINS, STEPS = 8, 256  # of each warp or thread: sums that do not wait for each other, and how often each is added to
FOOTPRINTS = tuple(1 << power for power in range(20, 29, 2))  # 1 MiB to 256 MiB
VOLUME = 1 << 28  # bytes of one reading, whatever the footprint
TIMES = 9  # readings of many launches in a row
MODULE = "limits"


@dataclass(frozen=True)
class TensorProduct:
    """What tensor cores multiply 16 rows by 8 columns of, with one instruction of a warp."""

    operand: str  # as CUDA sources call it
    sum: str
    depth: int

    @property
    def flops(self) -> int:
        """Multiplications and additions of all blocks."""
        return 2 * 16 * 8 * self.depth * CHAINS * STEPS * BLOCKS * THREADS // 32

    def source(self, name: str) -> str:
        """A kernel of products that wait for nothing but their own sums."""
        return f"""{_begin(name, "u32* never")}
  {self.sum} c[{CHAINS}][4], all = 0;
  u32 a[4] = {{never[0], never[1], never[2], never[3]}}, b0 = never[4], b1 = never[5];
  #pragma unroll
  for (int k = 0; k < {CHAINS}; k++) for (int e = 0; e < 4; e++) c[k][e] = ({self.sum})(threadIdx.x + 4 * k + e);
  for (int step = 0; step < {STEPS}; step++) {{
    #pragma unroll
    for (int k = 0; k < {CHAINS}; k++) mma({self.operand}(), c[k], a, b0, b1);
  }}
  #pragma unroll
  for (int k = 0; k < {CHAINS}; k++) for (int e = 0; e < 4; e++) all += c[k][e];
  if (all == ({self.sum})-1) never[6] = 1;
}}"""


@dataclass(frozen=True)
class MultiplyAdds:
    """Sums of products of single numbers."""

    flops = 2 * 4 * CHAINS * STEPS * BLOCKS * THREADS

    def source(self, name: str) -> str:
        """A kernel of chains of them."""
        return f"""{_begin(name, "float* never")}
  float c[{4 * CHAINS}], x = never[0], y = never[1], all = 0;
  #pragma unroll
  for (int k = 0; k < {4 * CHAINS}; k++) c[k] = threadIdx.x + k;
  for (int step = 0; step < {STEPS}; step++) {{
    #pragma unroll
    for (int k = 0; k < {4 * CHAINS}; k++) c[k] = fmaf(c[k], x, y);
  }}
  #pragma unroll
  for (int k = 0; k < {4 * CHAINS}; k++) all += c[k];
  if (all == -1.f) never[6] = 1;
}}"""


# By the words that kernels' names begin with.
ARITHMETICS: dict[str, TensorProduct | MultiplyAdds] = {
    FP32: MultiplyAdds(),
    "tf32": TensorProduct("float", "float", 8),
    "fp16": TensorProduct("f16", "float", 16),
    "bf16": TensorProduct("bf16", "float", 16),
    "int8": TensorProduct("u8", "int", 32),
}


def measure_card(arch: str, arithmetics: Iterable[str]) -> Machine:
    """The limits of this machine's first card, for code of an architecture."""
    wanted = sorted(set(arithmetics))
    program = _program(arch, wanted)
    executor = CudaExecutor(program)
    try:
        seconds = [in_a_row(executor, launch, TIMES) for launch in program.plan.launches]
    finally:
        executor.close()
    peaks = {name: ARITHMETICS[name].flops / taken for name, taken in zip(wanted, seconds, strict=False)}
    reads = zip(FOOTPRINTS, seconds[len(wanted) :], strict=True)
    return Machine(1, peaks, tuple((size, VOLUME / taken) for size, taken in reads))


def limits_source(arithmetics: Iterable[str]) -> str:
    """A module with a kernel for each arithmetic, and one for each footprint."""
    peaks = [ARITHMETICS[name].source(f"peak_{name}") for name in arithmetics]
    reads = [_reads(f"read_{size}", size) for size in FOOTPRINTS]
    return "\n".join([library("common.cuh"), library("mma.cuh"), *peaks, *reads])


def _program(arch: str, arithmetics: Iterable[str]) -> Program:
    compiled = compile_cuda(limits_source(arithmetics), arch)
    names = [*(f"peak_{name}" for name in arithmetics), *(f"read_{size}" for size in FOOTPRINTS)]
    launches = tuple(
        Launch("network", MODULE, name, (BLOCKS, 1, 1), (THREADS, 1, 1), (Place("arena"),)) for name in names
    )
    regions = {"weights": 16, "arena": FOOTPRINTS[-1], "parameters": PARAMETERS_SIZE, "result": ResultLayout(1).size}
    plan = Plan(arch, regions, (MODULE,), launches)
    modules = {MODULE: Module(compiled.cubin, compiled.ptx)}
    return Program(plan, modules, np.zeros(16, np.uint8), "limits", InputSpec(32, 32), 1)


def _reads(name: str, size: int) -> str:
    """Everything read by all blocks together, again and again, past the first cache: it comes from other launches."""
    return f"""{_begin(name, "u32* never")}
  u32 all = 0;
  for (int pass = 0; pass < {VOLUME // size}; pass++)
    for (u32 at = blockIdx.x * {THREADS} + threadIdx.x; at < {size // 16}; at += {BLOCKS * THREADS}) {{
      u32 x, y, z, w;
      asm volatile("ld.global.cg.v4.u32 {{%0, %1, %2, %3}}, [%4];"
                   : "=r"(x), "=r"(y), "=r"(z), "=r"(w) : "l"((const uint4*)never + at));
      all ^= x ^ y ^ z ^ w;
    }}
  if (all == 1) never[6] = 1;
}}"""


def _begin(name: str, parameter: str) -> str:
    """The head of a kernel that is given memory of noughts, and writes to it what never comes about."""
    return f'extern "C" __global__ void __launch_bounds__({THREADS}) {name}({parameter}) {{'
