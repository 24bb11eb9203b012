"""Verifying finds every kind of damage and names its place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.registry.samples import artifact
from zcc.registry import Artifact, Registry


def _flip_a_bit(path: Path) -> None:
    path.chmod(0o644)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _truncate(path: Path) -> None:
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize("damage", [_flip_a_bit, _truncate, Path.unlink])
@pytest.mark.parametrize("name", ["model.so", "weights.bin", "libtvm_runtime.so.gz", "meta.json"])
def test_damage_is_found(home: Path, tmp_path: Path, damage: Callable[[Path], None], name: str) -> None:
    registry = Registry.open(home)
    sound = registry.publish(*artifact(tmp_path / "a"))
    broken = registry.publish(*artifact(tmp_path / "b", seed=1))
    damage(broken.folder / name)
    problems = registry.verify().problems
    assert str(broken.folder / name) in {problem.path for problem in problems}
    # The library's bytes are shared; a link that is gone is gone for one alone.
    shared = name == "libtvm_runtime.so.gz" and damage is not Path.unlink
    assert (sound.digest in {problem.digest for problem in problems}) == shared


def test_publishing_again_heals(home: Path, tmp_path: Path) -> None:
    registry = Registry.open(home)
    found = registry.publish(*artifact(tmp_path / "a"))
    for name in ("model.so", "weights.bin", "meta.json"):
        _flip_a_bit(found.folder / name)
    assert registry.verify().problems != ()
    healed: Artifact = registry.publish(*artifact(tmp_path / "a"))
    assert healed.digest == found.digest and registry.verify().problems == ()
