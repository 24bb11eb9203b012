"""Libraries out of pieces: what was compiled before is taken as it is, and whatever decides about it decides anew."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from tvm import tirx
from tvm.script.ir_builder import tirx as T

from tests.compiler.symbols import symbols
from zcc.compiler.backends.common.kept_objects import objects_folder
from zcc.compiler.backends.cpu.kernels.spec import VectorUnit, building
from zcc.compiler.backends.cpu.program import build
from zcc.compiler.backends.cpu.program.single_kernel import compile_kernels, kernel_module
from zcc.compiler.backends.cpu.program.split import ModulePiece, split
from zcc.compiler.backends.cpu.targets.table import TARGETS, native_target

X = np.arange(8, dtype=np.float32)
NAME = "x86-64-v3"


@dataclass(frozen=True)
class Times:
    """out = factor * x."""

    factor: float

    @property
    def name(self) -> str:
        return "times"

    def build(self, unit: VectorUnit) -> tirx.PrimFunc:
        with building(self.name) as kernel:
            x = T.arg("x", T.Buffer((8,), "float32"))
            out = T.arg("out", T.Buffer((8,), "float32"))
            with T.serial(0, 8) as i:
                T.buffer_store(out, x[i] * T.float32(self.factor), [i])
        return kernel.function


@pytest.fixture(autouse=True)
def objects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the objects lie, none yet."""
    monkeypatch.setenv("ZCC_CACHE", str(tmp_path / "cache"))
    return objects_folder()


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The functions that LLVM was given."""
    given: list[str] = []
    compile_functions = build._compiled

    def recorded(functions, target):  # type: ignore[no-untyped-def]
        given.extend(name.name_hint for name in functions.functions)
        return compile_functions(functions, target)

    monkeypatch.setattr(build, "_compiled", recorded)
    return given


def products(folder: Path, *factors: float) -> list[float]:
    """What kernels with these factors make of 1, in one library."""
    folder.mkdir()
    results = []
    for kernel in compile_kernels([Times(factor) for factor in factors], native_target(), folder):
        out = np.zeros_like(X)
        kernel(X, out)
        np.testing.assert_array_equal(out, out[1] * X)
        results.append(float(out[1]))
    return results


def test_only_kernels_are_optimised(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    levels, compile_functions = {}, build._compiled

    def recorded(functions, target):  # type: ignore[no-untyped-def]
        levels.update(dict.fromkeys((name.name_hint for name in functions.functions), target.attrs.get("opt-level")))
        return compile_functions(functions, target)

    monkeypatch.setattr(build, "_compiled", recorded)
    assert products(tmp_path / "one", 2) == [2]
    assert levels == {"kernel0": None, "entry0": 0}


def test_a_kernel_is_compiled_once_for_all_programs(compiled: list[str], tmp_path: Path) -> None:
    assert products(tmp_path / "one", 2, 3) == [2, 3]
    assert set(compiled) == {"kernel0", "kernel1", "entry0", "entry1"}
    compiled.clear()
    # As the first of its program it is another's second.
    assert products(tmp_path / "other", 3, 5) == [3, 5]
    assert set(compiled) == {"kernel1", "entry0", "entry1"}
    compiled.clear()
    assert products(tmp_path / "again", 2, 3) == [2, 3]
    assert compiled == []
    assert (tmp_path / "again" / "kernels.so").read_bytes() == (tmp_path / "one" / "kernels.so").read_bytes()


def test_what_is_damaged_is_compiled_again(compiled: list[str], objects: Path, tmp_path: Path) -> None:
    products(tmp_path / "one", 2, 3)
    damaged = sorted(objects.glob("*/*"))[0]
    damaged.write_bytes(damaged.read_bytes()[:-100])
    compiled.clear()
    assert products(tmp_path / "other", 2, 3) == [2, 3]
    assert len(set(compiled)) in (1, 2)  # a kernel, or both entries
    assert damaged.stat().st_size > 100


def pieces(factor: float, target: str) -> list[ModulePiece]:
    return split(kernel_module(Times(factor), TARGETS[target]))


def keys(made: list[ModulePiece], target: str) -> set[str]:
    return {build._key(piece, TARGETS[target].tvm_target()) for piece in made}


def other_tvm(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(build.tvm, "__version__", "1.0")


def other_llvm(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(build.tvm, "get_global_func", lambda name: lambda: 1)


def other_code(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Path, "read_bytes", lambda path: b"changed")


@pytest.mark.parametrize("change", [other_tvm, other_llvm, other_code])
def test_other_tools_make_other_objects(
    change: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = pieces(2, NAME)
    before = keys(made, NAME)
    build._tools.cache_clear()
    with monkeypatch.context() as patch:
        change(patch)
        assert not keys(made, NAME) & before
    build._tools.cache_clear()
    assert keys(pieces(2, NAME), NAME) == before


def test_other_kernels_and_other_targets_make_other_objects() -> None:
    told = [(2, NAME), (3, NAME), (2, "x86-64-v4"), (2, "aarch64")]
    made = [keys(pieces(factor, target), target) for factor, target in told]
    assert [len(each) for each in made] == [2] * 4, "a kernel, and its entry"
    assert len(set().union(*made)) == 8


def test_kernels_that_say_the_same_are_one(tmp_path: Path) -> None:
    assert products(tmp_path / "one", 2, 2.0, 3) == [2, 2, 3]
    kernels = [name for name in symbols(tmp_path / "one" / "kernels.so") if name.startswith("zcc_kernel_")]
    assert len(kernels) == 2


def _build_in(folder: Path) -> list[float]:
    return products(folder, 2, 3, 5)


def test_several_processes_build_the_same_at_once(tmp_path: Path) -> None:
    with multiprocessing.get_context("fork").Pool(3) as pool:
        built = pool.map(_build_in, [tmp_path / str(number) for number in range(3)])
    assert built == [[2, 3, 5]] * 3
