"""An artifact as a page that people read from top to bottom: what it is, how good, made of what, and how to run it."""

from __future__ import annotations

import re
import shutil
import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from zcc.commands.ages import age
from zcc.runtime.escaping import escaped
from zcc.runtime.wording import counted

if TYPE_CHECKING:
    from zcc.registry import Artifact
    from zcc.runtime.manifest import Manifest, Measurement

WIDTH = 12  # of the words at the left
WIDEST = 100  # lines that are longer are hard to read
CLASSES = 12  # names of classes that fit a line

# Metric -> what people call it, and how its value is written.
METRICS = {
    "map50_95": ("mAP50-95", "{:.3f}"),
    "map50": ("mAP50", "{:.3f}"),
    "agreement50_95": ("agreement", "{:.3f}"),
    "drop_map50_95": ("lost", "{:.2f} points of mAP50-95"),
    "worst_class_change": ("worst class", "{:+.2f} points"),
    "latency_ms": ("a frame", "{:.1f} ms"),
    "latency_p95_ms": ("95 of 100", "{:.1f} ms"),
    "latency_spread_ms": ("spread", "{:.2f} ms"),
    "network_ms": ("network", "{:.1f} ms"),
}
GAINED = ("drop_map50_95",)  # where less than nothing was lost
SPEED = ("latency_ms", "latency_p95_ms", "network_ms")
ACCURACY = ("map50_95", "map50", "agreement50_95")
LOSS = ("drop_map50_95", "worst_class_change")


def page(artifact: Artifact, ref: str, description: str = "") -> Iterator[str]:
    """The lines of the page; `ref` is what it was asked for by."""
    manifest = artifact.manifest
    title = f"{manifest.name} · {manifest.dtype} · {manifest.target}"
    yield escaped(title)
    yield artifact.digest
    yield ""
    if artifact.barred:
        yield from _entry("refused", artifact.barred)
    yield from _entry("about", description)
    yield from _entry("is", _what(artifact))
    yield from _entry("reads", _reads(manifest))
    yield from _entry("finds", _classes(manifest.classes))
    for word, metrics in (("speed", SPEED), ("accuracy", ACCURACY), ("against fp32", LOSS)):
        yield from _entry(word, *_figures(artifact, metrics))
    yield from _entry("made", *_made(manifest))
    yield from _entry("takes", _takes(manifest))
    yield from _entry("signed", _signed(artifact))
    yield ""
    yield from _entry("run it", f"zcc run {ref} PICTURE", f'Detector.load("{ref}", dtype="{manifest.dtype}")')
    yield from _entry("more", f"zcc show {ref} --full has every kernel, zcc profile {ref} its time")


def _entry(word: str, *texts: str) -> Iterator[str]:
    """A word, and what is said under it; nothing where nothing is."""
    for place, text in enumerate(each for each in texts if each):
        lead = f"{word if not place else '':<{WIDTH}}  "
        yield from textwrap.wrap(
            lead + escaped(text),
            _width(),
            subsequent_indent=" " * len(lead),
            break_long_words=False,
            break_on_hyphens=False,
            drop_whitespace=True,
        )


def _width() -> int:
    return min(shutil.get_terminal_size().columns, WIDEST)


def _what(artifact: Artifact) -> str:
    manifest = artifact.manifest
    tags = f", tagged {', '.join(artifact.tags)}" if artifact.tags else ""
    came = "" if artifact.origin is None else ", built elsewhere"
    classes = counted(len(manifest.classes), "class", "classes")
    return f"a detector ({manifest.head.family}) of {classes}, {age(manifest.created)} old{came}{tags}"


def _reads(manifest: Manifest) -> str:
    spec = manifest.input
    formats = ", ".join(manifest.formats) or spec.color
    return f"frames of any size as {formats}; {spec.resize} to {spec.width}x{spec.height}"


def _classes(classes: Sequence[str]) -> str:
    rest = len(classes) - CLASSES
    return ", ".join(classes[:CLASSES]) + (f" and {rest} more" if rest > 0 else "")


def _figures(artifact: Artifact, metrics: Sequence[str]) -> Iterator[str]:
    for metric in metrics:
        if found := artifact.candidate.figures(metric):
            yield _figure(found[-1], elsewhere=artifact.candidate.claims(metric))


def _figure(figure: Measurement, elsewhere: bool) -> str:
    (name, form), value, how = METRICS[figure.metric], figure.value, figure.how.removeprefix("points lost, ")
    if value < 0 and figure.metric in GAINED:
        name, value = "gained", -value
    return f"{name} {form.format(value)}  ({how}{', measured elsewhere' if elsewhere else ''})"


def _made(manifest: Manifest) -> Iterator[str]:
    yield f"{manifest.created} by zcc {manifest.versions.get('zcc', '?')}, TVM {manifest.versions.get('tvm', '?')}"
    yield f"of the model sha256:{manifest.model_sha256[:12]}"
    if threads := _threads(manifest):
        yield f"a frame's work cut for {counted(threads, 'thread')}"
    if manifest.calibration_digest:
        yield f"calibrated on {_short(manifest.calibration_digest)}"
    yield f"tuned by {_short(manifest.tuning_digest)}" if manifest.tuning_digest else "not tuned"


def _threads(manifest: Manifest) -> int:
    """How many a processor's artifact was cut for, 0 where it does not say."""
    network = manifest.kernels.get("network")
    form = network.get("form", "") if isinstance(network, dict) else ""
    found = re.search(r"\bthreads=(\d{1,4})\b", form) if isinstance(form, str) else None
    return int(found[1]) if found else 0


def _short(digest: str) -> str:
    return f"sha256:{digest.removeprefix('sha256:')[:12]}"


def _takes(manifest: Manifest) -> str:
    needs = ", ".join(manifest.requires.features[-4:])
    more = f" with {needs}" if needs else ""
    arena = manifest.workspace.get("detect", 0) / 1e6
    return (
        f"{manifest.sizes['total'] / 1e6:.1f} MB on the disk, {arena:.1f} MB to work in, "
        f"{manifest.requires.os} on {manifest.requires.arch}{more}"
    )


def _signed(artifact: Artifact) -> str:
    count = len(artifact.envelopes)
    if not count:
        return "by nobody"
    return f"{counted(count, 'signature')}; zcc verify REF --policy FILE says by whom"
