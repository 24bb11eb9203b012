"""The loop of a kernel that multiplies, as LLVM wrote it for ARM: how many instructions, and what they do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from zcc.compiler.backends.cpu.kernels.spec import KernelSpec
from zcc.compiler.backends.cpu.program.build import assembly
from zcc.compiler.backends.cpu.program.single_kernel import kernel_module
from zcc.compiler.backends.cpu.targets.target import CpuTarget

# Multiply-adds of an instruction, by its name and the type of the register it writes.
PRODUCTS = {
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
}
LABEL = re.compile(r"^(\.LBB\w+):")
BRANCH = re.compile(r"^\t(?:b|b\.\w+|cbn?z|tbn?z)\s.*?(\.LBB\w+)$")
INSTRUCTION = re.compile(r"^\t([a-z]\w*(?:\.\w+)?)\s*(.*)$")
VECTOR = re.compile(r"^v\d+\.(\w+)")
ON_STACK = re.compile(r"\[(?:sp|x29)\b")
ON_STACK_ALONE = re.compile(r"\[sp\b")
COUNTS_WITH_X29 = re.compile(r"\s*(add|sub|mov|madd|lsl)\s+x29\b")


@dataclass(frozen=True)
class Loop:
    """A loop without another inside."""

    lines: tuple[str, ...]

    @property
    def instructions(self) -> int:
        """How many there are."""
        return len(self.lines)

    @cached_property
    def multiply_adds(self) -> dict[str, int]:
        """How often each instruction that multiplies is there."""
        counts: dict[str, int] = {}
        for line in self.lines:
            word = _kind(line)
            if word in PRODUCTS:
                counts[word] = counts.get(word, 0) + 1
        return counts

    @property
    def products(self) -> int:
        """Multiply-adds of a turn."""
        return sum(PRODUCTS[word] * count for word, count in self.multiply_adds.items())

    @property
    def per_product(self) -> float:
        """Instructions per multiply-add."""
        return self.instructions / self.products

    @property
    def spills(self) -> int:
        """Vectors that go to the stack or come from there."""
        # The frame's pointer is a register like others where a function does without one: loops then count with it.
        counts = any(COUNTS_WITH_X29.match(line) for line in self.lines)
        stack = ON_STACK_ALONE if counts else ON_STACK
        return sum(bool(stack.search(line)) and " q" in line.replace("\t", " ") for line in self.lines)


def hot_loop(spec: KernelSpec, target: CpuTarget) -> Loop:
    """The one of a kernel's innermost loops that does least beside multiplying."""
    return hottest(assembly(kernel_module(spec, target), target.tvm_target()))


def hottest(text: str) -> Loop:
    """The one of the innermost loops of some assembly that does least beside multiplying."""
    return min((loop for loop in innermost_loops(text) if loop.products), key=lambda loop: loop.per_product)


def innermost_loops(text: str) -> Iterator[Loop]:
    """From each label to the last branch back to it, where no other loop lies between."""
    lines = text.splitlines()
    begins: dict[str, int] = {}
    spans: dict[int, int] = {}
    for number, line in enumerate(lines):
        if label := LABEL.match(line):
            begins[label[1]] = number
        elif (branch := BRANCH.match(line)) and branch[1] in begins:
            spans[begins[branch[1]]] = number
    for begin, end in spans.items():
        if not any(begin < other < end for other in spans):
            yield Loop(tuple(line for line in lines[begin : end + 1] if INSTRUCTION.match(line)))


def _kind(line: str) -> str:
    """An instruction's name, and the type of the register it writes, such as `fmla v4s`."""
    found = INSTRUCTION.match(line)
    assert found is not None, line
    vector = VECTOR.match(found[2])
    return f"{found[1]} v{vector[1]}" if vector else f"{found[1]} {found[2][:1]}"
