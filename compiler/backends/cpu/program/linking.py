"""From object files to a shared library: by this machine's compiler, or by a linker for another kind of machine."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from zcc.runtime import host
from zcc.runtime.cache import cache_folder
from zcc.runtime.distribution import how_to_install
from zcc.runtime.errors import BuildError

Link = Callable[..., None]
ZIG = "ziglang"


def cross_linker(triple: str) -> Link | None:
    """What links for machines of the triple; None for machines like this one, which TVM links for by itself."""
    architecture, _, system, _ = triple.split("-")
    if (system, architecture) == (host.system(), host.architecture()):
        return None
    command = next((found for find in (_zig, _gcc) if (found := find(architecture)) is not None), None)
    if command is None:
        raise BuildError(
            f"there is no linker for {system} on {architecture} here",
            f"{how_to_install('cross')}, or install {_gcc_name(architecture)}",
        )
    return _linking_by(command)


def _zig(architecture: str) -> Sequence[str] | None:
    """The one from the Python registry, which links for every machine.

    What the code calls of the C library is found in the process, which has it: Zig need not build one.
    """
    if importlib.util.find_spec(ZIG) is None:
        return None
    return (sys.executable, "-m", ZIG, "cc", "-target", f"{architecture}-linux-gnu", "-nostdlib")


def _gcc(architecture: str) -> Sequence[str] | None:
    """A cross-compiler of the system, as Debian calls it."""
    found = shutil.which(_gcc_name(architecture))
    return None if found is None else (found,)


def _gcc_name(architecture: str) -> str:
    return f"{architecture}-linux-gnu-gcc"


def _linking_by(command: Sequence[str]) -> Link:
    def link(library: str, objects: Sequence[str], options: Sequence[str] = ()) -> None:
        line = [*command, "-shared", "-fPIC", *options, "-o", library, *objects]
        done = subprocess.run(line, capture_output=True, text=True, env=_environment())
        if done.returncode:
            complaint = " ".join(done.stderr.split()) or f"it ended with {done.returncode}"
            raise BuildError(
                f"{' '.join(command)} cannot link {Path(library).name}: {complaint}", "install another one"
            )

    return link


def _environment() -> Mapping[str, str]:
    """Zig keeps notes, which lie with what else may be deleted at any time."""
    kept = str(cache_folder() / "zig")
    return {**os.environ, "ZIG_GLOBAL_CACHE_DIR": kept, "ZIG_LOCAL_CACHE_DIR": kept}
