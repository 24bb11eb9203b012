"""Pushed and pulled through a real server, over TLS and with a login: what arrives is what left."""

from __future__ import annotations

import dataclasses
import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.oci.cutting import cutting
from tests.oci.server import OciServer
from tests.registry.samples import artifact
from zcc.registry import Artifact, Registry
from zcc.registry.remotes.adding import SETTLING
from zcc.registry.remotes.listing import list_repositories, list_tags
from zcc.registry.remotes.pull import ARRIVING, pull
from zcc.registry.remotes.push import push
from zcc.registry.remotes.upload import Uploads
from zcc.runtime.errors import NotFound, RegistryError, Unavailable, UsageError
from zcc.runtime.manifest import FILENAME, Measurement, file_sha256
from zcc.runtime.remotes.address import RemoteAddress, parse
from zcc.runtime.remotes.documents import FILE, describe
from zcc.runtime.remotes.repository import Repository
from zcc.runtime.remotes.session import RemoteSession


@pytest.fixture
def there(oci: OciServer, tmp_path: Path) -> RemoteAddress:
    """A repository of the test's own."""
    return parse(f"oci://{oci.host}/tests/{tmp_path.name.replace('_', '-').lower()}:prod")


@pytest.fixture
def ours(tmp_path: Path) -> Registry:
    """A registry with an fp32 and an int8 variant, which share a runtime library."""
    registry = Registry.open(tmp_path / "ours")
    for seed, dtype in enumerate(("fp32", "int8")):
        registry.publish(*artifact(tmp_path / dtype, seed=seed, dtype=dtype))
    return registry


def _all(registry: Registry) -> list[Artifact]:
    return registry.find("yolo")


def _blindly(registry: Registry, artifact: Artifact, there: RemoteAddress) -> None:
    """As who had seen an empty tag."""
    push(registry, [artifact], there)


def test_what_was_pushed_is_pulled(ours: Registry, there: RemoteAddress, tmp_path: Path) -> None:
    ours.record_measurement(_all(ours)[0].digest, Measurement("latency_ms", 4.5, "on a bench"))
    sent = push(ours, _all(ours), there)
    theirs = Registry.open(tmp_path / "theirs")
    pulled = pull(theirs, there)
    assert {each.digest for each in pulled.artifacts} == {each.digest for each in _all(ours)}
    assert theirs.verify().problems == ()
    for mine in _all(ours):
        [got] = theirs.find(mine.digest)
        assert got.origin == "import"
        assert [each.measurement for each in got.recorded] == [each.measurement for each in mine.recorded]
        for path in (FILENAME, *(entry.path for entry in mine.manifest.files)):
            assert (got.folder / path).read_bytes() == (mine.folder / path).read_bytes()
    once = {entry.sha256: entry.size for each in _all(ours) for entry in each.manifest.files}
    assert pulled.moved == sum(once.values())
    manifests = sum(len(each.manifest.to_json().encode()) for each in _all(ours))
    assert sent.moved == sum(once.values()) + manifests


def test_nothing_is_sent_or_fetched_twice(ours: Registry, there: RemoteAddress, tmp_path: Path) -> None:
    push(ours, _all(ours), there)
    assert push(ours, _all(ours), there).moved == 0
    theirs = Registry.open(tmp_path / "theirs")
    pull(theirs, there)
    assert pull(theirs, there).moved == 0


def test_a_variant_that_differs_in_its_weights_moves_its_weights(
    ours: Registry, there: RemoteAddress, tmp_path: Path
) -> None:
    push(ours, _all(ours), there)
    theirs = Registry.open(tmp_path / "theirs")
    pull(theirs, there)
    [old] = ours.find("yolo", dtype="fp32")
    folder = shutil.copytree(old.folder, tmp_path / "trained")
    weights = folder / "weights.bin"
    weights.chmod(0o644)
    weights.write_bytes(bytes(reversed(weights.read_bytes())))
    files = tuple(
        dataclasses.replace(each, sha256=file_sha256(weights)) if each.path == "weights.bin" else each
        for each in old.manifest.files
    )
    new = ours.publish(folder, dataclasses.replace(old.manifest, files=files, fingerprint="trained"))
    meta = len(new.manifest.to_json().encode())
    assert push(ours, [new], there).moved == weights.stat().st_size + meta
    assert pull(theirs, there, changing=True).moved == weights.stat().st_size


