"""What variants took on this host when they were tried: a small file for each, in the user's cache."""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import math
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from zcc.runtime import host
from zcc.runtime.cache import cache_folder, written_into_cache
from zcc.runtime.errors import ArtifactError
from zcc.runtime.manifest import Measurement
from zcc.runtime.regular import read_regular
from zcc.runtime.source import Candidate

LONGEST = 4096  # bytes of a file

logger = logging.getLogger("zcc.runtime")


@dataclass(frozen=True)
class LoadTrial:
    """What a variant took for a frame."""

    latency_ms: float
    spread_ms: float
    how: str

    @property
    def figures(self) -> tuple[Measurement, ...]:
        """The same as figures."""
        return (
            Measurement("latency_ms", self.latency_ms, self.how),
            Measurement("latency_spread_ms", self.spread_ms, self.how),
        )


@dataclass(frozen=True)
class KeptTrials:
    """Those of one kind of host: its name may be another each day, as those of containers are."""

    folder: Path

    @classmethod
    def of(cls, device: str | None, on_cards: bool) -> KeptTrials:
        """Those of this host, on its processor or on a card of it."""
        about = [host.system(), host.architecture(), host.processor(), sorted(host.cpu_features())]
        text = json.dumps([*about, host.worker_threads(), device, _cards() if on_cards else []])
        return cls(cache_folder() / "trials" / hashlib.sha256(text.encode()).hexdigest()[:16])

    def read(self, candidates: Iterable[Candidate]) -> dict[str, LoadTrial]:
        """The trials of those that were tried, by digest; a damaged one is none."""
        digests = [each.manifest.digest for each in candidates]
        found = {digest: _read(self._path(digest)) for digest in digests}
        return {digest: trial for digest, trial in found.items() if trial is not None}

    def keep(self, digest: str, trial: LoadTrial) -> None:
        """Keep one for the next process; where nothing can be written, that one tries again, and the log says so."""
        try:
            with written_into_cache(self._path(digest), durable=False) as writer:
                writer.write(json.dumps(asdict(trial)).encode())
        except ArtifactError as error:
            logger.warning("what was tried is not kept: %s", error)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """While no other process or thread of this host tries variants; without a cache to meet in, at once."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
            descriptor = os.open(self.folder / "lock", flags, 0o600)
        except OSError as error:
            logger.warning("variants are tried without a lock: %s: %s", self.folder, error.strerror)
            yield
            return
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            fcntl.flock(descriptor, fcntl.LOCK_UN)  # by name: a forked child may still hold the descriptor
            os.close(descriptor)

    def _path(self, digest: str) -> Path:
        return self.folder / f"{digest.removeprefix('sha256:')}.json"


def _read(path: Path) -> LoadTrial | None:
    """The trial in a file, None where there is none in it."""
    with suppress(OSError, ValueError, TypeError):
        trial = LoadTrial(**json.loads(read_regular(path, LONGEST)))
        sound = math.isfinite(trial.latency_ms) and trial.latency_ms > 0 and math.isfinite(trial.spread_ms)
        return trial if sound and isinstance(trial.how, str) else None
    return None


def _cards() -> list[object]:
    """The names and kinds of the cards."""
    from zcc.runtime.executors.cuda_context import capabilities

    return list(capabilities())
