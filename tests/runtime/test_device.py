"""A device: a virtual environment with zcc's wheel, what that requires and nothing else, and a bundle."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from tests.runtime.conftest import FAST, SLOW, Pair
from tests.runtime.samples import noise
from zcc.registry import Registry
from zcc.registry.bundle import export_bundle
from zcc.runtime.distribution import NAME, how_to_install

ABSENT = (
    "tvm",
    "onnx",
    "onnxruntime",
    "onnxsim",
    "sqlalchemy",
    "alembic",
    "click",
    "rich",
    "PIL",
    "cv2",
    "torch",
    "pip",
)


def required(name: str) -> set[str]:
    """The distributions that one brings with it, itself among them, without extras."""
    found = {name}
    for requirement in map(Requirement, distribution(name).requires or ()):
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            found |= required(requirement.name)
    return found


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of the device."""
    place = tmp_path_factory.mktemp("device")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", place], check=True, timeout=60)
    interpreter = place / "bin" / "python"
    options = ("--no-deps", "--no-index", "--no-compile", "--quiet", "--disable-pip-version-check")
    install = [sys.executable, "-m", "pip", "--python", interpreter, "install", *options, wheel]
    subprocess.run(install, check=True, timeout=60)
    [site] = place.glob("lib/python*/site-packages")
    for name in required(NAME) - {NAME}:
        link(name, site)
    return interpreter


def link(name: str, site: Path) -> None:
    """Install a distribution by links to the files that this environment has of it."""
    held = distribution(name)
    for top in {file.parts[0] for file in held.files or () if file.parts[0] not in ("..", "__pycache__")}:
        (site / top).symlink_to(Path(str(held.locate_file(top))))


def run(python: Path, home: Path, code: str, *arguments: str | Path) -> Any:
    """What the code prints on the device, as JSON; of this environment it inherits nothing."""
    environment = {"HOME": str(home), "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [python, "-I", "-c", code, *arguments], capture_output=True, text=True, env=environment, cwd=home, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


LOOK = """
import json, sys
import numpy as np
from pathlib import Path
from zcc.runtime import Detector

detector = Detector.load(sys.argv[1], target=sys.argv[2] if len(sys.argv) > 2 else None)
found = detector(np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8))
maps = Path("/proc/self/maps").read_text()
print(json.dumps({
    "target": detector.manifest.target,
    "digest": detector.manifest.digest,
    "detections": [part.tobytes().hex() for part in (found.boxes, found.scores, found.classes)],
    "unpacked": sorted({path.parent.name for path in (Path.home() / ".cache").rglob("*.bin")}),
    "mapped": sorted({Path(line).name for line in maps.splitlines() if str(Path.home()) in line}),
}))
"""


def test_the_device_has_nothing_else(python: Path, tmp_path: Path) -> None:
    code = (
        "import importlib.util, json, sys; print(json.dumps([n for n in sys.argv[1:] if importlib.util.find_spec(n)]))"
    )
    assert run(python, tmp_path, code, *ABSENT) == []
    assert run(python, tmp_path, code, "numpy", "tvm_ffi", "zcc") == ["numpy", "tvm_ffi", "zcc"]


@pytest.mark.parametrize("target", [FAST, SLOW])
def test_a_bundle_runs_there_as_it_does_here(python: Path, pair: Pair, tmp_path: Path, target: str) -> None:
    bundle, home = tmp_path / "pair.zcc", tmp_path / "home"
    home.mkdir()
    export_bundle(Registry.open(pair.home), ["tiny"], bundle)
    here = pair.load(target)
    expected = here(noise(48, 64))
    assert len(expected) > 0
    pair.home.rename(tmp_path / "gone")
    there = run(python, home, LOOK, bundle, target)
    assert (there["target"], there["digest"]) == (here.manifest.target, here.manifest.digest)
    parts = (expected.boxes, expected.scores, expected.classes)
    assert there["detections"] == [part.tobytes().hex() for part in parts]
    assert there["unpacked"] == [here.manifest.digest.removeprefix("sha256:")], "the other variant stays in the bundle"
    assert {"model.so", "weights.bin"} <= set(there["mapped"])


def test_a_name_is_refused_with_the_way_out(python: Path, tmp_path: Path) -> None:
    code = """
import json
from zcc.runtime import Detector
from zcc.runtime.errors import UsageError
try:
    Detector.load("tiny", registry="postgresql://somebody@host/zcc?files=/x")
except UsageError as error:
    print(json.dumps(str(error)))
"""
    told = run(python, tmp_path, code)
    assert "the registry needs sqlalchemy, which is not installed" in told
    assert how_to_install("compiler") in told


def test_the_command_says_what_it_needs(python: Path) -> None:
    for command in ([python, "-I", "-m", "zcc"], [python.with_name("zcc")]):
        done = subprocess.run([*command, "list"], capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == (
            f"error: the command line needs click, which is not installed; {how_to_install('compiler')}\n"
        )


def test_preferences_explanations_and_streams_work_there(python: Path, pair: Pair, tmp_path: Path) -> None:
    bundle = tmp_path / "pair.zcc"
    export_bundle(Registry.open(pair.home), ["tiny"], bundle)
    code = """
import json, sys
import numpy as np
from zcc.runtime import Detector
told = Detector.explain(sys.argv[1], prefer="most-accurate")
detector = Detector.load(sys.argv[1], prefer="most-accurate")
seen = list(detector.stream(np.zeros((8, 8, 3), np.uint8) for _ in range(3)))
try:
    list(detector.stream(sys.argv[1].removesuffix("zcc") + "png"))
except Exception as error:
    refused = str(error)
print(json.dumps([told.describe()["chosen"], detector.manifest.digest, len(seen), refused]))
"""
    (tmp_path / "pair.png").write_bytes(b"")
    chosen, loaded, seen, refused = run(python, tmp_path, code, bundle)
    assert chosen == loaded
    assert seen == 3
    assert "no decoder for pictures is installed" in refused
