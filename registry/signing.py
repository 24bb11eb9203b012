"""Making keys, and signing artifacts with them. The cryptography is the package `cryptography`'s."""

from __future__ import annotations

import base64
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zcc.registry.tags import reason
from zcc.runtime import limits
from zcc.runtime.errors import TrustError, UsageError
from zcc.runtime.manifest import Manifest
from zcc.runtime.moments import now
from zcc.runtime.regular import read_regular
from zcc.runtime.trust.envelope import PAYLOAD_TYPE, pre_authentication
from zcc.runtime.trust.keys import key_id, need_cryptography
from zcc.runtime.trust.statement import statement_about

PRIVATE, PUBLIC = ".key", ".pub"


@dataclass(frozen=True)
class PrivateKey:
    """A key that signs."""

    key: Any

    @property
    def keyid(self) -> str:
        """The id of its public half."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        return key_id(self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))

    def sign(self, manifest: Manifest, builder: str | None = None) -> bytes:
        """An envelope that says of which artifact this is the signature, what it was made of and by whom."""
        statement = statement_about(manifest, builder or reason().who, now())
        payload = json.dumps(statement, sort_keys=True, ensure_ascii=False).encode()
        envelope = {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [
                {
                    "keyid": self.keyid,
                    "sig": base64.b64encode(self.key.sign(pre_authentication(payload))).decode(),
                }
            ],
        }
        return json.dumps(envelope).encode()


def make_key(place: Path, passphrase: bytes | None = None) -> tuple[Path, Path]:
    """Write a new key beside `place`: what signs, for its owner's eyes alone, and what verifies, for everybody's."""
    if not place.name:
        raise UsageError(f"{place} is no name for a key", "name a file; .key and .pub are put behind it")
    need_cryptography("made")
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    locked = form.BestAvailableEncryption(passphrase) if passphrase else form.NoEncryption()
    private = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, locked)
    public = key.public_key().public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo)
    paths = place.with_name(place.name + PRIVATE), place.with_name(place.name + PUBLIC)
    for path, content, mode in zip(paths, (private, public), (0o600, 0o644), strict=True):
        _write_new(path, content, mode)
    return paths


def load_private_key(path: Path, passphrase: bytes | None = None) -> PrivateKey:
    """The key in a file that `make_key` wrote, or any Ed25519 key in PEM."""
    need_cryptography("made")
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(read_regular(path, limits.ENVELOPE), passphrase)
    except OSError as error:
        raise UsageError(f"the key {path} cannot be read: {error.strerror}", "zcc keygen makes one") from error
    except TypeError as error:
        told = "is locked" if passphrase is None else "is not locked, and a passphrase was given"
        raise UsageError(f"the key {path} {told}", "see --passphrase-file") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise TrustError(f"{path} is no private key, or the passphrase is another", "zcc keygen makes one") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise TrustError(f"{path} is no Ed25519 key", "make one with zcc keygen")
    return PrivateKey(key)


def _write_new(path: Path, content: bytes, mode: int) -> None:
    """Write a file that must not be there yet: a key that is overwritten is lost."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    except FileExistsError as error:
        raise UsageError(f"{path} is there already", "choose another name: a key is never overwritten") from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
