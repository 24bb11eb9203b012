"""Signatures refer to the variant that they are about, on servers that keep such lists and on those that do not."""

from __future__ import annotations

import base64
import json
import logging
from pathlib import Path

import pytest

from tests.oci.hostile import REPOSITORY, Reply, honest, lying
from tests.oci.server import OciServer
from tests.registry.samples import artifact
from zcc.registry import Registry
from zcc.registry.remotes.pull import pull
from zcc.registry.remotes.push import Pusher, push
from zcc.runtime.remotes.address import parse
from zcc.runtime.remotes.documents import ENVELOPE, IMAGE, INDEX, describe, entry_of, envelope_image, referrers_of
from zcc.runtime.remotes.repository import Repository
from zcc.runtime.remotes.session import RemoteSession


def _envelope(payload: bytes) -> bytes:
    """One of the right form, signed by nobody."""
    signed = {"payloadType": ENVELOPE, "payload": base64.b64encode(payload).decode(), "signatures": [{"sig": "AAAA"}]}
    return json.dumps(signed).encode()


ENVELOPES = (b'{"payload":"one"}', b'{"payload":"two"}')


def test_a_server_that_keeps_no_list_is_given_one(oci: OciServer, tmp_path: Path) -> None:
    registry = Registry.open(tmp_path / "ours")
    mine, other = (registry.publish(*artifact(tmp_path / str(seed), seed=seed)) for seed in (0, 1))
    with RemoteSession(parse(f"oci://{oci.host}/signed/yolo"), "pull,push") as session:
        pusher, repository = Pusher(session), Repository(session)
        pusher.files(registry, [mine, other])
        entry, unsigned = pusher.artifact(registry, mine), pusher.artifact(registry, other)
        for envelope in (*ENVELOPES, ENVELOPES[0]):
            pusher.envelope(envelope, entry)
        assert sorted(repository.envelopes(entry.digest)) == sorted(ENVELOPES)
        assert repository.envelopes(unsigned.digest) == []


def test_a_server_that_keeps_a_list_is_asked_for_it(tmp_path: Path) -> None:
    folder, manifest = artifact(tmp_path / "net", "net")
    entry = entry_of(manifest, [])
    replies = honest(folder, manifest)
    listed = []
    for envelope in ENVELOPES:
        image = envelope_image(envelope, entry)
        listed.append(describe(image, IMAGE, artifact_type=ENVELOPE))
        replies[f"/v2/{REPOSITORY}/manifests/{listed[-1].digest}"] = Reply(200, {"Content-Type": IMAGE}, image)
        blob = describe(envelope, ENVELOPE)
        replies[f"/v2/{REPOSITORY}/blobs/{blob.digest}"] = Reply(200, {}, envelope)
    others = describe(b"{}", IMAGE, artifact_type="application/vnd.of.others")
    index = referrers_of([*listed, others])
    replies[f"/v2/{REPOSITORY}/referrers/{entry.digest}"] = Reply(200, {"Content-Type": INDEX}, index)
    with lying(replies) as server, RemoteSession(parse(server.address)) as session:
        assert Repository(session).envelopes(entry.digest) == list(ENVELOPES)


def test_signatures_are_pushed_and_pulled_with_what_they_are_about(
    oci: OciServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ours, theirs, signed = Registry.open(tmp_path / "ours"), Registry.open(tmp_path / "theirs"), _envelope(b"{}")
    mine = ours.publish(*artifact(tmp_path / "a"))
    ours.add_envelopes(mine.digest, [signed])
    there = parse(f"oci://{oci.host}/signed/carried:v1")
    push(ours, [mine], there)
    with RemoteSession(there, "pull,push") as session:
        Pusher(session).envelope(b"not an envelope", entry_of(mine.manifest, []))
    with caplog.at_level(logging.WARNING, "zcc.runtime"):
        pull(theirs, there)
    assert theirs.envelopes(mine.digest) == (signed,)
    assert "a signature is left out" in caplog.text
    pull(theirs, there, name="other")
    [renamed] = theirs.find("other")
    assert theirs.envelopes(renamed.digest) == (), "it is another artifact, which nobody signed"
