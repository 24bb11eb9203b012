"""What each variant was made of, by what, and who signed it."""

from __future__ import annotations

from collections.abc import Iterator

from zcc.runtime.errors import TrustError
from zcc.runtime.trust.envelope import read_envelope
from zcc.runtime.trust.statement import read_statement
from zcc.runtime.wording import counted
from zcc.web.marks import mark
from zcc.web.markup import Child, Markup, tag
from zcc.web.report.entry import Entry
from zcc.web.report.evidence import Evidence
from zcc.web.report.gather import Gathered
from zcc.web.report.section import Section


def provenance(told: Gathered, evidence: Evidence) -> Section:
    """A fold for each variant."""
    lead = (
        "Signatures are listed as they lie beside the artifacts; whether their keys are to be trusted, "
        "zcc verify REF --policy FILE says."
    )
    return Section(
        "provenance",
        "Provenance",
        lead,
        tag(
            "div",
            (_fold(each, evidence.descriptions.get(each.artifact.digest)) for each in told.entries),
            class_="card folds",
        ),
    )


def _fold(entry: Entry, description: str | None) -> Markup:
    signed = counted(len(entry.artifact.envelopes), "signature") if entry.artifact.envelopes else "unsigned"
    summary = tag(
        "summary",
        tag("span", mark(entry.dtype), entry.called, class_="who"),
        tag("span", signed, class_="pill good" if entry.artifact.envelopes else "pill"),
    )
    facts = [*([("described as", description)] if description else []), *_facts(entry)]
    terms = ((tag("dt", word), tag("dd", value)) for word, value in facts)
    return tag("details", summary, tag("dl", *terms, class_="facts small"), data_variant=entry.key)


def _facts(entry: Entry) -> Iterator[tuple[str, Child]]:
    manifest = entry.artifact.manifest
    yield "digest", tag("code", entry.artifact.digest)
    yield "built", manifest.created + ("" if entry.artifact.origin is None else ", elsewhere")
    yield "by", ", ".join(f"{word} {version}" for word, version in manifest.versions.items())
    yield "model", tag("code", f"sha256:{manifest.model_sha256}")
    yield "calibrated on", tag("code", manifest.calibration_digest) if manifest.calibration_digest else "nothing"
    yield "tuned by", tag("code", manifest.tuning_digest) if manifest.tuning_digest else "no record"
    yield "fingerprint", tag("code", manifest.fingerprint)
    needs = manifest.requires
    yield "needs", f"{needs.os} on {needs.arch}" + (f" with {', '.join(needs.features[-6:])}" if needs.features else "")
    yield "runs here", "yes" if entry.hindrance is None else f"no: {entry.hindrance}"
    yield "verified", manifest.verified or "against ONNX Runtime where it was built"
    yield (
        "classes",
        ", ".join(manifest.classes[:40])
        + (f" and {len(manifest.classes) - 40} more" if len(manifest.classes) > 40 else ""),
    )
    yield "build", ", ".join(f"{stage.name} {stage.seconds:.1f} s" for stage in manifest.stages) or "not recorded"
    for content in entry.artifact.envelopes:
        yield "signature", _signature(content)
    if entry.artifact.barred:
        yield "refused", entry.artifact.barred
    yield "run it", tag("code", f"zcc run {entry.artifact.manifest.name}@{entry.artifact.digest[:19]} PICTURE")


def _signature(content: bytes) -> Child:
    """Who says to have signed, and when; damaged ones are told as that."""
    try:
        envelope = read_envelope(content)
        statement = read_statement(envelope.payload)
    except TrustError as error:
        return f"damaged: {error.problem}"
    keys = ", ".join(signature.keyid or "a key without an id" for signature in envelope.signatures)
    return tag("span", statement.signed.isoformat(timespec="minutes"), " by key ", tag("code", keys))
