"""CUDA source into cubin and PTX, on any machine: NVIDIA's run-time compiler, as the package index has it.

No toolkit and no card are needed, and no headers of NVIDIA's: sources include `device.cuh` for what they share, which
is handed to the compiler together with them.
"""

from __future__ import annotations

import ctypes
import importlib.util
import re
from collections.abc import Mapping, Sequence
from ctypes import POINTER, byref, c_char_p, c_int, c_size_t, c_void_p
from functools import cache
from pathlib import Path

from zcc.compiler.backends.cuda.kept_code import Compiled, Resources, kept_or_made
from zcc.runtime.distribution import how_to_install
from zcc.runtime.errors import BuildError

PACKAGE = "nvidia.cuda_nvrtc"
LIBRARY = "lib/libnvrtc.so.12"
# Products stay rounded where the source says so, and only there: sources call fmaf where they mean it.
OPTIONS = ("--std=c++17", "--fmad=false", "--ptxas-options=-v", "--device-as-default-execution-space")
_ENTRY = re.compile(r"Compiling entry function '(\w+)'")
_FRAME = re.compile(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads")
_USED = re.compile(r"Used (\d+) registers")
_SHARED = re.compile(r"(\d+) bytes smem")


def compile_cuda(
    source: str,
    arch: str,
    *,
    name: str = "kernels.cu",
    headers: Mapping[str, str] | None = None,
    options: Sequence[str] = (),
) -> Compiled:
    """Compile a source for an architecture such as sm_90; BuildError with the compiler's first complaint.

    Options come after zcc's own, so `--fmad=true` lets products melt into sums. What was compiled before is not again.
    """
    told = (f"--gpu-architecture={arch}", *OPTIONS, *options)
    included = dict(headers or {})

    def make() -> Compiled:
        program = _Program(source, name, included)
        try:
            program.compile(told, arch)
            return Compiled(program.bytes("CUBIN"), program.bytes("PTX"), _resources(program.log()))
        finally:
            program.destroy()

    return kept_or_made([source, name, included, told, _compiler()], make)


@cache
def version() -> str:
    """The compiler's version, for the fingerprint."""
    major, minor = c_int(), c_int()
    _library().nvrtcVersion(byref(major), byref(minor))
    return f"{major.value}.{minor.value}"


@cache
def _compiler() -> list[str | int]:
    """What tells this compiler from another, which may make other code."""
    file = _place().stat()
    return [version(), file.st_size, file.st_mtime_ns]


@cache
def _place() -> Path:
    spec = importlib.util.find_spec(PACKAGE) if importlib.util.find_spec(PACKAGE.partition(".")[0]) else None
    places = [Path(place) / LIBRARY for place in (spec and spec.submodule_search_locations) or ()]
    found = next((place for place in places if place.exists()), None)
    if found is None:
        raise BuildError("NVIDIA's compiler NVRTC 12 is not installed", how_to_install("cuda"))
    return found


@cache
def _library() -> ctypes.CDLL:
    library = ctypes.CDLL(str(_place()))
    library.nvrtcGetErrorString.restype = c_char_p
    texts = POINTER(c_char_p)
    library.nvrtcCreateProgram.argtypes = [POINTER(c_void_p), c_char_p, c_char_p, c_int, texts, texts]
    library.nvrtcCompileProgram.argtypes = [c_void_p, c_int, texts]
    library.nvrtcDestroyProgram.argtypes = [POINTER(c_void_p)]
    for what in ("CUBIN", "PTX", "ProgramLog"):
        getattr(library, f"nvrtcGet{what}Size").argtypes = [c_void_p, POINTER(c_size_t)]
        getattr(library, f"nvrtcGet{what}").argtypes = [c_void_p, c_char_p]
    return library


class _Program:
    """One compilation."""

    def __init__(self, source: str, name: str, headers: Mapping[str, str]) -> None:
        self._library = _library()
        self._handle = c_void_p()
        texts, names = _texts(list(headers.values())), _texts(list(headers))
        self._do("CreateProgram", byref(self._handle), source.encode(), name.encode(), len(headers), texts, names)

    def compile(self, options: Sequence[str], arch: str) -> None:
        if self._library.nvrtcCompileProgram(self._handle, len(options), _texts(options)):
            complaints = [line for line in self.log().splitlines() if "error" in line]
            what = complaints[0] if complaints else self.log().strip() or "it gives no reason"
            raise BuildError(f"NVRTC {version()} refuses a kernel for {arch}: {what}", "report it with the model")

    def bytes(self, what: str) -> bytes:
        size = c_size_t()
        self._do(f"Get{what}Size", self._handle, byref(size))
        buffer = ctypes.create_string_buffer(size.value)
        self._do(f"Get{what}", self._handle, buffer)
        return buffer.raw

    def log(self) -> str:
        return self.bytes("ProgramLog").rstrip(b"\0").decode(errors="replace")

    def destroy(self) -> None:
        self._do("DestroyProgram", byref(self._handle))

    def _do(self, function: str, *arguments: object) -> None:
        status = getattr(self._library, f"nvrtc{function}")(*arguments)
        if status:
            reason = self._library.nvrtcGetErrorString(status).decode()
            raise BuildError(f"NVRTC's {function} fails: {reason}", "compile again")


def _texts(items: Sequence[str]) -> ctypes.Array[c_char_p]:
    return (c_char_p * len(items))(*(item.encode() for item in items))


def _resources(log: str) -> dict[str, Resources]:
    """What ptxas says of each kernel."""
    found: dict[str, Resources] = {}
    name, stack, spilled = "", 0, 0
    for line in log.splitlines():
        if entry := _ENTRY.search(line):
            name, stack, spilled = entry[1], 0, 0
        elif (frame := _FRAME.search(line)) and name:
            stack, spilled = int(frame[1]), int(frame[2]) + int(frame[3])
        elif (used := _USED.search(line)) and name:
            shared = _SHARED.search(line)
            found[name] = Resources(int(used[1]), int(shared[1]) if shared else 0, spilled, stack)
            name = ""
    return found
