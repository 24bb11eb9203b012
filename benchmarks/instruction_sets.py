"""What benchmarks.hot_loops knows of architectures: how assembly is written, and what instructions multiply."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

ARM_VECTOR = re.compile(r"^v\d+\.(\w+)")
ARM_STACK, ARM_STACK_ALONE = re.compile(r"\[(?:sp|x29)\b"), re.compile(r"\[sp\b")
COUNTS_WITH_X29 = re.compile(r"\s*(add|sub|mov|madd|lsl)\s+x29\b")
X86_REGISTER = re.compile(r"%([a-z]+)\d")
X86_VECTOR_ON_STACK = re.compile(r"\(%rsp\).*%[xyz]mm|%[xyz]mm.*\(%rsp\)")
X86_WIDTHS = {"xmm": 1, "ymm": 2, "zmm": 4}  # in 128 bits
OPERAND_ORDER = re.compile(r"(?<=add)(132|213|231)")  # which operand of an FMA is overwritten


def _arm_kind(name: str, operands: str) -> str:
    """An instruction's name, and the type of the register it writes, such as `fmla v4s`."""
    vector = ARM_VECTOR.match(operands)
    return f"{name} v{vector[1]}" if vector else f"{name} {operands[:1]}"


def _arm_spills(lines: Sequence[str]) -> int:
    """The frame's pointer is a register like others where a function does without one: loops then count with it."""
    stack = ARM_STACK_ALONE if any(COUNTS_WITH_X29.match(line) for line in lines) else ARM_STACK
    return sum(bool(stack.search(line)) and " q" in line.replace("\t", " ") for line in lines)


def _x86_kind(name: str, operands: str) -> str:
    """An instruction's name without the AVX form's v and the order of an FMA's operands, and the kind of register."""
    written = X86_REGISTER.search(operands.rsplit(",", 1)[-1])
    return f"{OPERAND_ORDER.sub('', name).removeprefix('v')} {written[1] if written else ''}"


def _x86_spills(lines: Sequence[str]) -> int:
    return sum(bool(X86_VECTOR_ON_STACK.search(line)) for line in lines)


@dataclass(frozen=True)
class InstructionSet:
    """An architecture's assembly, as LLVM writes it."""

    branch: re.Pattern[str]  # to a label, which it holds
    kind: Callable[[str, str], str]  # of an instruction, from its name and its operands: a key of `products`
    products: Mapping[str, int]  # multiply-adds of an instruction
    spills: Callable[[Sequence[str]], int]  # vectors that go to the stack or come from there
    sums: Mapping[str, str] = field(default_factory=dict)  # what only adds up, behind an instruction that multiplies


ARM = InstructionSet(
    re.compile(r"^\t(?:b|b\.\w+|cbn?z|tbn?z)\s.*?(\.LBB\w+)$"),
    _arm_kind,
    {
        "fmla v4s": 4,
        "fmla v2s": 2,
        "fmla v8h": 8,
        "fmul v8h": 8,
        "fmadd s": 1,
        "mla v4s": 4,
        "smull v8h": 8,
        "smull2 v8h": 8,
        "sdot v4s": 16,
        "usdot v4s": 16,
        "sudot v4s": 16,
        "usmmla v4s": 32,
        "bfmmla v4s": 16,
    },
    _arm_spills,
)
# What an instruction multiplies in 128 bits. Without FMA a product and a sum are two instructions.
X86_PRODUCTS = {
    "fmaddps": 4,
    "mulps": 4,
    "fmaddph": 8,
    "mulph": 8,
    "pmaddubsw": 16,
    "pmaddwd": 8,
    "pdpbusd": 16,
    "dpbf16ps": 8,
}
X86_TILE_PRODUCTS = {  # of whole tile registers
    "tdpbusd tmm": 16 * 16 * 64,
    "tdpbf16ps tmm": 16 * 16 * 32,
    "tdpfp16ps tmm": 16 * 16 * 32,
}
X86 = InstructionSet(
    re.compile(r"^\tj\w+\s+(\.LBB\w+)$"),
    _x86_kind,
    {f"{name} {kind}": count * width for name, count in X86_PRODUCTS.items() for kind, width in X86_WIDTHS.items()}
    | X86_TILE_PRODUCTS,
    _x86_spills,
    {"pmaddwd": "pmaddubsw"},
)
INSTRUCTION_SETS = {"aarch64": ARM, "x86_64": X86}
