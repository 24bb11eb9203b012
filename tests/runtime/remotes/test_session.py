"""Requests to servers that want tokens, lead elsewhere, or lie: what is told to whom, and what is refused."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.oci.hostile import REPOSITORY, Liar, Reply, honest, lying
from tests.registry.samples import artifact
from zcc.runtime.errors import CorruptArtifact, RegistryError, ZccError
from zcc.runtime.manifest import Manifest
from zcc.runtime.remotes.address import parse
from zcc.runtime.remotes.source import Remote

SECRET = "Basic " + base64.b64encode(b"me:secret").decode()


@pytest.fixture
def sample(tmp_path: Path) -> tuple[Path, Manifest]:
    """An artifact to serve."""
    return artifact(tmp_path / "net", "net")


@pytest.fixture
def liar(sample: tuple[Path, Manifest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Liar]:
    """A server that is honest until told otherwise, and that we are logged in to."""
    monkeypatch.setenv("ZCC_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(tmp_path / "auth.json"))
    with lying(honest(*sample)) as server:
        entry = {"auth": SECRET.removeprefix("Basic ")}
        (tmp_path / "auth.json").write_text(json.dumps({"auths": {server.host: entry}}))
        yield server


def _load(server: Liar) -> Path:
    remote = Remote(parse(server.address), remembers=False)
    [variant] = remote.variants()
    return remote.folder(variant)


def test_an_honest_server_is_read_and_what_is_here_is_not_asked_for_again(
    liar: Liar, sample: tuple[Path, Manifest]
) -> None:
    folder = _load(liar)
    for entry in sample[1].files:
        assert (folder / entry.path).read_bytes() == (sample[0] / entry.path).read_bytes()
    liar.asked.clear()
    _load(liar)
    first, *others = [each.path for each in liar.asked]
    assert first == f"/v2/{REPOSITORY}/manifests/v1"
    assert len(others) == 2 and "/referrers/" in others[0] and "/manifests/sha256-" in others[1], (
        "signatures may be new"
    )


def test_a_token_is_fetched_where_the_registry_says(liar: Liar) -> None:
    with lying({}) as tokens:
        tokens.say = lambda path, reply: Reply(200, {}, b'{"access_token":"abc"}')
        challenge = f'Bearer realm="http://{tokens.host}/token",service="s"'

        def say(path: str, reply: Reply) -> Reply:
            known = liar.asked[-1].authorization == "Bearer abc"
            return reply if known else Reply(401, {"WWW-Authenticate": challenge})

        liar.say = say
        _load(liar)
        assert len(tokens.asked) == 2, "one for the documents, one for the files"
        assert {each.authorization for each in tokens.asked} == {SECRET}
        assert "scope=repository%3Alies%2Fyolo%3Apull" in tokens.asked[0].path


def test_connections_beside_one_another_need_one_token(liar: Liar) -> None:
    from zcc.runtime.remotes.session import RemoteSession

    with lying({}) as tokens, RemoteSession(parse(liar.address)) as session:
        tokens.say = lambda path, reply: Reply(200, {}, b'{"token":"abc"}')
        challenge = f'Bearer realm="http://{tokens.host}/token",service="s"'
        liar.say = lambda path, reply: (
            reply if liar.asked[-1].authorization else Reply(401, {"WWW-Authenticate": challenge})
        )
        path = session.path("manifests", "v1")
        with session.beside() as early:
            assert session.ask("GET", path).status == early.ask("GET", path).status == 200
        with session.beside() as later:
            assert later.ask("GET", path).status == 200
        assert len(tokens.asked) == 2, "who came before there was a token asked for one"


def test_where_blobs_lie_elsewhere_nobody_is_told_who_asks(liar: Liar) -> None:
    with lying(liar.replies) as storage:
        liar.say = lambda path, reply: (
            Reply(401, {"WWW-Authenticate": "Basic realm=x"})
            if liar.asked[-1].authorization is None
            else Reply(307, {"Location": f"http://{storage.host}{path}"})
            if "/blobs/" in path
            else reply
        )
        _load(liar)
        assert len(storage.asked) == 4
        assert [each.authorization for each in storage.asked] == [None] * 4
        assert SECRET in {each.authorization for each in liar.asked}


@pytest.mark.parametrize(
    "location", ["file:///etc/passwd", "ftp://127.0.0.1/x", "http://[::1", "http://u:p@127.0.0.1/", "https://", "."]
)
def test_places_that_are_not_gone_to(liar: Liar, location: str) -> None:
    liar.say = lambda path, reply: Reply(302, {"Location": location}) if "/blobs/" in path else reply
    with pytest.raises(ZccError):
        _load(liar)


def test_documents_are_not_fetched_elsewhere(liar: Liar) -> None:
    liar.say = lambda path, reply: Reply(302, {"Location": f"http://{liar.host}/other"})
    with pytest.raises(RegistryError, match="status 302"):
        _load(liar)


@pytest.mark.parametrize("length", [None, 10**15], ids=["of no length", "of a great length"])
@pytest.mark.parametrize("kind", ["manifests", "blobs"])
def test_bodies_without_end_are_not_read(liar: Liar, kind: str, length: int | None) -> None:
    sent = itertools.count()
    body = (next(sent) and b" " * 65536 for _ in itertools.repeat(None))
    liar.say = lambda path, reply: Reply(200, reply.headers, body, length) if kind in path else reply
    with pytest.raises((RegistryError, CorruptArtifact)):
        _load(liar)
    assert next(sent) < 1000, "no more was read than a document may have, and what was on its way"


def test_names_of_files_come_from_the_manifest_and_no_title(
    liar: Liar, sample: tuple[Path, Manifest], tmp_path: Path
) -> None:
    def entitle(kind: str, raw: dict[str, list[dict[str, object]]]) -> object:
        for layer in raw.get("layers", ()):
            layer["annotations"] = {"org.opencontainers.image.title": "../../../../escaped"}
        return raw

    liar.replies = honest(*sample, entitle)
    assert {path.name for path in _load(liar).iterdir()} == {entry.path for entry in sample[1].files}
    assert not list(tmp_path.rglob("*escaped*"))


def test_a_file_that_would_land_outside_is_refused(liar: Liar, sample: tuple[Path, Manifest], tmp_path: Path) -> None:
    def aim(kind: str, raw: dict[str, list[dict[str, object]]]) -> object:
        if kind == "meta":
            raw["files"][0]["path"] = "../../../../escaped"
        return raw

    liar.replies = honest(*sample, aim)
    with pytest.raises(CorruptArtifact, match="names the file"):
        _load(liar)


def test_an_upload_is_not_sent_to_another_host(liar: Liar, sample: tuple[Path, Manifest]) -> None:
    from zcc.registry.remotes.upload import Uploads
    from zcc.runtime.remotes.documents import FILE, describe
    from zcc.runtime.remotes.session import RemoteSession

    with lying({}) as other, RemoteSession(parse(liar.address)) as session:
        elsewhere = Reply(202, {"Location": f"http://{other.host}/upload"})
        liar.say = lambda path, reply: elsewhere if path.endswith("/uploads/") else Reply(404)
        with pytest.raises(RegistryError, match="wants what is pushed to go to"):
            Uploads(session).add_bytes(b"weights", describe(b"weights", FILE))
        assert other.asked == []
