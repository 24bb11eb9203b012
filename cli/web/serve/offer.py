"""What a server offers: variants of one reference side by side, and one that changes with the scene."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from zcc.runtime.adaptive.adaptive_detector import AdaptiveDetector
from zcc.runtime.adaptive.scene_complexity import SceneComplexity
from zcc.runtime.choice import Wish, choose, explain
from zcc.runtime.detections import Detections
from zcc.runtime.errors import NotFound
from zcc.runtime.frame import Pixels
from zcc.runtime.loading import load_residents
from zcc.runtime.manifest import Manifest
from zcc.runtime.obstacles import obstacle
from zcc.runtime.places import find_source
from zcc.runtime.side_by_side import most_streams
from zcc.runtime.source import Candidate
from zcc.runtime.variant import Variant

ADAPTIVE = "adaptive"  # asks for whatever the scene calls for; no dtype is called so
OVERLAPPING = 2  # frames at once of what is sent the next one while it runs the last


@dataclass(frozen=True)
class Answer:
    """What was found in a frame of a height and a width, what ran, and what that took without waiting."""

    manifest: Manifest
    size: tuple[int, int]
    found: Detections
    milliseconds: float


class Offer:
    """Variants by dtype. As many frames run side by side as cores are for; others wait in the order they came."""

    def __init__(self, variants: Mapping[str, Variant], default: str, scene: tuple[str, str] | None) -> None:
        self.variants = variants
        self.default = default
        self.adaptive = _adaptive(variants, scene) if scene else None
        self.abreast = max(most_streams(), *(OVERLAPPING if each.overlaps else 1 for each in variants.values()))
        self._turns = ThreadPoolExecutor(self.abreast, "zcc-frames")
        self._under_way: set[Future[Answer]] = set()
        self._scene = threading.Lock()  # a scene has one frame at a time

    @property
    def manifest(self) -> Manifest:
        """Of the variant that runs where nothing else is asked for."""
        return self.variants[self.default].manifest

    @property
    def choices(self) -> Sequence[str]:
        """What can be asked for."""
        return [*self.variants, *([ADAPTIVE] if self.adaptive else [])]

    @property
    def has_room(self) -> bool:
        """Whether a frame that comes now runs at once."""
        return len(self._under_way) < self.abreast

    def submit(self, key: str | None, decode: Callable[[], Pixels], conf: float, iou: float) -> Future[Answer]:
        """Have a frame decoded and run when its turn comes; until then it can be cancelled."""
        key = key or self.default
        if key not in self.choices:
            raise NotFound(f"there is no variant {key!r} here", f"ask for one of {', '.join(self.choices)}")
        future = self._turns.submit(self._run, key, decode, conf, iou)
        self._under_way.add(future)
        future.add_done_callback(self._under_way.discard)
        return future

    def close(self) -> None:
        """Run no more frames."""
        self._turns.shutdown(cancel_futures=True)

    def _run(self, key: str, decode: Callable[[], Pixels], conf: float, iou: float) -> Answer:
        frame, begin = decode(), time.perf_counter()
        if key == ADAPTIVE and self.adaptive:
            with self._scene:
                found, manifest = self.adaptive(frame, conf, iou), self.adaptive.manifest
        else:
            variant = self.variants[key]
            found, manifest = variant.run(frame, conf, iou), variant.manifest
        height, width = frame.shape[:2]
        return Answer(manifest, (height, width), found, 1e3 * (time.perf_counter() - begin))


def load_offer(reference: str, wish: Wish, registry: str | None, every: bool) -> Offer:
    """The variant that the wish means; `every` other dtype that runs here beside it."""
    source = find_source(reference, registry)
    variants = source.variants(reference)
    chosen = choose(reference, variants, wish.dtype, wish.target, wish.prefer, wish.device)
    default = chosen.manifest.dtype
    ranked = (verdict.candidate for verdict in explain(reference, variants, wish).verdicts)
    fit = [each for each in ranked if each.barred is None and obstacle(each.manifest) is None]
    others = [each.manifest.dtype for each in fit] if every and wish.dtype is None else []
    loaded = load_residents(source, reference, dict.fromkeys([default, *others]), wish)
    return Offer(loaded, default, _scene([each for each in fit if each.manifest.dtype in loaded]))


def _scene(candidates: Sequence[Candidate]) -> tuple[str, str] | None:
    """The quickest dtype and the most accurate one, where these are two."""
    timed = [each for each in candidates if each.figure("latency_ms") is not None]
    judged = [each for each in timed if each.figure("map50_95") is not None]
    if not judged:
        return None
    quick = min(timed, key=lambda each: each.figure("latency_ms") or 0.0).manifest.dtype
    good = max(judged, key=lambda each: each.figure("map50_95") or 0.0).manifest.dtype
    return (quick, good) if quick != good else None


def _adaptive(variants: Mapping[str, Variant], scene: tuple[str, str]) -> AdaptiveDetector:
    quick, good = scene
    return AdaptiveDetector({key: variants[key] for key in scene}, SceneComplexity(quiet=quick, crowded=good))
