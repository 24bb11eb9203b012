"""The detector: load a variant, give it frames, get boxes, swap the variant while frames flow."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from zcc.runtime.batch import check_batch
from zcc.runtime.choice import Wish, choose, explain
from zcc.runtime.current import Current, SwapCallback
from zcc.runtime.errors import UsageError
from zcc.runtime.explanation import Explanation
from zcc.runtime.follow import Follower, Following
from zcc.runtime.frame import Frame
from zcc.runtime.loading import load_now, load_residents, load_warm
from zcc.runtime.manifest import Manifest
from zcc.runtime.places import find_source, is_single
from zcc.runtime.preference import DEFAULT, Preference
from zcc.runtime.side_by_side import check_streams
from zcc.runtime.source import ArtifactSource, Candidate, MovingSource
from zcc.runtime.streaming import Streaming
from zcc.runtime.thresholds import threshold
from zcc.runtime.trials import known_trials, tried
from zcc.runtime.underway import Underway
from zcc.runtime.variant import Detections, Variant


class Detector(Streaming):
    """Frames in, boxes out. Any number of threads may call it."""

    def __init__(
        self,
        reference: str,
        source: ArtifactSource,
        resident: Mapping[str, Variant],
        current: Current,
        follower: Follower | None,
        streams: int | None,
    ) -> None:
        self._reference, self._source = reference, source
        self._resident = resident
        self._current = current
        self._follower = follower
        self._streams = streams

    @classmethod
    def load(
        cls,
        reference: str | os.PathLike[str],
        dtype: str | None = None,
        target: str | None = None,
        registry: str | None = None,
        *,
        prefer: str | Preference = DEFAULT,
        resident: Sequence[str] = (),
        follow: bool | Following = False,
        device: str | None = None,
        policy: str | os.PathLike[str] | None = None,
        streams: int | None = None,
    ) -> Detector:
        """Load by name from the registry, from a bundle, or an artifact's folder; the best match for this machine.

        Of several variants that run here it is the one that `prefer` says: `fastest`, `most-accurate`,
        `fastest-within:POINTS` of mAP50-95 that may be lost against the most accurate, or a `Preference` of your own.
        The dtypes in `resident` are loaded side by side, so that a `swap` among them is a pointer; the first of them
        runs, unless `dtype` names another. With `follow` it changes by itself when the reference comes to mean other
        artifacts in the registry. `device` asks for a variant for the processor (`cpu`) or for a card (`cuda:1`). What
        the `policy` in a file refuses is never run; without one it is the file that ZCC_POLICY names, if any. When
        several threads call, their frames run side by side, each on its share of the cores, as many as come at once or
        as `streams` says (1: one after another); a frame that is alone has all of them.
        """
        name, wish, streams = os.fspath(reference), Wish(dtype, target, prefer, device), check_streams(streams)
        source = find_source(reference, registry, policy)
        if resident:
            _check_residents(resident, dtype, follow)
            loaded = load_residents(source, name, resident, wish)
            return cls(name, source, loaded, Current(loaded[dtype or resident[0]], wish), None, streams)
        variants = source.variants(name)
        chosen = choose(name, tried(variants, wish, source), dtype, target, prefer, device)
        current = Current(load_now(source, chosen, device), wish)
        return cls(name, source, {}, current, _follow(name, source, variants, current, follow), streams)

    @staticmethod
    def explain(
        reference: str | os.PathLike[str],
        dtype: str | None = None,
        target: str | None = None,
        registry: str | None = None,
        *,
        prefer: str | Preference = DEFAULT,
    ) -> Explanation:
        """Which variant `load` would take, and of each why it is taken or passed over; nothing is loaded."""
        name, source, wish = os.fspath(reference), find_source(reference, registry), Wish(dtype, target, prefer)
        variants, note = known_trials(source.variants(name), wish, source)
        return replace(explain(name, variants, wish), note=note)

    def __call__(self, frame: Any, conf: float = 0.25, iou: float = 0.45, format: str | None = None) -> Detections:
        """The detections in a frame, with scores above `conf`; boxes of a class overlap by at most `iou`.

        `format` says what kind of frame it is, when it is not three channels in the order that was compiled, or gray.
        """
        # The executor at once, and thresholds without a call: behind a model that leaves nothing of the interpreter in
        # a core's caches, these functions take two microseconds.
        executor = self._current.variant.executor
        taken = executor.take(frame, format)
        if not (type(conf) is type(iou) is float and 0.0 <= conf <= 1.0 and 0.0 <= iou <= 1.0):
            conf, iou = threshold("conf", conf), threshold("iou", iou)
        found = executor.run(taken, conf, iou, self._streams)
        if self._follower is not None and isinstance(taken, Frame):
            self._follower.saw(taken, conf, iou)
        return found

    def many(
        self, frames: Sequence[Any], conf: float = 0.25, iou: float = 0.45, format: str | None = None
    ) -> list[Detections]:
        """The detections in each of several frames, in one call: as many as the artifact was compiled for, or any."""
        variant = self._current.variant
        check_batch(frames, variant.manifest)
        taken, conf, iou = (
            [variant.take(each, format) for each in frames],
            threshold("conf", conf),
            threshold("iou", iou),
        )
        found = variant.run_many(taken, conf, iou, self._streams)
        if self._follower is not None and taken and isinstance(taken[-1], Frame):
            self._follower.saw(taken[-1], conf, iou)
        return found

    def submit(self, frame: Any, conf: float = 0.25, iou: float = 0.45, format: str | None = None) -> Underway:
        """Put a frame on its way, and wait for nothing: `result()` of what this returns gives its detections.

        The frame must not be written to until they are there. Several may be under way; a card is sent the next one
        while it runs the last.
        """
        variant = self._current.variant
        taken, conf, iou = variant.take(frame, format), threshold("conf", conf), threshold("iou", iou)
        if self._follower is not None and isinstance(taken, Frame):
            self._follower.saw(taken, conf, iou)
        return variant.submit(taken, conf, iou, self._streams)

    def _submitting(self) -> Callable[..., Underway] | None:
        return self.submit if self._current.variant.overlaps else None

    def swap(self, dtype: str | None = None, target: str | None = None, *, prefer: str | Preference = DEFAULT) -> None:
        """Run another variant from the next frame on; frames under way finish on the old one.

        A dtype that is resident is there already; any other variant is loaded and warmed while frames run on. When it
        cannot be loaded, the old one keeps running and the error is the caller's. A detector that follows its reference
        goes by this wish from then on.
        """
        with self._current.changing:
            wish = Wish(dtype, target, prefer, self._current.wish.device)
            other = self._resident_for(wish) or self._loaded_for(wish)
            self._current.wish = wish
            if other is not self._current.variant:
                self._current.switch(other, "swap")

    def _resident_for(self, wish: Wish) -> Variant | None:
        """The resident that is meant by its dtype alone."""
        return self._resident.get(wish.dtype) if wish.dtype and wish == Wish(wish.dtype, device=wish.device) else None

    def _loaded_for(self, wish: Wish) -> Variant:
        """The variant that is chosen now: one that is there, else loaded aside."""
        if is_single(self._source):
            raise UsageError(f"{self._reference} is a single artifact, there is nothing to swap to", "load it by name")
        # Nothing is tried beside frames that run; what earlier loads found out counts.
        variants, _ = known_trials(self._source.variants(self._reference), wish, self._source)
        chosen = choose(self._reference, variants, wish.dtype, wish.target, wish.prefer, wish.device)
        present = (self._current.variant, *self._resident.values())
        there = next((each for each in present if each.manifest.digest == chosen.manifest.digest), None)
        return there or load_warm(self._source, chosen, wish.device)

    def on_swap(self, callback: SwapCallback) -> None:
        """Call back after every swap with the manifests of what ran and of what runs now, and why: `swap`, `… moved`.

        The call comes in the thread that swapped; what it raises is logged.
        """
        self._current.on_switch(callback)

    def close(self) -> None:
        """Follow the reference no more; frames can still be run."""
        if self._follower is not None:
            self._follower.stop()

    def __enter__(self) -> Detector:
        """The detector, closed at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def __repr__(self) -> str:
        """What was asked for, and what runs now."""
        manifest = self.manifest
        about = f"{manifest.name} {manifest.dtype} for {manifest.target}, {len(manifest.classes)} classes"
        return f"<Detector {self._reference!r}: {about}, {manifest.digest[:19]}>"

    @property
    def manifest(self) -> Manifest:
        """What runs now."""
        return self._current.variant.manifest


def _check_residents(resident: Sequence[str], dtype: str | None, follow: bool | Following) -> None:
    if isinstance(resident, str):
        raise UsageError(f"resident={resident!r} is a word, not several", f"write resident=({resident!r},)")
    if dtype is not None and dtype not in resident:
        raise UsageError(f"{dtype} is to run, but resident are {', '.join(resident)}", "name it among them")
    if follow is not False:
        raise UsageError("residents stay what they were when they were loaded", "follow without them, or load again")


def _follow(
    name: str, source: ArtifactSource, variants: Sequence[Candidate], current: Current, how: bool | Following
) -> Follower | None:
    if how is False:
        return None
    if not isinstance(source, MovingSource):
        raise UsageError(f"{name} is a file or a folder and cannot be followed", "follow a name or a tag of a registry")
    follower = Follower(name, source, variants, current, Following() if how is True else how)
    follower.start()
    return follower
