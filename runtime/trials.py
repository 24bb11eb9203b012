"""Latencies of this host, where those that are known are of other machines: each variant runs a few frames, once.

What a dtype gains differs from processor to processor, and some are slower than a wider one. So figures decide at load
where all of those that contend are of this machine; else each of them is tried here, and what it took is kept in the
user's cache by host and artifact.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from zcc.runtime import host
from zcc.runtime.choice import Wish, contenders
from zcc.runtime.errors import ZccError
from zcc.runtime.kept_trials import KeptTrials, LoadTrial
from zcc.runtime.loading import blank, load_now
from zcc.runtime.source import ArtifactSource, Candidate
from zcc.runtime.variant import Variant

WARM_UP, LEAST_FRAMES = 2, 5
SECONDS, MOST_SECONDS = 0.2, 1.0  # of frames that count: of quick variants, and of slow ones
PENDING = "not all of these times are of this machine: the first load here tries each that may be taken"

logger = logging.getLogger("zcc.runtime")


def tried(
    variants: Sequence[Candidate],
    wish: Wish,
    source: ArtifactSource,
    measure: Callable[[Variant], LoadTrial] | None = None,
) -> Sequence[Candidate]:
    """The variants, with latencies of this host where the choice needs them; what was not tried here yet is now."""
    contending = _contending(variants, wish, source)
    if not contending:
        return variants
    kept, failed = _kept(contending, wish), dict[str, str]()
    trials = kept.read(contending)
    loadable = _of_one_library(contending)
    if len(trials) < len(loadable):
        with kept.alone():  # two that measure at once would measure each other
            trials = kept.read(contending)
            for each in loadable:
                if each.manifest.digest not in trials:
                    _try(each, wish, source, measure or try_out, (trials, failed, kept))
    return _judged(variants, contending, trials, failed)


def known_trials(variants: Sequence[Candidate], wish: Wish, source: ArtifactSource) -> tuple[Sequence[Candidate], str]:
    """The variants with what earlier loads found out here; and what to say of figures while a load would try some."""
    contending = _contending(variants, wish, source)
    if not contending:
        return variants, ""
    trials = _kept(contending, wish).read(contending)
    told = "" if len(trials) == len(_of_one_library(contending)) else PENDING
    return (variants if told else _judged(variants, contending, trials, {})), told


def try_out(variant: Variant, clock: Callable[[], float] = time.perf_counter) -> LoadTrial:
    """What a grey frame takes, the least of a few, since others disturb at times; and how far they are apart."""
    frame = blank(variant.manifest.input)
    taken: list[float] = []
    counted = 0.0  # seconds, of the frames that count
    while not _enough(len(taken) - WARM_UP, counted):
        start = clock()
        variant.run(frame, 0.25, 0.45)
        taken.append(clock() - start)
        counted = sum(taken[WARM_UP:])
    times = 1e3 * np.array(taken[WARM_UP:])
    how = f"{len(times)} frames of {frame.width}x{frame.height} on {host.machine()}, {variant.threads} threads"
    apart = float(np.subtract(*np.percentile(times, (75, 25))))
    return LoadTrial(round(float(times.min()), 4), round(apart, 4), f"least of {how}")


def _kept(contending: Sequence[Candidate], wish: Wish) -> KeptTrials:
    return KeptTrials.of(wish.device, any(each.manifest.executor == "cuda" for each in contending))


def _enough(frames: int, seconds: float) -> bool:
    return frames > 0 and seconds >= (SECONDS if frames >= LEAST_FRAMES else MOST_SECONDS)


def _contending(variants: Sequence[Candidate], wish: Wish, source: ArtifactSource) -> list[Candidate]:
    """Those that contend for being the fastest, where latencies of another machine would decide, or none; else nobody.

    Nobody of a place on another machine, either: all their files would have to be fetched.
    """
    found = contenders(variants, wish)
    if getattr(getattr(source, "guarded", source), "distant", False) or len(found) < 2:
        return []
    unknown = all(not each.figures("latency_ms") for each in found)
    return found if unknown or any(map(_is_of_another_machine, found)) else []


def _of_one_library(contending: Sequence[Candidate]) -> list[Candidate]:
    """Those that this process can load: it holds one version of TVM's runtime library, the first one's."""
    needed = [each.manifest.requires.runtime for each in contending if each.manifest.executor == "cpu"]
    return [
        each for each in contending if each.manifest.executor != "cpu" or each.manifest.requires.runtime == needed[0]
    ]


def _is_of_another_machine(candidate: Candidate) -> bool:
    """Whether its latency came with it, or names another machine; one without a name was measured at this registry."""
    figures = candidate.figures("latency_ms", here=True)
    return figures[-1].machine not in (None, host.machine()) if figures else candidate.claims("latency_ms")


def _try(
    candidate: Candidate,
    wish: Wish,
    source: ArtifactSource,
    measure: Callable[[Variant], LoadTrial],
    found: tuple[dict[str, LoadTrial], dict[str, str], KeptTrials],
) -> None:
    """Add the variant's trial; one that cannot be loaded has none, and is passed over for those that can."""
    trials, failed, kept = found
    digest = candidate.manifest.digest
    try:
        trials[digest] = measure(load_now(source, candidate, wish.device))
    except ZccError as error:
        failed[digest] = str(error)
        logger.warning("%s could not be tried: %s", candidate.label, error)
    else:
        kept.keep(digest, trials[digest])


def _judged(
    variants: Sequence[Candidate],
    contending: Sequence[Candidate],
    trials: Mapping[str, LoadTrial],
    failed: Mapping[str, str],
) -> Sequence[Candidate]:
    """The variants with what they took here; when some could be tried, those that could not are passed over."""
    if not trials:
        return variants
    return [_with_trial(each, trials, failed) if each in contending else each for each in variants]


def _with_trial(candidate: Candidate, trials: Mapping[str, LoadTrial], failed: Mapping[str, str]) -> Candidate:
    digest = candidate.manifest.digest
    if digest in trials:
        return replace(candidate, measured=(*candidate.measured, *trials[digest].figures), tried=True)
    reason = failed.get(digest, "it needs another version of TVM's runtime than those that were")
    return replace(candidate, broken=f"it could not be tried here: {reason}")
