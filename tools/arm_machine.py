"""Lay a folder with what a 64-bit ARM machine has, for qemu-user: Debian's Python, and what zcc's runtime needs.

python tools/arm_machine.py [FOLDER]

Packages are unpacked, not installed, and apt's lists are the folder's own: the system stays as it is. The folder is
laid once; delete it to lay it anew.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from zcc.runtime.cache import cache_folder

ROOT = Path(__file__).resolve().parent.parent
# Where the compiler looks for it (compiler/backends/cpu/emulation/emulator.py).
FOLDER = cache_folder() / "machines" / "aarch64"
PACKAGES = ("python3", "libstdc++6")
PLATFORMS = ("manylinux_2_28_aarch64", "manylinux_2_24_aarch64", "manylinux_2_17_aarch64", "manylinux2014_aarch64")
NEEDED = re.compile(r"dependencies = \[(.*?)\]", re.DOTALL)


def lay(folder: Path) -> None:
    """The folder, whole or not at all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        laid = Path(scratch) / "laid"
        _unpack_debian(laid, Path(scratch) / "apt")
        _unpack_wheels(laid, Path(scratch) / "wheels")
        _compile(laid, Path(scratch) / "packages")
        laid.rename(folder)


def _unpack_debian(laid: Path, apt: Path) -> None:
    for name in ("lists/partial", "cache/archives/partial"):
        (apt / name).mkdir(parents=True)
    (apt / "status").touch()
    options = [
        'APT::Architecture "arm64";',
        'APT::Architectures { "arm64"; };',
        'APT::Sandbox::User "root";',
        f'Dir::State::Lists "{apt}/lists";',
        f'Dir::State::status "{apt}/status";',
        f'Dir::Cache "{apt}/cache";',
    ]
    settings = apt / "apt.conf"
    settings.write_text("\n".join(options) + "\n")
    get = ["apt-get", "--quiet=2", "--config-file", str(settings)]
    _run([*get, "update"])
    _run([*get, "install", "--yes", "--download-only", "--no-install-recommends", *PACKAGES])
    for package in sorted((apt / "cache" / "archives").glob("*.deb")):
        _run(["dpkg", "--extract", str(package), str(laid)])


def _unpack_wheels(laid: Path, wheels: Path) -> None:
    """For the Python that came, which need not be of this one's version."""
    interpreter = next((laid / "usr" / "bin").glob("python3.[0-9]*"))
    version = interpreter.name.removeprefix("python")
    line = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary=:all:", "--dest", str(wheels)]
    line += ["--python-version", version, *(word for tag in PLATFORMS for word in ("--platform", tag))]
    _run([*line, *_requirements()])
    for wheel in sorted(wheels.glob("*.whl")):
        shutil.unpack_archive(wheel, laid / "site", "zip")


def _compile(laid: Path, packages: Path) -> None:
    """What the runtime imports, compiled beside its sources: an emulated Python takes three times as long without."""
    qemu = shutil.which("qemu-aarch64")
    if qemu is None:
        return
    (packages / "zcc").mkdir(parents=True)
    shutil.copytree(ROOT / "runtime", packages / "zcc" / "runtime")
    interpreter = next((laid / "usr" / "bin").glob("python3.[0-9]*"))
    settings = {"PYTHONPATH": f"{laid / 'site'}:{packages}"}
    _run(
        [qemu, "-L", str(laid), str(interpreter), "-c", "import zcc.runtime.variant; from zcc.runtime import Detector"],
        settings,
    )


def _requirements() -> list[str]:
    """What the runtime needs, as pyproject.toml has it."""
    found = NEEDED.search((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert found is not None, "pyproject.toml names no dependencies"
    return re.findall(r'"([^"]+)"', found[1])


def _run(line: Sequence[str], settings: Mapping[str, str] | None = None) -> None:
    done = subprocess.run(line, capture_output=True, text=True, env=settings)
    if done.returncode:
        sys.exit(f"error: {line[0]} failed: {done.stderr.strip()}")


if __name__ == "__main__":
    wanted = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else FOLDER
    if not wanted.exists():
        lay(wanted)
    print(wanted)
