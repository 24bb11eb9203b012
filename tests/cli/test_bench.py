"""zcc bench: figures of a stored artifact, kept with it."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Demo
from tests.cli.process import assert_one_line, call_zcc, run_zcc
from zcc import sample
from zcc.runtime import host

QUICK = ("--rounds", "1", "--threads", "1", "--quick")


@pytest.fixture
def registry(demo: Demo, tmp_path: Path) -> str:
    """The demo's registry, to be written to."""
    return str(shutil.copytree(demo.registry, tmp_path / "artifacts", symlinks=True))


def bench(registry: str, *arguments: str | Path, **environment: str) -> dict[str, Any]:
    """The document of `zcc bench shapes … --json`."""
    done = run_zcc("bench", "shapes", *arguments, "--json", "--registry", registry, **environment)
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def listed(registry: str) -> dict[str, list[float]]:
    """Every figure of the one artifact, by metric."""
    [artifact] = json.loads(call_zcc("list", "--json", "--registry", registry).stdout)
    figures: dict[str, list[float]] = {}
    for figure in artifact["measured"]:
        figures.setdefault(figure["metric"], []).append(figure["value"])
    return figures


def test_the_usual_frame_is_timed_and_recorded(registry: str) -> None:
    before = listed(registry)
    document = bench(registry, "--rounds", "1", "--quick")
    assert (document["name"], document["frame"], document["recorded"]) == ("shapes", [1080, 1920], True)
    assert list(document["contestants"]) == ["zcc"]
    ours = document["contestants"]["zcc"]
    assert 0 < ours["frame_ms"]["median"] <= ours["frame_ms"]["p95"]
    assert 0 < ours["network_ms"]["median"] <= ours["network_ms"]["p95"]
    after = listed(registry)
    assert after["latency_ms"] == [*before["latency_ms"], ours["frame_ms"]["median"]]
    assert after["latency_p95_ms"] == [ours["frame_ms"]["p95"]]
    assert after["network_ms"] == [ours["network_ms"]["median"]]


def test_other_conditions_are_shown_and_not_recorded(registry: str) -> None:
    before = listed(registry)
    document = bench(registry, *QUICK, "--frame", "240x320", "--images", sample.IMAGES[0].parent)
    assert (document["frame"], document["recorded"], document["threads"]) == ([240, 320], False, 1)
    assert listed(registry) == before


def test_against_another_tool(registry: str) -> None:
    document = bench(registry, *QUICK, "--against", "onnxruntime", "--model", sample.MODEL)
    assert list(document["contestants"]) == ["zcc", "onnxruntime"]
    assert set(document["ratios"]["frame"]) == {"onnxruntime", "faster"}
    ratio = document["ratios"]["frame"]["onnxruntime"]
    assert ratio["low"] <= ratio["ratio"] <= ratio["high"] and ratio["more_than_noise"] is False, "one round is none"
    agreement = document["agreement"]["onnxruntime"]
    assert agreement["detections"] > 20, "the sample detector finds what is in the sample pictures"
    assert agreement["share"] >= 0.98


def test_the_table_has_a_line_for_each(registry: str) -> None:
    done = run_zcc("bench", "shapes", *QUICK, "--registry", registry)
    assert done.returncode == 0, done.stderr
    title, _, heading, frame, network, about, *rest = done.stdout.splitlines()
    assert title.startswith("shapes fp32 for ") and title.endswith("frames of 1920x1080")
    assert heading.split() == ["median", "mean", "std", "min", "max", "P95", "P99", "fps", "runs"]
    assert (frame.split()[:2], network.split()[0]) == (["zcc", "frame"], "network")
    assert about.split()[0] == "zcc"
    assert [line.split()[0] for line in rest][:3] == ["machine", "meanwhile", "timing"]
    [share] = re.findall(r"([\d.]+)% of one of 5 ms", done.stdout)
    assert float(share) < 1, "the protocol's own time is no part of what it measures"


def test_the_whole_protocol_is_kept_with_the_artifact(registry: str) -> None:
    """One real bench with everything in it; its figures hang together, whatever they are on this machine."""
    options = ("--rounds", "1", "--frame", "240x320", "--json", "--registry", registry)
    done = run_zcc("bench", "shapes", *options, timeout=300)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    frame = document["frame_ms"]
    assert frame["runs"] >= 10 and frame["min"] <= frame["median"] <= frame["p95"] <= frame["p99"] <= frame["max"]
    assert set(document["stages_ms"]) == {"preprocess", "network", "postprocess"}
    assert all(stage["min"] > 0 for stage in document["stages_ms"].values())
    assert next(each["frame"] for each in document["frame_sizes"]) == [480, 640]
    cells = {(each["threads"], each["streams"]): each["fps"] for each in document["surface"]}
    most = host.worker_threads()
    assert {(1, 1), (most, 1), (1, most)} <= set(cells) and all(threads * each <= most for threads, each in cells)
    best = document["best"]
    assert best["latency"]["streams"] == 1
    assert cells[best["throughput"]["threads"], best["throughput"]["streams"]] == max(cells.values())
    start = document["cold_start_ms"]
    assert 0 < start["load"] < start["all"] and 10 < document["memory_mb"]["resident"] <= document["memory_mb"]["peak"]
    assert document["machine"]["cores"] >= 1 and set(document["conditions"]) >= {"load", "others", "stolen"}
    done = call_zcc("bench", "shapes", "--history", "--json", "--registry", registry)
    [kept] = json.loads(done.stdout)
    assert {key: document[key] for key in kept if key in document} == {k: v for k, v in kept.items() if k != "when"}
    lines = call_zcc("bench", "shapes", "--history", "--registry", registry).stdout.splitlines()
    assert len(lines) == 2 and "320x240" in lines[1]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("shapes", "--against", "onnxruntime"), 2, ("--model",)),
        (("shapes", "--model", sample.MODEL), 2, ("--against",)),
        (("shapes", "--against", "darknet", "--model", sample.MODEL), 2, ("darknet", "openvino, onnxruntime")),
        (("shapes", "--against", "onnxruntime", "--model", sample.IMAGES[0]), 1, (sample.IMAGES[0].name,)),
        (("shapes", "--against", "onnxruntime", "--model", "absent.onnx"), 1, ("absent.onnx",)),
        (("shapes", "--images", "/absent"), 1, ("/absent",)),
        (("shapes", "--streams", "1,9999"), 2, ("streams=9999", "give fewer")),
        (("shapes", "--streams", "1", "--quick"), 2, ("--quick", "--streams")),
        (("shapes", "--frame", "wide"), 2, ("wide",)),
        (("shapes", "--frame", "0x0"), 2, ("0x0",)),
        (("absent",), 1, ("absent",)),
    ],
    ids=[
        "no model",
        "no tools",
        "unknown",
        "no onnx",
        "absent model",
        "absent images",
        "too many streams",
        "streams that nobody looks at",
        "no size",
        "empty frame",
        "no artifact",
    ],
)
def test_what_cannot_be_timed_is_one_line(
    demo: Demo, arguments: tuple[str | Path, ...], code: int, words: tuple[str, ...]
) -> None:
    assert_one_line(call_zcc("bench", *arguments, "--registry", demo.registry), code, *words)
