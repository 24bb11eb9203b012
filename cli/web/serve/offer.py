"""What a server offers: variants of one reference side by side, and one that changes with the scene."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
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
from zcc.runtime.source import Candidate
from zcc.runtime.variant import Variant

ADAPTIVE = "adaptive"  # asks for whatever the scene calls for; no dtype is called so


@dataclass(frozen=True)
class Answer:
    """What was found in a frame, what ran, and what that took without waiting."""

    manifest: Manifest
    found: Detections
    milliseconds: float


class Offer:
    """Variants by dtype. Frames run one after another, as the cores that share each of them would have it anyway."""

    def __init__(self, variants: Mapping[str, Variant], default: str, scene: tuple[str, str] | None) -> None:
        self.variants = variants
        self.default = default
        self.adaptive = _adaptive(variants, scene) if scene else None
        self._turns = ThreadPoolExecutor(1, "zcc-frames")

    @property
    def manifest(self) -> Manifest:
        """Of the variant that runs where nothing else is asked for."""
        return self.variants[self.default].manifest

    @property
    def choices(self) -> Sequence[str]:
        """What can be asked for."""
        return [*self.variants, *([ADAPTIVE] if self.adaptive else [])]

    def submit(self, key: str | None, frame: Pixels, conf: float, iou: float) -> Future[Answer]:
        """Have a frame run when its turn comes; until then it can be cancelled."""
        key = key or self.default
        if key not in self.choices:
            raise NotFound(f"there is no variant {key!r} here", f"ask for one of {', '.join(self.choices)}")
        return self._turns.submit(self._run, key, frame, conf, iou)

    def close(self) -> None:
        """Run no more frames."""
        self._turns.shutdown(cancel_futures=True)

    def _run(self, key: str, frame: Pixels, conf: float, iou: float) -> Answer:
        begin = time.perf_counter()
        if key == ADAPTIVE and self.adaptive:
            found = self.adaptive(frame, conf, iou)
            manifest = self.adaptive.manifest
        else:
            found = self.variants[key].run(frame, conf, iou)
            manifest = self.variants[key].manifest
        return Answer(manifest, found, 1e3 * (time.perf_counter() - begin))


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
