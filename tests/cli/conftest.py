"""One real `zcc demo`, which the tests of the commands look at from all sides."""

from __future__ import annotations

import pickle
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import store
from tests.cli.process import run_zcc
from tests.runtime.samples import changed_copy
from zcc.registry import Registry
from zcc.runtime.manifest import Manifest

DONE = "done.pickle"


@dataclass(frozen=True)
class Demo:
    """What a demo left behind."""

    folder: Path  # where it ran
    done: subprocess.CompletedProcess[str]

    @property
    def registry(self) -> str:
        """The registry it filled, as `--registry` takes it."""
        return str(self.folder / "artifacts")


@pytest.fixture(scope="session")
def demo() -> Demo:
    """A demo in an empty folder, with every default."""
    folder = store.made_once("demo", _run_demo)
    return Demo(folder, pickle.loads((folder / DONE).read_bytes()))


def _run_demo(folder: Path) -> None:
    done = run_zcc("demo", cwd=folder, timeout=300, ZCC_REGISTRY="")
    assert done.returncode == 0, done.stderr
    (folder / DONE).write_bytes(pickle.dumps(done))


@pytest.fixture(scope="session")
def variants(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The variants that all tests share; some of them measure."""
    return make_variants(demo, tmp_path_factory)


def make_variants(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A registry with the demo's `shapes` as fp32, and as fp16 the same with weights a little off, never measured."""
    registry = Registry.open(tmp_path_factory.mktemp("variants") / "registry")
    source = Registry.open(demo.registry).artifacts()[0].folder
    registry.publish(source, Manifest.read(source))
    other = changed_copy(source, tmp_path_factory.mktemp("other") / "fp16", scale=0.98, dtype="fp16", measured=())
    registry.publish(other, Manifest.read(other))
    return str(registry.home)
