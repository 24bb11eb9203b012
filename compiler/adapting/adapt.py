"""The story of an adaption: variants see a sequence, a policy is fitted or taken as it is, and held against others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from zcc.compiler.adapting.fit import fit
from zcc.compiler.adapting.policy_settings import Arguments, roles
from zcc.compiler.adapting.recording import RecordingSettings, record
from zcc.compiler.adapting.report import POLICY, AdaptReport, report
from zcc.compiler.building.progress import Progress
from zcc.compiler.quality.pictures import Pictures
from zcc.runtime.adaptive.stored_policy import StoredPolicy
from zcc.runtime.adaptive.table import known_arguments, make_policy
from zcc.runtime.errors import UsageError
from zcc.runtime.variant import Variant


@dataclass(frozen=True)
class AdaptOptions:
    """What the user asks for."""

    policy: str = "scene"
    given: Mapping[str, Any] = field(default_factory=dict)  # arguments of the policy
    fitted: bool = False
    lose: float = 1 / 3  # of what the cheapest variant loses, for the fit
    use: RecordingSettings = field(default_factory=RecordingSettings)


@dataclass(frozen=True)
class Adapted:
    """What came of it; `policy` can be stored."""

    report: AdaptReport
    policy: StoredPolicy


def adapt(resident: Mapping[str, Variant], sequence: Pictures, options: AdaptOptions, progress: Progress) -> Adapted:
    """Replay the sequence; where the policy is fitted, on its first half, and the report is on its second."""
    if not 0 <= options.lose <= 1:
        raise UsageError(f"{options.lose} is no part of a loss", "give 0 to 1")
    if len(resident) < 2:
        raise UsageError(f"{', '.join(resident) or 'nothing'} leaves nothing to choose", "name two dtypes or more")
    arguments: Arguments = {**roles(options.policy, tuple(resident)), **options.given}
    # What is refused is refused before the sequence is run.
    if options.fitted:
        known_arguments(options.policy, arguments)
    else:
        make_policy(options.policy, arguments)
    with progress.stage(f"{' and '.join(resident)} on {sequence.count} frames, in turns"):
        recording = record(resident, sequence, options.use)
    place = sequence.place
    if options.fitted:
        first, recording = recording.halves()
        with progress.stage(f"fit on the first {len(first.frames)} frames"):
            arguments = fit(options.policy, first, arguments, options.lose).arguments
        place = f"the second half of {place}"
    with progress.stage(f"replay of {len(recording.frames)} frames"):
        found = report(options.policy, recording, arguments)
    outcome = found.outcomes[POLICY]
    made = {
        "sequence": place,
        "digest": sequence.digest,
        "frames": found.frames,
        "variants": {dtype: variant.manifest.digest for dtype, variant in resident.items()},
        "map50_95": outcome.map50_95,
        "mean_ms": outcome.mean_ms,
        "time_saved": found.saved(outcome),
        "accuracy_lost": found.lost(outcome),
    }
    return Adapted(found, StoredPolicy(options.policy, dict(found.arguments), found.dtypes, made))
