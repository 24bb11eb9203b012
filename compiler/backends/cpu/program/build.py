"""From a program's module to machine code.

Each of its pieces becomes an object file, which is compiled once and kept for all programs that hold the same piece.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import tvm
from tvm import ir, s_tir, tirx
from tvm.support.cc import create_shared

from zcc.compiler.backends.common.kept_objects import KeptObjects, objects_folder
from zcc.compiler.backends.cpu.program.announce_tasks import announce_tasks
from zcc.compiler.backends.cpu.program.frame_pool import write_pool
from zcc.compiler.backends.cpu.program.linking import cross_linker
from zcc.compiler.backends.cpu.program.place_scratch import keep_on_stack
from zcc.compiler.backends.cpu.program.split import GLOBAL, ModulePiece, is_private, split
from zcc.compiler.backends.cpu.program.subroutine import on_cpu

# To the linker. Lines of kernels that no source file holds help no debugger, and are a third of the file.
WITHOUT_DEBUG = "-Wl,-S"
# Of TVM's passes: kernels' buffers have their size already, and in loops over threads no bounds are found for them;
# what does nothing LLVM drops as well, and in less time.
NEEDLESS = [s_tir.transform.CompactBufferAllocation().info.name, tirx.transform.RemoveNoOp().info.name]
QUICKLY = {"opt-level": 0}  # how what computes nothing is compiled: else it takes LLVM as long as twenty kernels
ENTRY = "tirx.is_entry_func"  # TVM's mark of what would be a program's main


def build_library(module: ir.IRModule, target: Any, path: Path) -> None:
    """Compile the module for `target` and link it into a shared library at `path`."""
    link = cross_linker(str(target.attrs["mtriple"])) or create_shared
    with tempfile.TemporaryDirectory(prefix="zcc-") as scratch:
        folder = Path(scratch)
        objects = _write_objects(split(module), target, folder, KeptObjects(objects_folder()))
        objects.append(write_pool(target, folder))
        link(str(path), [str(file) for file in objects], options=[WITHOUT_DEBUG])


def assembly(module: ir.IRModule, target: Any) -> str:
    """What LLVM makes of the module's kernels, to look at."""
    kernels = [piece for piece in split(module) if piece.computes]
    return "\n".join(str(_compiled(piece, target).inspect_source("asm")) for piece in _lowered(kernels, target))


def lowered(module: ir.IRModule, target: Any) -> ir.IRModule:
    """The module as LLVM gets it."""
    module = ir.IRModule({name: announce_tasks(function) for name, function in module.functions.items()}, module.attrs)
    module = tirx.transform.BindTarget(target.with_host(target))(module)
    lower, finalize_host, _ = tirx.get_tir_pipeline("s_tir")
    with tvm.transform.PassContext(disabled_pass=NEEDLESS):
        module = lower(module)
    subroutines = {
        name: on_cpu(keep_on_stack(function)) for name, function in module.functions.items() if is_private(function)
    }
    return finalize_host()(ir.IRModule({**module.functions, **subroutines}, attrs=module.attrs))


def _write_objects(pieces: Sequence[ModulePiece], target: Any, folder: Path, kept: KeptObjects) -> list[Path]:
    """An object file of each piece in the folder, compiled unless it was kept."""
    files = {_key(piece, target): folder / f"{number}.o" for number, piece in enumerate(pieces)}
    missing: dict[str, ModulePiece] = {}
    for (key, file), piece in zip(files.items(), pieces, strict=True):
        if (content := kept.find(key)) is None:
            missing[key] = piece
        else:
            file.write_bytes(content)
    quickly = tvm.target.Target({**target.export(), **QUICKLY})
    for (key, piece), functions in zip(missing.items(), _lowered(list(missing.values()), target), strict=True):
        _compiled(functions, target if piece.computes else quickly).write_to_file(str(files[key]), "o")
    kept.keep({key: files[key].read_bytes() for key in missing})
    return list(files.values())


def _lowered(pieces: Sequence[ModulePiece], target: Any) -> list[ir.IRModule]:
    """The pieces as LLVM gets them: at once, for most of the passes' time is their beginning."""
    functions = {name: function for piece in pieces for name, function in piece.functions.items()}
    ready = lowered(ir.IRModule(functions), target).functions if functions else {}
    return [
        ir.IRModule({name: _named(ready[name], piece.symbols.get(name)) for name in piece.functions})
        for piece in pieces
    ]


def _named(function: tirx.PrimFunc, symbol: str | None) -> tirx.PrimFunc:
    function = function.without_attr(ENTRY)
    return function if symbol is None else function.with_attr(GLOBAL, symbol)


def _compiled(functions: ir.IRModule, target: Any) -> Any:
    return tvm.get_global_func("target.build.llvm")(functions, target.with_host(target))


def _key(piece: ModulePiece, target: Any) -> str:
    """The hash of all that decides about a piece's machine code."""
    made_from = {"piece": piece.digest, "symbols": list(piece.symbols.values()), "target": str(target), **_tools()}
    return hashlib.sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()


@cache
def _tools() -> Mapping[str, str]:
    """What makes machine code of a piece: TVM, its LLVM, and the code of this folder."""
    code = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        code.update(source.name.encode() + b"\0" + source.read_bytes())
    llvm = tvm.get_global_func("target.llvm_version_major")()
    return {"tvm": tvm.__version__, "llvm": str(llvm), "code": code.hexdigest()}
