"""DSSE envelopes: a statement, and signatures over its exact bytes.

The format is that of the DSSE specification: what is made here can be checked by other tools, and the other way round.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any

from zcc.runtime import limits
from zcc.runtime.errors import TrustError
from zcc.runtime.rules import Breach, Rule, brief, list_of, one_of, record, strict_json, text

PAYLOAD_TYPE = "application/vnd.in-toto+json"
MOST_SIGNATURES = 16  # each costs a verification


def _base64(most: int) -> Rule:
    return text(most, 1, r"[A-Za-z0-9+/]*={0,2}")


_ENVELOPE = record(
    {
        "payload": _base64(limits.ENVELOPE),
        "payloadType": one_of(PAYLOAD_TYPE),
        "signatures": list_of(record({"sig": _base64(256)}, {"keyid": text(256)}), MOST_SIGNATURES, 1),
    }
)


@dataclass(frozen=True)
class Signature:
    """One key's signature; the id is a hint alone."""

    keyid: str
    value: bytes


@dataclass(frozen=True)
class Envelope:
    """A statement's bytes and who signed them."""

    payload: bytes
    signatures: tuple[Signature, ...]

    @property
    def signed(self) -> bytes:
        """What the signatures are over: DSSE's pre-authentication encoding."""
        return pre_authentication(self.payload)


def pre_authentication(payload: bytes) -> bytes:
    """DSSE's encoding of a payload and its type, under which neither can be taken for a part of the other."""
    kind = PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def read_envelope(content: bytes) -> Envelope:
    """An envelope from its JSON."""
    try:
        raw = strict_json(content.decode(), limits.ENVELOPE)
        _ENVELOPE(raw, "")
        return Envelope(_decoded(raw["payload"]), tuple(map(_signature, raw["signatures"])))
    except ValueError as error:
        told = str(error) if isinstance(error, Breach) else brief(str(error))
        raise TrustError(f"a signature is no DSSE envelope ({told})", "sign the artifact anew") from error


def read_envelopes(raw: Any, source: str) -> tuple[bytes, ...]:
    """Envelopes that stand as texts in a list, which `source` names in errors."""
    fits = isinstance(raw, list) and len(raw) <= limits.ENVELOPES and all(isinstance(each, str) for each in raw)
    if not fits:
        raise TrustError(f"{source} holds what is no list of signatures", "export it again")
    found = tuple(each.encode() for each in raw)
    for content in found:
        check_form(content)
    return found


def check_form(content: bytes) -> None:
    """Refuse what is no envelope; whom it is by, and what it is of, is another question."""
    read_envelope(content)


def _signature(raw: dict[str, Any]) -> Signature:
    return Signature(raw.get("keyid", ""), _decoded(raw["sig"]))


def _decoded(written: str) -> bytes:
    try:
        return base64.b64decode(written, validate=True)
    except binascii.Error as error:
        raise Breach(f"{brief(written)} is no base64") from error
