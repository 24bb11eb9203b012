"""in-toto statements: what an artifact is and what it was made of, in the words of SLSA's provenance.

Of a statement that comes from outside, two things are believed once its signature is: which artifact it is about, and
when it was signed. All else in it is for people and other tools.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from zcc.runtime import limits
from zcc.runtime.errors import TrustError
from zcc.runtime.manifest import Manifest
from zcc.runtime.manifest_rules import HASH, WORD, moment
from zcc.runtime.moments import as_moment
from zcc.runtime.rules import Breach, anything, list_of, one_of, record, strict_json

STATEMENT = "https://in-toto.io/Statement/v1"
PROVENANCE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "urn:zcc:compile:1"
SIGNED = "zcc_signed"  # in the metadata; SLSA lets others add fields that bear their name

_STATEMENT = record(
    {
        "_type": one_of(STATEMENT),
        "subject": list_of(record({"name": WORD, "digest": record({"sha256": HASH})}), 1, 1),
        "predicateType": one_of(PROVENANCE),
        "predicate": record(
            {
                "buildDefinition": anything,
                "runDetails": record({"metadata": record({SIGNED: moment}, others=anything)}, others=anything),
            },
            others=anything,
        ),
    }
)


@dataclass(frozen=True)
class Statement:
    """What is believed of a statement."""

    digest: str  # of the artifact it is about
    signed: datetime


def read_statement(payload: bytes) -> Statement:
    """A statement from its JSON."""
    try:
        raw = strict_json(payload.decode(), limits.ENVELOPE)
        _STATEMENT(raw, "")
    except ValueError as error:
        told = str(error) if isinstance(error, Breach) else type(error).__name__
        raise TrustError(f"what was signed is no statement about an artifact ({told})", "sign it anew") from error
    [subject] = raw["subject"]
    signed = raw["predicate"]["runDetails"]["metadata"][SIGNED]
    return Statement(f"sha256:{subject['digest']['sha256']}", as_moment(signed))


def statement_about(manifest: Manifest, builder: str, signed: datetime) -> dict[str, Any]:
    """The statement that this artifact was made by this builder of what its manifest names."""
    return {
        "_type": STATEMENT,
        "subject": [{"name": manifest.name, "digest": {"sha256": manifest.digest.removeprefix("sha256:")}}],
        "predicateType": PROVENANCE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {"name": manifest.name, "dtype": manifest.dtype, "target": manifest.target},
                "internalParameters": {"fingerprint": manifest.fingerprint},
                "resolvedDependencies": _materials(manifest),
            },
            "runDetails": {
                "builder": {"id": f"urn:zcc:builder:{builder}", "version": dict(manifest.versions)},
                "metadata": {"finishedOn": manifest.created, SIGNED: signed.isoformat(timespec="seconds")},
            },
        },
    }


def _materials(manifest: Manifest) -> list[Mapping[str, Any]]:
    digests = {
        "model": manifest.model_sha256,
        "calibration data": manifest.calibration_digest,
        "tuning records": manifest.tuning_digest,
    }
    return [
        {"name": name, "digest": {"sha256": digest.removeprefix("sha256:")}}
        for name, digest in digests.items()
        if digest is not None
    ]
