"""What an emulated machine needs, what it is called, and what becomes of programs that fail on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from zcc.compiler.backends.cpu.backend import CpuBackend
from zcc.compiler.backends.cpu.emulation.emulator import PROCESSORS, Emulator, machine_folder
from zcc.compiler.backends.cpu.targets.aarch64 import AARCH64_DOTPROD
from zcc.compiler.backends.cpu.targets.aarch64 import PROCESSORS as TARGETS
from zcc.runtime import host
from zcc.runtime.errors import BuildError

EMULATOR = Emulator(AARCH64_DOTPROD)
needs_foreign = pytest.mark.skipif(host.architecture() == "aarch64", reason="ARM is not emulated on ARM")


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """A qemu of our own, the only one there is, and a system for it."""
    qemu = folder / "qemu-aarch64"
    qemu.write_text(f"#!/bin/sh\n{script}\n")
    qemu.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("ZCC_CACHE", str(folder / "cache"))
    python = machine_folder("aarch64") / "usr" / "bin" / "python3.11"
    python.parent.mkdir(parents=True)
    python.touch()


def test_every_target_has_a_processor() -> None:
    assert list(PROCESSORS) == [target.name for target in TARGETS]


@needs_foreign
def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "qemu-aarch64 is not installed" in CpuBackend().running(AARCH64_DOTPROD).why_not
    install(tmp_path, monkeypatch, "exit 0")
    assert EMULATOR.missing == ""
    monkeypatch.setenv("ZCC_CACHE", str(tmp_path / "other"))
    assert "holds no system for qemu-aarch64" in CpuBackend().running(AARCH64_DOTPROD).why_not


@needs_foreign
def test_manifests_name_the_emulator_and_the_processor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch, "echo 'qemu-aarch64 version 7.2.22 (Debian 1:7.2)'")
    assert CpuBackend().running(AARCH64_DOTPROD).how == "emulated by qemu-aarch64 7.2.22 as cortex-a76"


def test_the_processor_has_the_target_and_the_runtime_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    look = 'while read -r line; do echo "$line" >&2; done < "$4/proc/cpuinfo"; test -d "$4/packages/zcc/runtime"'
    install(tmp_path, monkeypatch, f"{look} && echo $2 >&2; exit 3")
    with pytest.raises(BuildError, match="qemu-aarch64 could not run what was built: cortex-a76"):
        EMULATOR.run(tmp_path / "script.py")
    install_again = f"{look}; exit 3"
    (tmp_path / "qemu-aarch64").write_text(f"#!/bin/sh\n{install_again}\n")
    with pytest.raises(BuildError, match="Features : asimd asimddp asimdhp"):
        EMULATOR.run(tmp_path / "script.py")