def test_a_tag_means_what_was_pushed_last_or_what_was_added(
    ours: Registry, there: RemoteAddress, tmp_path: Path
) -> None:
    [fp32], [int8] = (ours.find("yolo", dtype=dtype) for dtype in ("fp32", "int8"))
    push(ours, [fp32], there)
    assert push(ours, [int8], there, add=True).kept == 1
    newer = ours.publish(*artifact(tmp_path / "newer", seed=9, dtype="int8"))
    assert push(ours, [newer], there, add=True).kept == 1
    [tagged] = list_tags(there)
    assert sorted(each["dtype"] for each in tagged.describe()["variants"]) == ["fp32", "int8"]
    pulled = pull(Registry.open(tmp_path / "theirs"), there)
    assert {each.digest for each in pulled.artifacts} == {fp32.digest, newer.digest}
    push(ours, [int8], there)
    assert [each.digest for each in pull(Registry.open(tmp_path / "others"), there).artifacts] == [int8.digest]
    with pytest.raises(UsageError, match="leave out --add"):
        push(ours, [ours.publish(*artifact(tmp_path / "other", name="other"))], there, add=True)


def test_who_adds_at_the_same_moment_loses_nothing(ours: Registry, there: RemoteAddress, tmp_path: Path) -> None:
    """Two had read the tag before either wrote it: the second knows nothing of what the first one added."""
    fp32, int8 = (next(each for each in _all(ours) if each.manifest.dtype == dtype) for dtype in ("fp32", "int8"))
    waited: list[float] = []

    def overwritten(seconds: float) -> None:
        if not waited:
            _blindly(ours, int8, there)
        waited.append(seconds)

    sent = push(ours, [fp32], there, add=True, pause=overwritten)
    assert waited == [SETTLING, SETTLING] and sent.kept == 1
    pulled = pull(Registry.open(tmp_path / "theirs"), there)
    assert {each.digest for each in pulled.artifacts} == {fp32.digest, int8.digest}
    newer = ours.publish(*artifact(tmp_path / "newer", seed=9))
    assert push(ours, [fp32], there, add=True, pause=lambda _: _blindly(ours, newer, there)).kept == 1
    [latest] = pull(Registry.open(tmp_path / "others"), there).artifacts
    assert latest.digest == newer.digest, "what is of the same kind and came later stays"
    with pytest.raises(RegistryError, match="others keep moving the tag prod"):
        push(ours, [fp32], there, add=True, pause=lambda _: _blindly(ours, int8, there))


def test_platforms_are_told_to_those_who_choose_by_them(ours: Registry, there: RemoteAddress, oci: OciServer) -> None:
    push(ours, _all(ours), there)
    with RemoteSession(there) as session:
        index = json.loads(Repository(session).document("prod").content)
    assert {tuple(each["platform"].items()) for each in index["manifests"]} == {
        (("os", "linux"), ("architecture", "amd64"))
    }


def test_what_a_host_and_a_repository_hold(ours: Registry, there: RemoteAddress) -> None:
    push(ours, _all(ours), there)
    push(ours, _all(ours)[:1], dataclasses.replace(there, tag="v1"))
    assert there.repository in list_repositories(there.__class__(there.host))
    assert [(each.tag, len(each.variants)) for each in list_tags(there)] == [("prod", 2), ("v1", 1)]


