"""A detector compiled for a card through the same door as for a CPU; no card is needed to compile."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest

from tests.compiler.bare_heads import distributed
from tests.conftest import Tiny
from zcc.compiler.backends.cuda.targets import CARDS, TARGETS
from zcc.compiler.backends.table import BACKENDS, backend_of, targets
from zcc.compiler.compile import CompileOptions, Result, compile_model
from zcc.registry import Registry
from zcc.registry.bundle import export_bundle
from zcc.runtime import Detector
from zcc.runtime.errors import IncompatibleHost, NotFound
from zcc.runtime.executors.cuda_obstacle import runs_on
from zcc.runtime.executors.cuda_program import read_program
from zcc.runtime.executors.table import EXECUTORS
from zcc.runtime.manifest import Manifest
from zcc.runtime.manifest_rules import EXECUTORS as NAMED

TARGET = "cuda:sm_90"


@pytest.fixture(scope="module")
def mixed(tiny_artifact: Tiny, tmp_path_factory: pytest.TempPathFactory) -> tuple[Registry, Result]:
    """A registry with a variant for this processor and one for cards, of one name."""
    place = tmp_path_factory.mktemp("mixed")
    shutil.copytree(tiny_artifact.home, place / "registry")
    registry = Registry.open(place / "registry")
    onnx.save(distributed(4, (64, 64)), place / "tiny.onnx")
    options = CompileOptions(place / "tiny.onnx", name="tiny", dtypes=("fp16",), target=TARGET)
    [made] = compile_model(options, registry)
    return registry, made


def test_an_executor_stands_for_every_backend() -> None:
    assert [backend.name for backend in BACKENDS] == list(EXECUTORS) == list(NAMED)
    assert {backend_of(target).name for target in targets().values()} == set(EXECUTORS)


def test_the_manifest_says_what_a_card_must_be(mixed: tuple[Registry, Result]) -> None:
    manifest = mixed[1].manifest
    assert (manifest.executor, manifest.target, manifest.requires.arch) == ("cuda", TARGET, "sm_90")
    assert "nvrtc" in manifest.versions
    assert {"plan.json", "weights.bin"} < {entry.path for entry in manifest.files}
    assert Manifest.from_json(manifest.to_json()) == manifest


def test_the_files_are_the_plan(mixed: tuple[Registry, Result]) -> None:
    made = mixed[1]
    program = read_program(made.folder, made.manifest.input, made.manifest.head.max_det, "key")
    assert program.plan.arch == "sm_90"
    assert len(made.manifest.kernels["calls"]) == len(program.plan.indices_of(("network",)))
    assert made.manifest.workspace["detect"] == program.plan.regions["arena"]


def test_a_host_without_a_card_takes_the_other_variant(
    mixed: tuple[Registry, Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry, _ = mixed
    monkeypatch.setattr("zcc.runtime.executors.cuda_obstacle.capabilities", lambda: [])
    bundle = tmp_path / "tiny.zcc"
    export_bundle(registry, ["tiny"], bundle)
    detector = Detector.load(bundle)
    assert detector.manifest.executor == "cpu"
    detector(np.zeros((48, 64, 3), np.uint8))
    with pytest.raises(IncompatibleHost, match="no card of NVIDIA's"):
        Detector.load(bundle, device="cuda")


def test_a_device_of_another_kind_is_refused(tiny_artifact: Tiny) -> None:
    with pytest.raises(NotFound, match=r"no such variant; there is fp32 for .*leave out dtype, target and device"):
        Detector.load(tiny_artifact.folder, device="cuda:0")


def test_code_runs_on_its_generation_and_ptx_on_younger_cards() -> None:
    assert runs_on((8, 9), "sm_86", has_ptx=False)
    assert not runs_on((9, 0), "sm_86", has_ptx=False)
    assert runs_on((9, 0), "sm_86", has_ptx=True)
    assert not runs_on((8, 0), "sm_86", has_ptx=True)


@pytest.mark.parametrize("number", CARDS)
def test_targets_are_capabilities(number: int) -> None:
    target = TARGETS[f"cuda:sm_{number}"]
    assert target.capability.arch == f"sm_{number}"
    assert target.computes("fp16") and target.computes("bf16") == (number >= 80)
    assert target.key == f"cuda-sm_{number}"
