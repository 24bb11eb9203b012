"""A kernel's name and the key of its machine code are told from what it computes, and from nothing else."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from tvm import ir

from zcc.compiler.backends.cpu.program.split import split
from zcc.compiler.backends.cpu.program.subroutine import make_subroutine

KERNEL = """
from tvm.script import tirx as T

@T.prim_func(s_tir=True)
def kernel(x: T.Buffer((8,), "float32"), out: T.Buffer((8,), "float32")) -> None:
    for i in range(8):
        out[i] = x[i] * T.float32(FACTOR)
"""


def digest(folder: Path, factor: str) -> str:
    """Of the kernel, its source in a file of the folder."""
    folder.mkdir()
    source = folder / 'ker"nel.py'
    source.write_text(KERNEL.replace("FACTOR", factor))
    spec = spec_from_file_location("kernel", source)
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    routine = make_subroutine("kernel", module.kernel)
    [kernel, _] = split(ir.IRModule({routine.name: routine.function}))
    return kernel.digest


def test_where_its_source_lies_is_no_part_of_a_kernel(tmp_path: Path) -> None:
    assert digest(tmp_path / "here", "2") == digest(tmp_path / "there", "2")


def test_what_it_computes_is(tmp_path: Path) -> None:
    assert digest(tmp_path / "here", "2") != digest(tmp_path / "there", "3")
