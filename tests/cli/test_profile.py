"""zcc profile: kernel by kernel."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import onnx
import pytest

from tests.cli.conftest import Demo
from tests.cli.process import assert_one_line, call_zcc, run_zcc
from zcc import sample


def test_json_holds_every_kernel_and_the_shares_add_up(demo: Demo) -> None:
    options = ("--rounds", "3", "--top", "1", "--no-limits", "--json")
    done = run_zcc("profile", "shapes", *options, "--registry", demo.registry)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    shown = json.loads(call_zcc("show", "shapes", "--json", "--registry", demo.registry).stdout)
    kernels = document["kernels"]
    assert document["digest"] == shown["digest"]
    assert len(kernels) == document["total"]["kernels"] == len(shown["kernels"]["calls"])
    assert sum(kernel["share"] for kernel in kernels) == pytest.approx(1, abs=1e-3)
    assert [kernel["ms"] for kernel in kernels] == sorted((kernel["ms"] for kernel in kernels), reverse=True)
    assert sum(kernel["ms"] for kernel in kernels) == pytest.approx(document["total"]["ms"], abs=1e-3)
    assert document["covered"] == pytest.approx(document["total"]["ms"] / document["network_ms"], rel=1e-3)
    assert set(document["stages_ms"]) == {"preprocess", "network", "postprocess"}
    assert None in {kernel["tuned"] for kernel in kernels} != {None}, "borders have no form; convolutions do"
    assert {kernel["layout"][:4] for kernel in kernels if kernel["dtype"]} == {"NCHW"}
    known = {node.name for node in onnx.load(str(sample.MODEL)).graph.node}
    told = {node for kernel in kernels for node in kernel["nodes"]}
    convolutions = {node.name for node in onnx.load(str(sample.MODEL)).graph.node if node.op_type == "Conv"}
    assert told <= known and convolutions - told == set(), "every convolution of the file is some kernel's"


def test_the_table_is_cut_at_the_top(demo: Demo) -> None:
    options = ("--rounds", "3", "--top", "4")
    done = call_zcc("profile", "shapes", *options, "--registry", demo.registry)
    lines = [line for line in done.stdout.splitlines() if not line.startswith("warning: ")]  # of a busy machine
    title, heading, *rows, rest, total, limits, stages = lines
    assert title.startswith("shapes fp32 for ")
    assert heading.split()[:2] == ["share", "ms"]
    assert len(rows) == 4
    assert rest.endswith("more")
    assert total.startswith("network ")
    assert limits.startswith("this machine at most") and stages.startswith("a frame of 1920x1080: before the network")


def test_a_trace_is_a_timeline_whose_kernels_lie_within_the_network(demo: Demo, tmp_path: Path) -> None:
    trace = tmp_path / "frame.json"
    options = ("--rounds", "2", "--no-limits", "--trace", trace, "--json")
    done = call_zcc("profile", "shapes", *options, "--registry", demo.registry)
    kernels = json.loads(done.stdout)["kernels"]
    events = [each for each in json.loads(trace.read_text())["traceEvents"] if each["ph"] == "X"]
    lines = {line: [each for each in events if each["tid"] == line] for line in (1, 2)}
    assert [each["name"] for each in lines[1]] == ["preprocess", "network", "postprocess"]
    assert sorted(each["name"] for each in lines[2]) == sorted(kernel["kernel"] for kernel in kernels)
    for line in lines.values():
        ends = [each["ts"] + each["dur"] for each in line]
        assert [each["ts"] for each in line[1:]] == pytest.approx(ends[:-1], abs=0.01), "one behind the other"
    assert lines[2][0]["ts"] == lines[1][1]["ts"]


def test_two_variants_are_compared_node_by_node(variants: str) -> None:
    common = ("shapes", "--dtype", "fp32", "--diff", "shapes", "--diff-dtype", "fp16", "--rounds", "2")
    document = json.loads(call_zcc("profile", *common, "--json", "--registry", variants).stdout)
    told = document["diff"]
    assert sum(each["before_ms"] for each in told) == pytest.approx(document["total"]["ms"], rel=1e-3)
    nodes = [node for each in told for node in each["nodes"]]
    assert len(nodes) == len(set(nodes)), "no node counts twice"
    changes = [abs(each["after_ms"] - each["before_ms"]) for each in told]
    assert all(larger >= smaller - 1e-9 for larger, smaller in pairwise(changes)), "the largest first, but for rounding"
    lines = call_zcc("profile", *common, "--top", "3", "--registry", variants).stdout.splitlines()
    assert lines[0].startswith("A  shapes fp32") and lines[1].startswith("B  shapes fp16")
    assert lines[3].split()[:5] == ["A", "ms", "B", "ms", "change"] and lines[-1].endswith("  all")


@pytest.mark.parametrize(("arguments", "code"), [(("absent",), 1), (("shapes", "--top", "0"), 2)])
def test_what_cannot_be_profiled_is_one_line(demo: Demo, arguments: tuple[str, ...], code: int) -> None:
    assert_one_line(call_zcc("profile", *arguments, "--registry", demo.registry), code)
