"""Commands on a variant for a card: its driver is pretended, and its kernels are run by the host."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.process import assert_one_line, run_zcc
from tests.compiler.backends.cuda.host_device import needs_compiler
from tests.registry.samples import artifact
from tests.runtime.executors.pretended import HEAD, MAX_DET, SPEC, driver_library, program
from zcc.compiler.backends.backend import Call
from zcc.registry import Registry
from zcc.runtime.executors.frame_block import FORMATS
from zcc.runtime.manifest import FileEntry, HeadInfo, Requirements, file_sha256

pytestmark = needs_compiler


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry that holds the pretended program as the variant `card`."""
    home, folder = tmp_path_factory.mktemp("registry"), tmp_path_factory.mktemp("files")
    held = program()
    held.write(folder)
    entries = [FileEntry(path.name, file_sha256(path), path.stat().st_size) for path in sorted(folder.iterdir())]
    calls = [asdict(Call(launch.kernel, launch.label, launch.flops, launch.bytes)) for launch in held.plan.launches]
    _, manifest = artifact(
        tmp_path_factory.mktemp("sample"),
        "card",
        dtype="fp16",
        target="cuda:sm_90",
        input=SPEC,
        head=HeadInfo("anchor-free", HEAD.shape, HEAD.candidates, HEAD.classes, MAX_DET),
        classes=("a", "b", "c"),
        requires=Requirements("any", "sm_90", (), f"plan-{held.plan.version}"),
        files=tuple(entries),
        workspace={"detect": held.plan.regions["arena"], "network": held.plan.regions["arena"]},
        kernels={"calls": [call for call in calls if call["kernel"] == "copy"]},
        formats=FORMATS,
        executor="cuda",
    )
    Registry.open(home).publish(folder, manifest)
    return home


@pytest.fixture(scope="module")
def driver() -> str:
    """The folder of the driver's library."""
    return str(driver_library())


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """Noise."""
    pixels = np.random.default_rng(3).integers(0, 256, (120, 200, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "noise.png")
    return tmp_path / "noise.png"


def test_what_is_found(registry: Path, driver: str, picture: Path) -> None:
    done = run_zcc("run", "card", picture, "--json", "--registry", registry, LD_LIBRARY_PATH=driver)
    assert done.returncode == 0, done.stderr
    [found] = json.loads(done.stdout)["images"]
    assert len(found["detections"]) > 5


def test_how_accurate_it_is(registry: Path, driver: str, picture: Path, tmp_path: Path) -> None:
    (tmp_path / "data" / "images").mkdir(parents=True)
    (tmp_path / "data" / "labels").mkdir()
    picture.rename(tmp_path / "data" / "images" / "noise.png")
    (tmp_path / "data" / "labels" / "noise.txt").write_text("0 0.5 0.5 0.2 0.2\n")
    arguments = ("eval", "card", "--data", tmp_path / "data", "--json", "--registry", registry)
    done = run_zcc(*arguments, LD_LIBRARY_PATH=driver)
    assert done.returncode == 0, done.stderr
    assert 0 <= json.loads(done.stdout)["map50_95"] <= 1


def test_how_long_frames_and_the_network_take(registry: Path, driver: str) -> None:
    arguments = ("--frame", "60x80", "--rounds", "1", "--json")
    done = run_zcc("bench", "card", *arguments, "--registry", registry, LD_LIBRARY_PATH=driver)
    assert done.returncode == 0, done.stderr
    figures = {figure["metric"]: figure["value"] for figure in json.loads(done.stdout)["measured"]}
    assert figures["latency_ms"] > 0 and figures["network_ms"] > 0


def test_how_long_each_launch_takes(registry: Path, driver: str) -> None:
    options = ("--rounds", "1", "--no-limits", "--json")  # this driver runs no machine code of a card's
    done = run_zcc("profile", "card", *options, "--registry", registry, LD_LIBRARY_PATH=driver)
    assert done.returncode == 0, done.stderr
    [kernel] = json.loads(done.stdout)["kernels"]
    assert (kernel["kernel"], kernel["makes"], kernel["share"]) == ("copy", "copy", 1)


def test_the_doctor_sees_the_card(tmp_path: Path, driver: str) -> None:
    done = run_zcc("doctor", "--json", "--registry", tmp_path, LD_LIBRARY_PATH=driver)
    findings = {finding["subject"]: finding for finding in json.loads(done.stdout)["findings"]}
    assert findings["cuda:0"]["status"] == "ok" and "sm_90" in findings["cuda:0"]["detail"]
    assert "runs here, native for" in findings["target cuda:sm_90"]["detail"]


@pytest.mark.parametrize("command", [("run",), ("bench",), ("profile",)])
def test_without_a_driver_there_is_one_line(registry: Path, picture: Path, command: tuple[str, ...]) -> None:
    images = (picture,) if command == ("run",) else ()
    assert_one_line(run_zcc(*command, "card", *images, "--registry", registry, LD_LIBRARY_PATH=""), 1)
