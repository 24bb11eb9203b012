"""A registry with nearly all that a report can tell, made of small files that nothing runs."""

from __future__ import annotations

import random
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from tests.registry.samples import artifact
from zcc.registry import Registry
from zcc.registry.signing import load_private_key, make_key
from zcc.runtime import host
from zcc.runtime.manifest import BuildStage, HeadInfo, Measurement, Requirements

SCRIPT = "<script>document.title = 'taken over'</script>"
CLASSES = (SCRIPT, "star & bar", "triangle", "disc")
DTYPES = ("fp32", "fp16", "bf16", "int8", "tf32")
TARGETS = ("x86-64-v4-vnni", "x86-64-v3", "x86-64-v2", "aarch64-dotprod", "cuda:sm_90")
POLICY = '{"policy": 1, "max_age_days": 36500}'
MESSAGE = "int8 holds the bar <img src=x onerror=alert(1)> on the night set"


def fill(place: Path, count: int, name: str = "yolov8n") -> Registry:
    """Variants of a model, each with figures, kernels and a past; half of the first dozen bear tags."""
    registry = Registry.open(place / "registry")
    for number, (target, dtype) in zip(range(count), _kinds(), strict=False):
        folder = place / f"variant-{number}"
        _, manifest = artifact(folder, name, number, dtype, 2_000, **_facts(number, target, dtype))
        registry.publish(folder, manifest)
    sign(registry, place, name)
    for target in TARGETS[:2]:
        for dtype in ("fp32", "int8"):
            registry.tag(name, "production", dtype, target, MESSAGE)
    registry.tag(name, "candidate", "bf16", TARGETS[0], "try it on the dock cameras")
    registry.rollback(name, "production", "too many misses at dusk")
    registry.protect(name, "production", POLICY, "as agreed")
    return registry


def sign(registry: Registry, place: Path, name: str) -> None:
    """Sign the fp32 variant of the first target."""
    signer = load_private_key(make_key(place / "release")[0], None)
    artifact = registry.resolve(name, "fp32", TARGETS[0])
    registry.add_envelopes(artifact.digest, [signer.sign(artifact.manifest)])


def _kinds() -> Iterator[tuple[str, str]]:
    round_ = 0
    while True:
        for target in TARGETS:
            for dtype in DTYPES:
                yield f"{target}{f'-r{round_}' if round_ else ''}", dtype
        round_ += 1


def _facts(number: int, target: str, dtype: str) -> dict[str, object]:
    draw = random.Random(number)
    pace = {"fp32": 1.0, "fp16": 0.93, "bf16": 0.48, "int8": 0.3, "tf32": 0.8}[dtype]
    network = pace * (20 + 14 * TARGETS.index(target.split("-r")[0])) * draw.uniform(0.95, 1.05)
    lost = {"fp32": 0.0, "fp16": 0.02, "bf16": 0.11, "int8": 0.7, "tf32": 0.04}[dtype] * draw.uniform(0.8, 1.2)
    figures = {
        "map50_95": 0.4312 - lost / 100,
        "map50": 0.612 - lost / 100,
        "drop_map50_95": lost,
        "worst_class_change": -2.3 * lost,
        "drift_mean": lost / 60,
        "drift_p95": lost / 20,
        "detections_matched": 700.0,
        "detections_lost": float(round(9 * lost)),
        "detections_gained": float(round(6 * lost)),
        "network_ms": network,
        "latency_ms": network + 2.3,
        "latency_p95_ms": 1.08 * network + 2.4,
    }
    return {
        "target": target,
        "classes": CLASSES,
        "head": HeadInfo("v8", (1, 4 + len(CLASSES), 8400), 8400, len(CLASSES), 300),
        "requires": Requirements(host.system(), host.architecture(), (), version("apache-tvm")),
        "measured": tuple(Measurement(metric, value, "of 100 <made-up> runs") for metric, value in figures.items()),
        "kernels": {"calls": [_call(place, draw) for place in range(100)]},
        "stages": (BuildStage("import", 1.2, 300.0), BuildStage("build", 9.9, 640.0)),
    }


def _call(place: int, draw: random.Random) -> dict[str, object]:
    kind = ("conv_3x3s1", "conv_1x1s1", "attention", "halo", "max_pool")[place % 5]
    return {
        "kernel": f"{kind}_{16 << place % 4}_{place}",
        "makes": f"lv{place}<b>",
        "flops": draw.randrange(10**6, 10**8),
        "bytes": draw.randrange(10**4, 10**6),
    }
