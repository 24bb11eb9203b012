"""What zcc bench, profile, compare and adapt print with --json, as far as a report reads it."""

from __future__ import annotations

from typing import Any

from tests.web.samples import SCRIPT

ADAPT: dict[str, Any] = {
    "name": "yolov8n",
    "policy": "scene",
    "frames": 240,
    "outcomes": {
        "always int8": {"mean_ms": 9.8, "map50_95": 0.424},
        "always fp32": {"mean_ms": 24.1, "map50_95": 0.431},
        "policy": {"mean_ms": 14.2, "map50_95": 0.4296},
        "oracle": {"mean_ms": 12.7, "map50_95": 0.4334},
    },
    "curve": [{"mean_ms": 9.9, "map50_95": 0.4241}, {"mean_ms": 23.0, "map50_95": 0.4309}],
    "oracle_curve": [{"mean_ms": 9.8, "map50_95": 0.424}, {"mean_ms": 12.7, "map50_95": 0.4334}],
}


def _side(dtype: str, *accuracies: float) -> dict[str, Any]:
    names = (SCRIPT, "disc", "star")
    classes = {name: {"map50": each, "map50_95": each} for name, each in zip(names, accuracies, strict=True)}
    return {"digest": "sha256:" + "0" * 64, "dtype": dtype, "classes": classes}


COMPARE: dict[str, Any] = {
    "a": _side("fp32", 0.5, 0.41, 0.38),
    "b": _side("int8", 0.49, 0.415, 0.37),
    "class_changes": {},
}


def bench(digest: str) -> dict[str, Any]:
    """A measurement of an artifact."""
    times = {"median": 9.5, "p95": 10.1}
    stages = {"preprocess": 1.6, "network": 7.2, "postprocess": 0.7}
    energy = {"joules_per_frame": 0.412, "source": "RAPL <package>"}
    return {"digest": digest, "frame_ms": times, "stages_ms": stages, "energy": energy}


def profile(digest: str) -> dict[str, Any]:
    """A profile of an artifact."""
    kernels = [{"kernel": f"conv_3x3s1_{number}", "makes": "lv", "ms": 1.0 / number} for number in range(1, 70)]
    return {"digest": digest, "kernels": kernels}
