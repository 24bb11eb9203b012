"""What differs between two artifacts, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zcc.registry import Artifact
    from zcc.runtime.manifest import Manifest

MOST_KERNELS = 10  # kinds of kernels that are named
# Figures that are compared; zcc show has the rest.
SPEED = ("latency_ms", "network_ms")
READ = (*SPEED, "map50_95", "map50", "agreement50_95", "drop_map50_95", "detections_lost", "detections_gained")
UNTUNED = "no tuning records"


@dataclass(frozen=True)
class Difference:
    """One thing that the two have otherwise."""

    what: str
    first: Any
    second: Any
    told: str

    def describe(self) -> dict[str, Any]:
        """The difference as users see it in `--json`."""
        return {"what": self.what, "a": self.first, "b": self.second, "told": self.told}


# What is compared -> what it is in a manifest, and how a difference is told.
PARTS: Mapping[str, tuple[Callable[[Manifest], Any], str]] = {
    "name": (lambda it: it.name, "{a} is called {b}"),
    "dtype": (lambda it: it.dtype, "{a} became {b}"),
    "target": (lambda it: it.target, "built for {a}, then for {b}"),
    "model": (lambda it: it.model_sha256[:12], "another model file: sha256:{a}, then sha256:{b}"),
    "input": (lambda it: f"{it.input.width}x{it.input.height}", "the network takes {a}, then {b}"),
    "color": (lambda it: it.input.color, "frames are read as {a}, then as {b}"),
    "resize": (lambda it: it.input.resize, "frames are fitted by {a}, then by {b}"),
    "family": (lambda it: it.head.family, "the head is {a}, then {b}"),
    "max_det": (lambda it: it.head.max_det, "at most {a} detections, then {b}"),
    "storage": (lambda it: it.precision.get("storage"), "weights are stored as {a}, then as {b}"),
    "arithmetic": (lambda it: it.precision.get("arithmetic"), "computed in {a}, then in {b}"),
    "calibration": (lambda it: it.calibration_digest, "other calibration pictures: {a}, then {b}"),
    "tuning": (lambda it: it.tuning_digest or UNTUNED, "other tuning records: {a}, then {b}"),
    "versions": (lambda it: dict(it.versions), ""),
    "size": (lambda it: it.sizes["total"], ""),
    "memory": (lambda it: it.workspace.get("detect", 0), ""),
    "requires": (lambda it: sorted(it.requires.features), ""),
}


def differences(one: Artifact, other: Artifact) -> list[Difference]:
    """Everything that differs, what matters most first."""
    return [
        *_parts(one.manifest, other.manifest),
        *_classes(one.manifest.classes, other.manifest.classes),
        *_layers(one.manifest, other.manifest),
        *_kernels(one.manifest, other.manifest),
        *_figures(one, other),
    ]


def _parts(one: Manifest, other: Manifest) -> Iterator[Difference]:
    for what, (of, form) in PARTS.items():
        first, second = of(one), of(other)
        if first != second:
            told = form.format(a=first, b=second) if form else _TOLD[what](first, second)
            yield Difference(what, first, second, told)


def _versions(first: Mapping[str, str], second: Mapping[str, str]) -> str:
    names = sorted({*first, *second})
    changed = [name for name in names if first.get(name) != second.get(name)]
    return ", ".join(f"{name} {first.get(name, 'none')} became {second.get(name, 'none')}" for name in changed)


def _share(first: float, second: float) -> str:
    return f" ({(second / first - 1) * 100:+.0f}%)" if first else ""


def _features(first: Sequence[str], second: Sequence[str]) -> str:
    more, less = (", ".join(sorted(set(a) - set(b))) for a, b in ((second, first), (first, second)))
    return "; ".join(f"{word} {names}" for word, names in (("also needs", more), ("no longer needs", less)) if names)


_TOLD: Mapping[str, Callable[[Any, Any], str]] = {
    "versions": _versions,
    "size": lambda a, b: f"{a / 1e6:.1f} MB on the disk, then {b / 1e6:.1f} MB{_share(a, b)}",
    "memory": lambda a, b: f"{a / 1e6:.1f} MB to work in, then {b / 1e6:.1f} MB{_share(a, b)}",
    "requires": _features,
}


def _classes(one: Sequence[str], other: Sequence[str]) -> Iterator[Difference]:
    if one == other:
        return
    if sorted(one) == sorted(other):
        yield Difference("classes", list(one), list(other), "the same classes in another order")
        return
    gone, come = (", ".join(dict.fromkeys(c for c in a if c not in b)) for a, b in ((one, other), (other, one)))
    told = "; ".join(f"{word} {names}" for word, names in (("no longer finds", gone), ("also finds", come)) if names)
    yield Difference("classes", list(one), list(other), told)


def _layers(one: Manifest, other: Manifest) -> Iterator[Difference]:
    """How many layers compute in what, where that is not the same."""
    first, second = ({kind: len(names) for kind, names in _layers_of(it).items()} for it in (one, other))
    if _layers_of(one) == _layers_of(other):
        return
    told = ", ".join(
        f"{first.get(kind, 0)} in {kind} became {second.get(kind, 0)}"
        for kind in sorted({*first, *second})
        if first.get(kind, 0) != second.get(kind, 0)
    )
    yield Difference("layers", first, second, f"layers: {told or 'others compute in the same precisions'}")


def _layers_of(manifest: Manifest) -> Mapping[str, Sequence[str]]:
    layers = manifest.precision.get("layers", {})
    fits = isinstance(layers, Mapping) and all(isinstance(names, Sequence) for names in layers.values())
    return layers if fits else {}


def _kernels(one: Manifest, other: Manifest) -> Iterator[Difference]:
    first, second = (Counter(call["kernel"] for call in it.kernels.get("calls", ())) for it in (one, other))
    if first == second:
        return
    kept = sum((first & second).values())
    lost, new = first - second, second - first
    told = f"kernels: {kept} the same, {sum(lost.values())} gone, {sum(new.values())} new"
    names = [name for name, _ in new.most_common(MOST_KERNELS)]
    more = len(new) - len(names)
    if names:
        told += f" ({', '.join(names)}{f' and {more} more' if more > 0 else ''})"
    yield Difference("kernels", sum(first.values()), sum(second.values()), told)


def _figures(one: Artifact, other: Artifact) -> Iterator[Difference]:
    """Figures that both have, the last of each; and whether they were measured alike."""
    for metric in READ:
        a, b = (it.candidate.figures(metric) for it in (one, other))
        if not a and not b:
            continue
        if not a or not b:
            lacking = "the second" if a else "the first"
            told = f"{metric}: nobody measured {lacking}"
        elif a[-1].value == b[-1].value:
            continue
        else:
            alike = "" if a[-1].how == b[-1].how else f", not measured alike: {a[-1].how}; {b[-1].how}"
            share = _share(a[-1].value, b[-1].value) if metric in SPEED else ""
            told = f"{metric} {a[-1].value:.4g} became {b[-1].value:.4g}{share}{alike}"
        yield Difference(metric, a[-1].value if a else None, b[-1].value if b else None, told)
