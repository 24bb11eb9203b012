"""Public keys, and what they verify. The cryptography is the package `cryptography`'s, from the extra `trust`."""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import Any

from zcc.runtime.distribution import how_to_install
from zcc.runtime.errors import TrustError


class PublicKey:
    """An Ed25519 key, read from PEM."""

    def __init__(self, pem: str, source: str) -> None:
        self._pem, self._source = pem, source

    def verifies(self, signature: bytes, content: bytes) -> bool:
        """Whether the signature is this key's over the content."""
        from cryptography.exceptions import InvalidSignature

        try:
            self._key.verify(signature, content)
        except InvalidSignature:
            return False
        return True

    @cached_property
    def keyid(self) -> str:
        """What tells it from other keys: the sha256 of its standard form."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        return key_id(self._key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))

    @cached_property
    def _key(self) -> Any:
        need_cryptography("verified")
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        from cryptography.hazmat.primitives.serialization import load_pem_public_key

        try:
            key = load_pem_public_key(self._pem.encode())
        except (ValueError, UnsupportedAlgorithm) as error:
            raise TrustError(f"{self._source} is no public key in PEM", "give the .pub file of zcc keygen") from error
        if not isinstance(key, Ed25519PublicKey):
            raise TrustError(f"{self._source} is no Ed25519 key", "make one with zcc keygen")
        return key


def key_id(standard: bytes) -> str:
    """The id of a key, from its bytes as SubjectPublicKeyInfo in DER."""
    return hashlib.sha256(standard).hexdigest()


def need_cryptography(wanted: str) -> None:
    """An error that names the way out where signatures cannot be `wanted`: made, or verified."""
    try:
        import cryptography  # noqa: F401
    except ModuleNotFoundError as error:
        problem = f"signatures cannot be {wanted} here: the package cryptography is not installed"
        raise TrustError(problem, how_to_install("trust")) from error
