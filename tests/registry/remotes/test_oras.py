"""Another client: what zcc pushed oras pulls, and what oras pushed zcc pulls."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.oci.server import PASSWORD, USER, OciServer
from tests.registry.samples import artifact
from zcc.registry import Registry
from zcc.registry.remotes.listing import list_tags
from zcc.registry.remotes.pull import pull
from zcc.registry.remotes.push import push
from zcc.runtime.manifest import FILENAME
from zcc.runtime.remotes.address import parse
from zcc.runtime.remotes.documents import CONFIG, FILE

client = pytest.importorskip("oras.client", reason="oras is not installed (it comes with the extra dev)")


def _logged_in(oci: OciServer) -> Any:
    oras = client.OrasClient(hostname=oci.host, auth_backend="basic")
    oras.auth.set_basic_auth(USER, PASSWORD)
    return oras


def test_oras_pulls_what_zcc_pushed(oci: OciServer, tmp_path: Path) -> None:
    registry = Registry.open(tmp_path / "ours")
    mine = registry.publish(*artifact(tmp_path / "a"))
    there = parse(f"oci://{oci.host}/oras/pulls:prod")
    push(registry, [mine], there)
    [variant] = list_tags(there)[0].variants
    got = _logged_in(oci).pull(target=f"{there.place}@{variant.digest}", outdir=str(tmp_path / "got"))
    names = {entry.path for entry in mine.manifest.files}
    assert {Path(path).name for path in got} == names
    for name in names:
        assert (tmp_path / "got" / name).read_bytes() == (mine.folder / name).read_bytes()


def test_zcc_pulls_what_oras_pushed(oci: OciServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, manifest = artifact(tmp_path / "a")
    (folder / FILENAME).write_text(manifest.to_json())
    monkeypatch.chdir(folder)
    _logged_in(oci).push(
        target=f"{oci.host}/oras/pushes:prod",
        files=[f"{entry.path}:{FILE}" for entry in manifest.files],
        manifest_config=f"{FILENAME}:{CONFIG}",
    )
    registry = Registry.open(tmp_path / "theirs")
    [got] = pull(registry, parse(f"oci://{oci.host}/oras/pushes:prod")).artifacts
    assert got.digest == manifest.digest
    assert registry.verify().problems == ()
    for entry in manifest.files:
        assert os.stat(got.folder / entry.path).st_size == entry.size  # noqa: PTH116


def test_what_is_no_detector_is_told_as_that(oci: OciServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("notes.txt").write_text("nothing of zcc's")
    _logged_in(oci).push(target=f"{oci.host}/oras/notes:v1", files=["notes.txt:text/plain"])
    with pytest.raises(Exception, match=r"no detector of zcc's"):
        pull(Registry.open(tmp_path / "theirs"), parse(f"oci://{oci.host}/oras/notes:v1"))
