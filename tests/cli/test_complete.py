"""What a shell completes, asked as shells ask."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.shell_completion import BashComplete

from tests.registry.samples import artifact
from zcc.commands.complete import DTYPES
from zcc.commands.main import cli
from zcc.compiler.precision.table import PRECISIONS
from zcc.registry import Registry


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A registry with two names, one of them tagged, that commands find by themselves."""
    registry = Registry.open(tmp_path / "home")
    for seed, name in enumerate(("street", "yard")):
        registry.publish(*artifact(tmp_path / name, name, seed=seed), tags=("stable", "night") if seed else ())
    monkeypatch.setenv("ZCC_REGISTRY", str(registry.home))
    return registry.home


def completed(*words: str) -> list[str]:
    """What the last word may become."""
    *before, begun = words
    return [each.value for each in BashComplete(cli, {}, "zcc", "_ZCC_COMPLETE").get_completions(before, begun)]


def test_names_and_tags_come_from_the_registry(home: Path) -> None:
    for command in (("run",), ("show",), ("bench", "--quick"), ("compare", "yard"), ("eval", "yard", "--against")):
        assert sorted(completed(*command, "")) == ["street", "yard"]
    assert completed("profile", "str") == ["street"]
    assert sorted(completed("run", "yard:")) == ["yard:night", "yard:stable"]
    assert completed("run", "yard:st") == ["yard:stable"]


def test_options_have_their_words(home: Path) -> None:
    assert completed("run", "yard", "--dtype", "f") == ["fp32", "fp16"]
    assert completed("compare", "a", "b", "--dtype", "fp32,i") == ["fp32,int8"]
    assert completed("run", "yard", "--target", "") == ["x86-64-v4"]
    assert "cuda:sm_90" in completed("compile", "model.onnx", "--target", "cuda:sm_9")
    assert "most-accurate" in completed("run", "yard", "--prefer", "m")
    assert set(DTYPES) == set(PRECISIONS)


def test_a_registry_that_cannot_be_read_completes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "index.sqlite").write_text("no index")
    monkeypatch.setenv("ZCC_REGISTRY", str(tmp_path))
    assert completed("run", "") == []
