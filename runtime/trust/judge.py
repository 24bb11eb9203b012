"""Whether an artifact is what a policy asks for, and by name why not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from zcc.runtime.errors import TrustError
from zcc.runtime.moments import as_moment, now
from zcc.runtime.source import Candidate
from zcc.runtime.trust.envelope import Envelope, read_envelope
from zcc.runtime.trust.policy import FigureDemand, Key, TrustPolicy
from zcc.runtime.trust.statement import read_statement


def objections(candidate: Candidate, policy: TrustPolicy, at: datetime | None = None) -> list[str]:
    """All that keeps the artifact from being what the policy asks for, nothing when it is."""
    return [
        *(told for demand in policy.demands if (told := _figure(candidate, demand))),
        *_age(candidate, policy, at or now()),
        *_signatures(candidate, policy),
    ]


def signers(candidate: Candidate, policy: TrustPolicy) -> tuple[list[Key], list[str]]:
    """The keys that are believed to have signed the artifact, and why other signatures are not believed."""
    believed: dict[str, Key] = {}
    doubts: list[str] = []
    for content in candidate.envelopes:
        try:
            envelope = read_envelope(content)
            statement = read_statement(envelope.payload)
        except TrustError as error:
            doubts.append(error.problem)
            continue
        if statement.digest != candidate.manifest.digest:
            doubts.append(f"a signature is about {statement.digest[:19]}")
            continue
        made = _made_by(envelope, policy.keys)
        if not made:
            doubts.append(f"a signature is of no key that the policy knows ({_ids(envelope)})")
        for key in made:
            doubt = key.doubt(statement.signed)
            if doubt is None:
                believed[key.public.keyid] = key
            else:
                doubts.append(doubt)
    return list(believed.values()), list(dict.fromkeys(doubts))


def _made_by(envelope: Envelope, keys: Sequence[Key]) -> list[Key]:
    signed = envelope.signed
    return [key for key in keys if any(key.public.verifies(each.value, signed) for each in envelope.signatures)]


def _ids(envelope: Envelope) -> str:
    return ", ".join(each.keyid[:12] or "without an id" for each in envelope.signatures)


def _signatures(candidate: Candidate, policy: TrustPolicy) -> Iterator[str]:
    if not policy.signatures:
        return
    for key in policy.keys:
        _ = key.public.keyid  # what cannot be read, or not be verified here, is told even where nothing is signed
    believed, doubts = signers(candidate, policy)
    if len(believed) < policy.signatures:
        why = f" ({'; '.join(doubts)})" if doubts else ""
        if not candidate.envelopes:
            yield "nobody signed it"
        elif policy.signatures == 1:
            yield f"no trusted key signed it{why}"
        else:
            yield f"{len(believed)} trusted keys signed it, {policy.signatures} are asked for{why}"


def _figure(candidate: Candidate, demand: FigureDemand) -> str | None:
    """What is wrong with a figure; those of the manifest count, which its digest covers, and those measured here."""
    known = (*candidate.manifest.measured, *candidate.measured)
    found = [each for each in known if each.metric == demand.metric and demand.how in each.how]
    if not found:
        return f"nobody measured {demand.metric} on {demand.how}"
    value = found[-1].value
    if demand.least is not None and value < demand.least:
        return f"its {demand.metric} on {demand.how} is {value:.4g}, at least {demand.least:.4g} is asked for"
    if demand.most is not None and value > demand.most:
        return f"its {demand.metric} on {demand.how} is {value:.4g}, at most {demand.most:.4g} is asked for"
    return None


def _age(candidate: Candidate, policy: TrustPolicy, at: datetime) -> Iterator[str]:
    if policy.max_age_days is None:
        return
    built = as_moment(candidate.manifest.created)
    if at - built > timedelta(days=policy.max_age_days):
        days = (at - built).total_seconds() / 86_400
        yield f"it was built {days:.0f} days ago, at most {policy.max_age_days:g} are asked for"
