"""The wheel: complete, and with a runtime that needs numpy and tvm_ffi alone."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest
import tomli

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = {
    name: ROOT / folder
    for name, folder in tomli.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-dir"].items()
}
# What numpy and tvm_ffi themselves import.
RUNTIME_NEEDS = ("numpy", "numpy.libs", "tvm_ffi", "apache_tvm_ffi.libs", "typing_extensions.py")


@pytest.fixture(scope="module")
def device(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder to import from that holds what a device has: the wheel's content, numpy and tvm_ffi."""
    folder = tmp_path_factory.mktemp("device")
    with ZipFile(wheel) as archive:
        archive.extractall(folder)
    for spec in (importlib.util.find_spec("numpy"), importlib.util.find_spec("tvm_ffi")):
        assert spec is not None
        assert spec.origin is not None
        site = Path(spec.origin).parent.parent
        for name in RUNTIME_NEEDS:
            if (site / name).exists() and not (folder / name).exists():
                (folder / name).symlink_to(site / name)
    return folder


def run_on(device: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Run code that sees the standard library and the device's folder, no site-packages."""
    return subprocess.run(
        [sys.executable, "-S", "-c", code],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(device), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=device,
        timeout=60,
    )


def test_every_source_file_is_in_the_wheel(wheel: Path) -> None:
    expected = {
        str(Path(*name.split(".")) / path.relative_to(folder))
        for name, folder in FOLDERS.items()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert packed == expected


def test_the_wheel_carries_the_sample_the_migrations_and_the_marker(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        names = archive.namelist()
    assert "zcc/py.typed" in names
    assert "zcc/sample/shapes.onnx" in names
    assert any(name.startswith("zcc/sample/") and name.endswith(".jpg") for name in names)
    assert any(name.startswith("zcc/registry/migrations/versions/") for name in names)
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_runtime_imports_with_numpy_and_tvm_ffi_alone(device: Path) -> None:
    code = """
import importlib, pkgutil, sys
import zcc.runtime
for module in pkgutil.walk_packages(zcc.runtime.__path__, "zcc.runtime."):
    importlib.import_module(module.name)
tops = {name.partition(".")[0] for name in sys.modules}
print(*sorted(tops - set(sys.stdlib_module_names) - {"__main__"}))
"""
    done = run_on(device, code)
    assert done.returncode == 0, done.stderr
    loaded = {name for name in done.stdout.split() if not name.startswith("_")}
    assert {"zcc", "numpy"} <= loaded <= {"zcc", "numpy", "tvm_ffi", "typing_extensions", "cython_runtime"}


def test_the_device_really_lacks_the_rest(device: Path) -> None:
    for name in ("tvm", "onnx", "click", "sqlalchemy"):
        assert f"No module named '{name}'" in run_on(device, f"import {name}").stderr


def test_the_version_is_written_once(device: Path) -> None:
    code = "import importlib.metadata as m, zcc; print(m.version('zcc-yolo') == zcc.__version__)"
    assert run_on(device, code).stdout.strip() == "True"
