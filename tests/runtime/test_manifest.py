"""The manifest: its text, its name, and what is refused as one."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from tests.registry.samples import artifact
from zcc.runtime.errors import CorruptArtifact, IncompatibleHost
from zcc.runtime.manifest import FILENAME, Manifest, Measurement


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    """A manifest with a word beyond ASCII in it."""
    return artifact(tmp_path / "a", classes=("Scheibe", "star ☆"))[1]


def test_the_text_is_canonical_and_names_the_artifact(manifest: Manifest) -> None:
    text = manifest.to_json()
    raw = json.loads(text)
    assert text == json.dumps(raw, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert "☆" in text
    assert manifest.digest == "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def test_a_manifest_read_back_is_the_same(manifest: Manifest, tmp_path: Path) -> None:
    (tmp_path / FILENAME).write_text(manifest.to_json(), encoding="utf-8")
    again = Manifest.read(tmp_path)
    assert again == manifest
    assert (again.digest, again.to_json()) == (manifest.digest, manifest.to_json())
    assert pickle.loads(pickle.dumps(again)).digest == manifest.digest


def test_an_older_manifest_keeps_its_name(manifest: Manifest) -> None:
    """Written before some field with a default existed, as every manifest will be one day."""
    raw = json.loads(manifest.to_json())
    del raw["tuning_digest"], raw["measured"]
    text = json.dumps(raw, sort_keys=True, separators=(",", ":"))
    old = Manifest.from_json(text)
    assert (old.tuning_digest, old.measured) == (None, ())
    assert old.to_json() == text
    assert old.digest == "sha256:" + hashlib.sha256(text.encode()).hexdigest()
    assert old.describe()["digest"] == old.digest


def test_a_changed_manifest_has_another_name(manifest: Manifest) -> None:
    read = Manifest.from_json(manifest.to_json())
    changed = dataclasses.replace(read, measured=(Measurement("latency_ms", 1.0, "by hand"),))
    assert changed.digest != read.digest
    assert Manifest.from_json(changed.to_json()) == changed


def test_what_is_no_json_number_is_never_written(manifest: Manifest) -> None:
    changed = dataclasses.replace(manifest, measured=(Measurement("latency_ms", float("nan"), "by hand"),))
    with pytest.raises(ValueError, match="JSON"):
        changed.to_json()


@pytest.mark.parametrize("changes", [{"schema": 2}, {"schema": 2, "streams": 4}, {"streams": 4}])
def test_a_newer_manifest_is_refused_with_the_reason(manifest: Manifest, changes: dict[str, Any]) -> None:
    text = json.dumps({**json.loads(manifest.to_json()), **changes})
    with pytest.raises(IncompatibleHost, match="schema") as caught:
        Manifest.from_json(text, "here/meta.json")
    assert "here/meta.json" in str(caught.value)
    assert all(name in str(caught.value) for name in changes if name != "schema")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"schema"',
        b"{}",
        b'{"schema": 1}',
        b'\xff\xfe{"schema": 1}',
        b"[" * 100_000,
        b'{"schema": 1, "input": 3}',
    ],
    ids=range(10),
)
def test_what_is_no_manifest_is_corrupt(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILENAME).write_bytes(content)
    with pytest.raises(CorruptArtifact, match=FILENAME):
        Manifest.read(tmp_path)


@pytest.mark.parametrize("value", [None, 7, "x", [], {}, [3], [{"path": 1}]])
def test_a_field_of_a_wrong_kind_raises_nothing_of_pythons_own(manifest: Manifest, value: Any) -> None:
    raw = json.loads(manifest.to_json())
    for name in raw:
        with contextlib.suppress(CorruptArtifact, IncompatibleHost):
            Manifest.from_json(json.dumps({**raw, name: value}))


def test_a_missing_field_is_named(manifest: Manifest) -> None:
    raw = json.loads(manifest.to_json())
    del raw["workspace"]
    with pytest.raises(CorruptArtifact, match="workspace"):
        Manifest.from_json(json.dumps(raw))


def test_a_folder_without_one_is_named(tmp_path: Path) -> None:
    with pytest.raises(CorruptArtifact, match=str(tmp_path)):
        Manifest.read(tmp_path)
