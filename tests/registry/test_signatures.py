"""Signatures: made, kept, carried, verified, and read by another implementation."""

from __future__ import annotations

import base64
import json
import stat
import sys
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from tests.registry.samples import artifact
from zcc.registry import Artifact, Registry
from zcc.registry.bundle import export_bundle, import_bundle
from zcc.registry.signing import PrivateKey, load_private_key, make_key
from zcc.runtime.bundle import Bundle
from zcc.runtime.choice import choose
from zcc.runtime.errors import TrustError, UsageError
from zcc.runtime.manifest import Measurement
from zcc.runtime.places import find_source, is_single
from zcc.runtime.source import Candidate, MovingSource
from zcc.runtime.trust.envelope import read_envelope
from zcc.runtime.trust.judge import objections
from zcc.runtime.trust.policy import parse_policy

pytest.importorskip("cryptography")


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The private keys of three people."""
    folder = tmp_path_factory.mktemp("keys")
    return {name: make_key(folder / name)[0] for name in ("ann", "bob", "eve")}


@pytest.fixture
def signed(tmp_path: Path, keys: dict[str, Path]) -> tuple[Registry, Artifact]:
    """An artifact that Ann signed."""
    registry = Registry.open(tmp_path / "registry")
    found = registry.publish(*artifact(tmp_path / "a", calibration_digest="sha256:" + "1" * 64))
    registry.add_envelopes(found.digest, [_key(keys, "ann").sign(found.manifest)])
    return registry, registry.resolve("yolo")


def _key(keys: dict[str, Path], name: str) -> PrivateKey:
    return load_private_key(keys[name])


def _policy(keys: dict[str, Path], names: tuple[str, ...], count: int = 1, **more: Any) -> str:
    known = [{"name": name, "public": keys[name].with_suffix(".pub").read_text(), **more} for name in names]
    return json.dumps({"policy": 1, "signatures": count, "keys": known})


def _objections(candidate: Candidate, written: str) -> list[str]:
    return objections(candidate, parse_policy(written, "policy"))


def test_keys_are_for_their_owner_and_never_overwritten(tmp_path: Path) -> None:
    private, public = make_key(tmp_path / "release", b"secret")
    assert stat.S_IMODE(private.stat().st_mode) == 0o600 and b"ENCRYPTED" in private.read_bytes()
    assert load_private_key(private, b"secret").keyid
    for passphrase, error in ((None, UsageError), (b"guess", TrustError)):
        with pytest.raises(error):
            load_private_key(private, passphrase)
    with pytest.raises(UsageError, match="never overwritten"):
        make_key(tmp_path / "release")
    with pytest.raises(TrustError, match="no private key"):
        load_private_key(public)
    for place in ("", "/"):
        with pytest.raises(UsageError, match="no name for a key"):
            make_key(Path(place))


def test_another_implementation_reads_what_is_signed(signed: tuple[Registry, Artifact], keys: dict[str, Path]) -> None:
    dsse = pytest.importorskip("securesystemslib.dsse")
    signer = pytest.importorskip("securesystemslib.signer")
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    _, found = signed
    [content] = found.envelopes
    envelope = dsse.Envelope.from_dict(json.loads(content))
    public = {name: load_pem_public_key(key.with_suffix(".pub").read_bytes()) for name, key in keys.items()}
    keyid = _key(keys, "ann").keyid
    ann, eve = (signer.SSlibKey.from_crypto(public[name], keyid) for name in ("ann", "eve"))
    assert list(envelope.verify([ann], 1)) == [keyid]
    with pytest.raises(Exception, match=r"(?i)threshold|signature"):
        envelope.verify([eve], 1)
    statement = json.loads(envelope.payload)
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["subject"] == [{"name": "yolo", "digest": {"sha256": found.digest.removeprefix("sha256:")}}]
    materials = statement["predicate"]["buildDefinition"]["resolvedDependencies"]
    assert {each["name"]: each["digest"]["sha256"][:2] for each in materials} == {
        "model": "00",
        "calibration data": "11",
    }


def test_what_another_implementation_signs_is_believed(
    signed: tuple[Registry, Artifact], keys: dict[str, Path]
) -> None:
    dsse = pytest.importorskip("securesystemslib.dsse")
    signer = pytest.importorskip("securesystemslib.signer")
    _, found = signed
    bob = signer.CryptoSigner(_key(keys, "bob").key)
    envelope = dsse.Envelope(read_envelope(found.envelopes[0]).payload, "application/vnd.in-toto+json", {})
    envelope.sign(bob)
    candidate = replace(found.candidate, envelopes=(json.dumps(envelope.to_dict()).encode(),))
    assert _objections(candidate, _policy(keys, ("bob",))) == []


def test_only_trusted_keys_count_and_each_once(signed: tuple[Registry, Artifact], keys: dict[str, Path]) -> None:
    registry, found = signed
    assert _objections(found.candidate, _policy(keys, ("ann",))) == []
    [told] = _objections(found.candidate, _policy(keys, ("bob",)))
    assert "no trusted key" in told and "no key that the policy knows" in told
    registry.add_envelopes(found.digest, [_key(keys, "ann").sign(found.manifest)])
    twice = registry.resolve("yolo")
    assert len(twice.envelopes) >= 1
    [told] = _objections(twice.candidate, _policy(keys, ("ann", "bob"), 2))
    assert told.startswith("1 trusted keys signed it, 2 are asked for")
    registry.add_envelopes(found.digest, [_key(keys, "bob").sign(found.manifest)])
    assert _objections(registry.resolve("yolo").candidate, _policy(keys, ("ann", "bob"), 2)) == []


def test_keys_are_rotated_and_revoked(signed: tuple[Registry, Artifact], keys: dict[str, Path]) -> None:
    _, found = signed
    now = datetime.now(timezone.utc)
    day = timedelta(days=1)
    assert _objections(found.candidate, _policy(keys, ("ann",), until=(now + day).isoformat())) == []
    for more, why in (
        ({"until": (now - day).isoformat()}, "was valid until"),
        ({"from": (now + day).isoformat()}, "is valid from"),
        ({"revoked": "stolen"}, r"is revoked (stolen)"),
    ):
        [told] = _objections(found.candidate, _policy(keys, ("ann",), **more))
        assert why in told


def _changed(content: bytes, **fields: Any) -> bytes:
    return json.dumps({**json.loads(content), **fields}).encode()


def test_a_signature_of_something_else_is_worth_nothing(
    signed: tuple[Registry, Artifact], keys: dict[str, Path], tmp_path: Path
) -> None:
    registry, found = signed
    other = registry.publish(*artifact(tmp_path / "b", seed=5))
    moved = replace(other.candidate, envelopes=found.envelopes)
    [told] = _objections(moved, _policy(keys, ("ann",)))
    assert f"a signature is about {found.digest[:19]}" in told
    payload = json.loads(base64.b64decode(json.loads(found.envelopes[0])["payload"]))
    payload["subject"][0]["digest"]["sha256"] = other.digest.removeprefix("sha256:")
    forged = _changed(found.envelopes[0], payload=base64.b64encode(json.dumps(payload).encode()).decode())
    [told] = _objections(replace(other.candidate, envelopes=(forged,)), _policy(keys, ("ann",)))
    assert "no key that the policy knows" in told


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[1]",
        b"\xff\xfe",
        b'{"payload": "!", "payloadType": "application/vnd.in-toto+json", "signatures": [{"sig": "aa=="}]}',
        b'{"payload": "e30=", "payloadType": "text/plain", "signatures": [{"sig": "aa=="}]}',
        b'{"payload": "e30=", "payloadType": "application/vnd.in-toto+json", "signatures": []}',
    ],
)
def test_what_is_no_envelope_is_not_kept(signed: tuple[Registry, Artifact], content: bytes) -> None:
    registry, found = signed
    with pytest.raises(TrustError, match="no DSSE envelope"):
        registry.add_envelopes(found.digest, [content])
    assert len(registry.envelopes(found.digest)) == 1


def test_signatures_are_carried_by_bundles_and_kept_by_repairs(
    signed: tuple[Registry, Artifact], tmp_path: Path
) -> None:
    registry, found = signed
    export_bundle(registry, ["yolo"], tmp_path / "cam.zcc")
    [candidate] = Bundle(tmp_path / "cam.zcc").variants()
    assert candidate.envelopes == found.envelopes
    other = Registry.open(tmp_path / "other")
    [imported] = import_bundle(other, Bundle(tmp_path / "cam.zcc"))
    assert other.envelopes(imported.digest) == found.envelopes
    [renamed] = import_bundle(other, Bundle(tmp_path / "cam.zcc"), name="mine")
    assert renamed.digest != found.digest and other.envelopes(renamed.digest) == ()
    (found.folder / "model.so").unlink()
    registry.publish(*artifact(tmp_path / "a", calibration_digest="sha256:" + "1" * 64))
    assert registry.envelopes(found.digest) == found.envelopes and registry.verify().ok


def test_a_damaged_signature_is_found(signed: tuple[Registry, Artifact]) -> None:
    registry, found = signed
    [path] = (found.folder / "signatures").iterdir()
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-2])
    [problem] = registry.verify().problems
    assert "is not the signature that was put there" in problem.what


def test_where_nothing_can_be_verified_a_policy_that_asks_for_it_refuses(
    signed: tuple[Registry, Artifact], keys: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cryptography", None)
    _, found = signed
    for candidate in (found.candidate, replace(found.candidate, envelopes=())):
        with pytest.raises(TrustError, match=r"package cryptography is not installed; .*\[trust\]"):
            _objections(candidate, _policy(keys, ("ann",)))
    assert _objections(found.candidate, '{"policy": 1}') == []
    with pytest.raises(TrustError, match="signatures cannot be made here"):
        load_private_key(keys["ann"])


def test_figures_and_age_are_held_against_bounds(tmp_path: Path) -> None:
    registry = Registry.open(tmp_path / "registry")
    figures = (
        Measurement("map50_95", 0.5, "100 pictures of val"),
        Measurement("drop_map50_95", 0.4, "points lost, 100 pictures of val"),
        Measurement("latency_ms", 20.0, "median of 15 frames on edge-7"),
    )
    found = registry.publish(*artifact(tmp_path / "a", measured=figures)).candidate
    fits = {
        "policy": 1,
        "accuracy": {"data": "val", "at_least": 0.5, "most_lost": 0.4},
        "latency": {"machine": "edge-7", "at_most_ms": 20},
        "max_age_days": 100_000,
    }
    assert _objections(found, json.dumps(fits)) == []
    for change, told in (
        ({"accuracy": {"data": "test"}}, "nobody measured map50_95 on test"),
        ({"accuracy": {"data": "val", "at_least": 0.6}}, "is 0.5, at least 0.6"),
        ({"accuracy": {"data": "val", "most_lost": 0.3}}, "is 0.4, at most 0.3"),
        ({"latency": {"machine": "edge-8"}}, "nobody measured latency_ms on edge-8"),
        ({"latency": {"machine": "edge-7", "at_most_ms": 19}}, "is 20, at most 19"),
        ({"max_age_days": 0}, "days ago, at most 0"),
    ):
        [objection] = _objections(found, json.dumps({**fits, **change}))
        assert told in objection
    claimed = replace(found, manifest=replace(found.manifest, measured=()), claimed=figures)
    assert len(_objections(claimed, json.dumps(fits))) == 3, "what others say they measured is not enough"


@pytest.mark.parametrize(
    "written",
    ["", "[]", "{}", '{"policy": 2}', '{"policy": 1, "max_age": 3}', '{"policy": 1, "signatures": 1}',
     '{"policy": 1, "signatures": 0}', '{"policy": 1, "keys": [{"name": "x", "public": 5}]}'],
)  # fmt: skip
def test_what_is_no_policy_is_wrong_usage(written: str) -> None:
    with pytest.raises(UsageError, match="policy"):
        parse_policy(written, "the policy")


def test_a_key_that_is_none_is_told_by_name(signed: tuple[Registry, Artifact]) -> None:
    _, found = signed
    written = '{"policy": 1, "signatures": 1, "keys": [{"name": "release", "public": "abc"}]}'
    with pytest.raises(TrustError, match="the key release is no public key"):
        _objections(found.candidate, written)


@pytest.mark.parametrize("by", ["argument", "environment"])
def test_what_is_loaded_is_under_the_policy_of_the_device(
    signed: tuple[Registry, Artifact], keys: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    registry, found = signed
    export_bundle(registry, ["yolo"], tmp_path / "cam.zcc")
    policy = tmp_path / "policy.json"
    if by == "environment":
        monkeypatch.setenv("ZCC_POLICY", str(policy))
    for name, refused in (("ann", False), ("bob", True)):
        policy.write_text(_policy(keys, (name,)))
        for reference, place in ((tmp_path / "cam.zcc", None), (found.folder, None), ("yolo", str(registry.home))):
            source = find_source(reference, place, policy if by == "argument" else None)
            variants = source.variants(str(reference))
            assert [each.barred is not None for each in variants] == [refused]
            if refused:
                with pytest.raises(TrustError, match=r"may not run here: .*no trusted key signed it"):
                    choose(str(reference), variants)
            assert is_single(source) == (reference == found.folder)
            assert isinstance(source, MovingSource) == (place is not None)
