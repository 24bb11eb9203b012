"""What LLVM makes of kernels for ARM: whole registers, and the instructions that each target promises, no others."""

from __future__ import annotations

import re

import pytest
import tvm

from tests.compiler.backends.cpu.small_network import small_network, small_network_in_bytes
from zcc.compiler.backends.cpu.lowering.pipeline import lower_network
from zcc.compiler.backends.cpu.program.build import lowered
from zcc.compiler.backends.cpu.program.emit import emit_network
from zcc.compiler.backends.cpu.targets.table import TARGETS
from zcc.compiler.ir.ops import Network


def instructions(network: Network, name: str) -> list[str]:
    """LLVM's assembly, an instruction with its operands each."""
    target = TARGETS[name]
    module = emit_network(lower_network(network, target.unit), target.unit).module
    tvm_target = target.tvm_target()
    library = tvm.get_global_func("target.build.llvm")(lowered(module, tvm_target), tvm_target.with_host(tvm_target))
    return [line.strip() for line in library.inspect_source("asm").splitlines() if line.startswith("\t")]


def count(lines: list[str], pattern: str) -> int:
    return sum(re.match(pattern, line) is not None for line in lines)


def test_floats_are_multiplied_in_whole_registers() -> None:
    lines = instructions(small_network(), "aarch64")
    whole, halves = count(lines, r"fmla\s+v\d+\.4s"), count(lines, r"fmla\s+v\d+\.2s|fmadd\s+s")
    assert whole > 100
    assert halves < whole / 10


@pytest.mark.parametrize(
    ("name", "promised"), [("aarch64", ""), ("aarch64-dotprod", "sdot"), ("aarch64-i8mm", "usdot")]
)
def test_bytes_are_multiplied_as_promised(name: str, promised: str) -> None:
    lines = instructions(small_network_in_bytes(), name)
    used = {word for word in ("sdot", "udot", "usdot") if count(lines, rf"{word}\s+v\d+\.4s, v\d+\.16b")}
    assert used == ({promised} if promised else set())
