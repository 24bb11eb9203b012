"""What LLVM makes of kernels for ARM: full registers, the instructions that are promised, nothing on the stack."""

from __future__ import annotations

import re

import onnx
import pytest

from benchmarks.instructions import convolutions, network_of, row_of
from tests.compiler.backends.cpu.small_network import small_network_in_bytes
from zcc.compiler.backends.cpu.forms.network_form import default_form
from zcc.compiler.backends.cpu.lowering.pipeline import lower_network
from zcc.compiler.backends.cpu.program.build import assembly
from zcc.compiler.backends.cpu.program.emit import emit_network
from zcc.compiler.backends.cpu.targets.table import TARGETS

HEAVIEST = 5
# Instructions of a loop for each of its multiply-adds, at most; an FMLA on a full register alone takes 0.25. Weights
# that are fetched ahead take one more for each channel.
MOST = {
    ("aarch64", "fp32"): 0.36,
    ("aarch64-dotprod", "fp16"): 0.33,
    ("aarch64-dotprod", "int8"): 0.09,
    ("aarch64-i8mm", "fp16"): 0.33,
    ("aarch64-i8mm", "bf16"): 0.135,
    ("aarch64-i8mm", "int8"): 0.065,
}
MULTIPLIES = {
    "fp32": {"fmla v4s"},
    "fp16": {"fmla v4s", "fmla v8h", "fmul v8h"},
    "bf16": {"bfmmla v4s"},
    "int8": {"sdot v4s", "usmmla v4s", "sudot v4s"},
}


@pytest.mark.parametrize(("name", "dtype"), MOST, ids=lambda value: str(value))
def test_hot_loops_do_little_else_than_multiply(name: str, dtype: str, proto: onnx.ModelProto) -> None:
    target = TARGETS[name]
    for call, flops in convolutions(network_of(proto), dtype, target)[:HEAVIEST]:
        row, loop = row_of(call, flops, dtype, target)
        assert loop.spills == 0, row
        assert loop.per_product <= MOST[name, dtype], row
        assert set(loop.multiply_adds) <= MULTIPLIES[dtype], row


@pytest.mark.parametrize(
    ("name", "promised"),
    [
        ("aarch64", {"smull"}),
        ("aarch64-dotprod", {"sdot"}),
        ("aarch64-i8mm", {"usdot", "usmmla"}),  # the first for the image, whose pixels have four bytes
    ],
)
def test_bytes_are_multiplied_as_promised(name: str, promised: set[str]) -> None:
    target = TARGETS[name]
    form = default_form(target, "int8")
    layout = lower_network(small_network_in_bytes(), form.unit(target.unit), block=form.block)
    text = assembly(emit_network(layout, target.unit).module, target.tvm_target())
    assert set(re.findall(r"^\t(\w*dot|\w*mmla|smull(?=\s+v))\s", text, re.MULTILINE)) == promised
