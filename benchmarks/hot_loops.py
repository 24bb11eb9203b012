"""The loop of a kernel that multiplies, as LLVM wrote it: how many instructions, and what they do."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from benchmarks.instruction_sets import ARM, INSTRUCTION_SETS, InstructionSet
from zcc.compiler.backends.cpu.kernels.choices import AmxChoice
from zcc.compiler.backends.cpu.kernels.spec import KernelSpec
from zcc.compiler.backends.cpu.program.build import assembly
from zcc.compiler.backends.cpu.program.single_kernel import kernel_module
from zcc.compiler.backends.cpu.targets.target import CpuTarget

LABEL = re.compile(r"^(\.LBB\w+):")
INSTRUCTION = re.compile(r"^\t(?:\{vex\}\s+)?([a-z]\w*(?:\.\w+)?)\s*(.*?)(?:\s*#.*)?$")


@dataclass(frozen=True)
class Loop:
    """A loop's lines; those of another inside are counted once."""

    lines: tuple[str, ...]
    written_for: InstructionSet = ARM

    @property
    def instructions(self) -> int:
        """How many there are."""
        return len(self.lines)

    @cached_property
    def multiply_adds(self) -> dict[str, int]:
        """How often each instruction that multiplies is there."""
        counts = Counter(word for line in self.lines if (word := self._kind(line)) in self.written_for.products)
        names = {word.split()[0] for word in counts}
        return {
            word: count for word, count in counts.items() if self.written_for.sums.get(word.split()[0]) not in names
        }

    @property
    def multiplies_most(self) -> str:
        """The name of the instruction that does most of the multiplying."""
        found = self.multiply_adds
        return max(found, key=lambda word: found[word] * self.written_for.products[word]).split()[0]

    @property
    def fetches(self) -> int:
        """Instructions that fetch ahead, which no product waits for."""
        return sum(line.lstrip().startswith(("prefetch", "prfm")) for line in self.lines)

    @property
    def products(self) -> int:
        """Multiply-adds of a turn."""
        return sum(self.written_for.products[word] * count for word, count in self.multiply_adds.items())

    @property
    def per_product(self) -> float:
        """Instructions per multiply-add."""
        return self.instructions / self.products

    @property
    def spills(self) -> int:
        """Vectors that go to the stack or come from there."""
        return self.written_for.spills(self.lines)

    def _kind(self, line: str) -> str:
        found = INSTRUCTION.match(line)
        assert found is not None, line
        return self.written_for.kind(found[1], found[2])


def hot_loop(spec: KernelSpec, target: CpuTarget) -> Loop:
    """The one of a kernel's loops that does least beside multiplying.

    Within the one over the steps of tile registers, another may finish the tile before.
    """
    nested = isinstance(getattr(spec, "tile", None), AmxChoice)
    return hottest(assembly(kernel_module(spec, target), target.tvm_target()), INSTRUCTION_SETS[target.arch], nested)


def hottest(text: str, written_for: InstructionSet = ARM, nested: bool = False) -> Loop:
    """The one of the loops of some assembly that does least beside multiplying: of the innermost, unless `nested`."""
    multiplying = (loop for loop in loops_of(text, written_for, nested) if loop.products)
    return min(multiplying, key=lambda loop: (loop.instructions - loop.fetches) / loop.products)


def loops_of(text: str, written_for: InstructionSet, nested: bool = False) -> Iterator[Loop]:
    """From each label to the last branch back to it; with `nested` also where another loop lies between."""
    lines = text.splitlines()
    begins: dict[str, int] = {}
    spans: dict[int, int] = {}
    for number, line in enumerate(lines):
        if label := LABEL.match(line):
            begins[label[1]] = number
        elif (branch := written_for.branch.match(line)) and branch[1] in begins:
            spans[begins[branch[1]]] = number
    for begin, end in spans.items():
        if nested or not any(begin < other < end for other in spans):
            yield Loop(tuple(line for line in lines[begin : end + 1] if INSTRUCTION.match(line)), written_for)
