"""CUDA source becomes programs for cards, on a machine that has none."""

from __future__ import annotations

from pathlib import Path

import pytest

from zcc.compiler.backends.cuda import nvrtc
from zcc.compiler.backends.cuda.nvrtc import compile_cuda, version
from zcc.runtime.errors import BuildError

SOURCE = """
#include "twice.cuh"
extern "C" __global__ void reversed(float *to, const float *from) {
    __shared__ float held[32];
    held[threadIdx.x] = from[threadIdx.x];
    __syncthreads();
    to[threadIdx.x] = twice(held[31 - threadIdx.x]);
}
"""
HEADERS = {"twice.cuh": "float twice(float x) { return 2 * x; }"}
ELF_MACHINE, CUDA = slice(18, 20), 190


@pytest.fixture(autouse=True)
def nothing_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """So that all is compiled."""
    monkeypatch.setenv("ZCC_CACHE", str(tmp_path))


@pytest.mark.parametrize("arch", ["sm_70", "sm_75", "sm_80", "sm_86", "sm_90", "sm_120"])
def test_a_program_for_each_architecture(arch: str) -> None:
    made = compile_cuda(SOURCE, arch, headers=HEADERS)
    assert made.cubin.startswith(b"\x7fELF")
    assert int.from_bytes(made.cubin[ELF_MACHINE], "little") == CUDA
    assert f".target {arch}".encode() in made.ptx
    assert made.kernels["reversed"].shared_bytes == 128
    assert made.kernels["reversed"].spilled_bytes == 0
    assert 0 < made.kernels["reversed"].registers < 64


def test_products_are_rounded_unless_asked_for() -> None:
    source = 'extern "C" __global__ void f(float *x, float a) { *x = *x * a + 1.0f; }'
    assert b"fma.rn.f32" not in compile_cuda(source, "sm_80").ptx
    assert b"fma.rn.f32" in compile_cuda(source, "sm_80", options=("--fmad=true",)).ptx


def test_the_same_is_not_compiled_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    first = compile_cuda(SOURCE, "sm_80", headers=HEADERS)
    monkeypatch.setattr(nvrtc, "_Program", None)
    assert compile_cuda(SOURCE, "sm_80", headers=HEADERS) == first
    for other in ({"options": ("--fmad=true",)}, {"headers": {"twice.cuh": ""}}, {"name": "other.cu"}):
        with pytest.raises(TypeError):
            compile_cuda(SOURCE, "sm_80", **{"headers": HEADERS, **other})


def test_the_first_complaint_is_the_error() -> None:
    with pytest.raises(BuildError, match=r"kernels\.cu\(1\): error: identifier \"nothing\" is undefined"):
        compile_cuda('extern "C" __global__ void f() { nothing(); }', "sm_80")


def test_an_unknown_architecture_is_refused() -> None:
    with pytest.raises(BuildError, match="sm_11"):
        compile_cuda(SOURCE, "sm_11", headers=HEADERS)


def test_the_version_is_told() -> None:
    assert version().startswith("12.")