def test_a_pull_takes_only_what_fits_and_no_name_by_surprise(
    ours: Registry, there: RemoteAddress, tmp_path: Path
) -> None:
    push(ours, _all(ours), there)
    theirs = Registry.open(tmp_path / "theirs")
    theirs.publish(*artifact(tmp_path / "theirs-own", seed=5))
    with pytest.raises(RegistryError, match="would mean others"):
        pull(theirs, there)
    assert len(theirs.artifacts()) == 1
    pulled = pull(theirs, there, name="camera", fits=lambda each: each.manifest.dtype == "int8")
    assert [(each.manifest.name, each.manifest.dtype) for each in pulled.artifacts] == [("camera", "int8")]
    with pytest.raises(NotFound, match="no such variant"):
        pull(theirs, there, fits=lambda each: False)


def test_a_server_without_a_login_or_a_certificate_that_is_trusted(
    ours: Registry, there: RemoteAddress, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "nowhere"))
    with pytest.raises(RegistryError, match="docker login"):
        push(ours, _all(ours), there)
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(Unavailable, match="no certificate that is trusted"):
        push(ours, _all(ours), there)


def test_an_address_is_no_name(ours: Registry, there: RemoteAddress) -> None:
    with pytest.raises(UsageError, match="zcc pull"):
        ours.tag(str(there), "prod")


def test_what_is_not_there(ours: Registry, there: RemoteAddress, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="zcc remote list"):
        pull(ours, there)


def test_a_helper_keeps_the_login(
    ours: Registry, there: RemoteAddress, oci: OciServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = json.dumps({"ServerURL": oci.host, "Username": "camera", "Secret": "correct horse"})
    helper = tmp_path / "bin" / "docker-credential-tests"
    helper.parent.mkdir()
    helper.write_text(f"#!/bin/sh\ntest \"$(cat)\" = {oci.host} && echo '{secret}'\n")
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", str(helper.parent), prepend=":")
    (tmp_path / "docker" / "config.json").write_text(json.dumps({"credHelpers": {oci.host: "tests"}}))
    assert push(ours, _all(ours), there).moved > 0


def test_the_command_line(ours: Registry, there: RemoteAddress, tmp_path: Path) -> None:
    def zcc(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "zcc", *words], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    here, elsewhere = str(ours.home), str(tmp_path / "theirs")
    assert "pushed yolo int8" in zcc("push", "yolo", str(there), "--registry", here)
    told = json.loads(zcc("pull", str(there), "--registry", elsewhere, "--json"))
    assert sorted(told["digests"]) == sorted(each.digest for each in _all(ours))
    assert told["bytes"] > 0
    assert not list((tmp_path / "theirs" / ARRIVING).iterdir())
    assert "yolo int8 x86-64-v4" in zcc("remote", "list", f"oci://{there.place}")
    assert there.repository in json.loads(zcc("remote", "list", f"oci://{there.host}", "--json"))["repositories"]


def test_a_large_blob_goes_in_pieces(oci: OciServer, there: RemoteAddress) -> None:
    content = bytes(range(256)) * 10_000
    blob = describe(content, FILE)
    with RemoteSession(there, "pull,push") as session:
        uploads = Uploads(session, piece=700_000)
        uploads.add_bytes(content, blob)
        assert uploads.moved == len(content)
        uploads.add_bytes(content, blob)
        assert uploads.moved == len(content), "what is there is not sent"
        assert Repository(session).blob(blob, len(content)) == content


def test_pieces_over_a_wire_that_breaks(oci: OciServer, there: RemoteAddress) -> None:
    content = random.Random(5).randbytes(3_000_000)
    blob = describe(content, FILE)
    lives = iter((50_000, 1_000_000, 1_900_000, 2_500_000))
    with cutting(oci.port, lambda: next(lives, None)) as proxy:
        oci.log_in(Path(os.environ["DOCKER_CONFIG"]), f"127.0.0.1:{proxy.port}")
        through = dataclasses.replace(there, host=f"127.0.0.1:{proxy.port}")
        with RemoteSession(through, "pull,push") as session:
            uploads = Uploads(session, piece=700_000, pause=lambda seconds: None)
            uploads.add_bytes(content, blob)
            assert proxy.cuts >= 3, "where the server had stored what broke off, the last wire lives long enough"
            assert Repository(session).blob(blob, len(content)) == content
