"""Which of several variants a host runs, and why not the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from zcc.runtime import host
from zcc.runtime.errors import IncompatibleHost, NotFound, TrustError, ZccError
from zcc.runtime.explanation import Explanation, VariantRemark
from zcc.runtime.losses import points_lost
from zcc.runtime.obstacles import obstacle
from zcc.runtime.preference import DEFAULT, Preference, Rated, leading, read_preference
from zcc.runtime.source import Candidate


@dataclass(frozen=True)
class Wish:
    """What a user asks of a variant: its kind where that matters, and what to prefer among those that are left."""

    dtype: str | None = None
    target: str | None = None
    prefer: str | Preference = DEFAULT
    device: str | None = None  # `cpu`, `cuda` or `cuda:1`

    def objection(self, candidate: Candidate) -> str | None:
        """How the variant is another than the one asked for, None when it is not."""
        manifest = candidate.manifest
        wanted = ((self.dtype, manifest.dtype), (self.target, manifest.target))
        kind = self.device and self.device.partition(":")[0]
        if kind not in (None, manifest.executor):
            return f"device={self.device} was asked for"
        return next((f"{word} was asked for" for word, own in wanted if word not in (None, own)), None)


def choose(
    reference: str,
    variants: Sequence[Candidate],
    dtype: str | None = None,
    target: str | None = None,
    prefer: str | Preference = DEFAULT,
    device: str | None = None,
) -> Candidate:
    """The best variant for this machine among those asked for; the same one whatever their order."""
    wish = Wish(dtype, target, prefer, device)
    if all(wish.objection(candidate) for candidate in variants):
        labels = ", ".join(sorted(candidate.label for candidate in variants))
        raise NotFound(
            f"{reference} has no such variant; there is {labels}", "leave out dtype, target and device, or compile it"
        )
    told = explain(reference, variants, wish)
    if told.chosen is None:
        raise _nothing(reference, [each for each in told.verdicts if not wish.objection(each.candidate)], wish)
    return told.chosen


def _nothing(reference: str, wanted: Sequence[VariantRemark], wish: Wish) -> ZccError:
    reasons = "; ".join(sorted(f"{verdict.candidate.label}: {verdict.why}" for verdict in wanted))
    if any(verdict.candidate.barred for verdict in wanted):
        remedy = "sign it, measure it or build it anew; or change the policy"
        raise TrustError(f"{reference} may not run here: {reasons}", remedy)
    obstacles = [obstacle(verdict.candidate.manifest) for verdict in wanted]
    if None not in obstacles:
        remedies = dict.fromkeys(each.remedy for each in obstacles if each)
        return IncompatibleHost(f"{reference} cannot run here: {reasons}{_host(wanted)}", " or ".join(remedies))
    remedy = "measure them with `zcc eval`, or name a dtype"
    first = read_preference(wish.prefer).first
    return NotFound(f"{reference} has no variant that could be {first}: {reasons}", remedy)


def _host(wanted: Sequence[VariantRemark]) -> str:
    """What this host is, where a variant is for another one, in the terms in which the variants say what they need."""
    needs = [each.candidate.manifest.requires for each in wanted]
    here = host.system(), host.architecture()
    needed = {feature for each in needs for feature in each.features}
    if all((each.os, each.arch) == here for each in needs) and needed <= host.cpu_features():
        return ""
    there = ", ".join(sorted(needed & host.cpu_features()))
    return f"; this host is {host.system()} on {host.architecture()}" + (f" with {there}" if there else "")


def contenders(variants: Sequence[Candidate], wish: Wish) -> list[Candidate]:
    """Those of which the fastest would be taken; none where the preference asks for something else first."""
    preference = read_preference(wish.prefer)
    if not getattr(preference, "ties", False):
        return []
    fit = [each for each in variants if _unfit(each) is None]
    return [each.candidate for each, reason in _judged(fit, wish, preference) if reason is None]


def explain(reference: str, variants: Sequence[Candidate], wish: Wish) -> Explanation:
    """What would be taken, and of every other variant why it would not; the one that is taken comes first."""
    preference = read_preference(wish.prefer)
    obstacles = [_unfit(each) for each in variants]
    fit = [each for each, reason in zip(variants, obstacles, strict=True) if reason is None]
    judged = _judged(fit, wish, preference)
    ranked = sorted((each for each, reason in judged if reason is None), key=preference.rank)
    fastest = ranked[0] if ranked else None
    if fastest is not None and (taken := leading(ranked, preference)) is not fastest:
        ranked = [taken, *(each for each in ranked if each is not taken)]
    return Explanation(
        reference,
        (
            *(_verdict(each, not place, preference, ranked[0], fastest) for place, each in enumerate(ranked)),
            *(VariantRemark(each.candidate, False, reason, each.lost) for each, reason in judged if reason is not None),
            *(
                VariantRemark(each, False, wish.objection(each) or reason)
                for each, reason in zip(variants, obstacles, strict=True)
                if reason is not None
            ),
        ),
    )


def _judged(fit: Sequence[Candidate], wish: Wish, preference: Preference) -> list[tuple[Rated, str | None]]:
    """What runs here, each with why it is not taken whatever the others are."""
    rated = [Rated(each, lost) for each, lost in zip(fit, points_lost(fit), strict=True)]
    return [(each, wish.objection(each.candidate) or preference.objection(each)) for each in rated]


def _unfit(candidate: Candidate) -> str | None:
    if (refused := candidate.barred or candidate.broken) is not None:
        return refused
    found = obstacle(candidate.manifest)
    return found.reason if found else None


def _verdict(rated: Rated, taken: bool, preference: Preference, first: Rated, fastest: Rated | None) -> VariantRemark:
    why = preference.first if taken else f"{first.candidate.label} is {preference.first}"
    if taken and rated.candidate.tried:
        why += ", by what each that may be taken took when it was tried on this host"
    if taken and fastest is not None and fastest is not rated:
        why += f": as fast as {fastest.candidate.label} within the spread of their times, and more accurate"
    if not taken and rated.candidate.claims("latency_ms") and not first.candidate.claims("latency_ms"):
        why += ", and was measured here"
    return VariantRemark(rated.candidate, taken, why, rated.lost)
