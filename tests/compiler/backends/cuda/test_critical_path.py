"""The longest way through launches, and that only its launches overlap with those before them."""

from __future__ import annotations

from pathlib import Path

from tests.compiler.backends.cuda.test_lower import imported
from zcc.compiler.backends.cuda.critical_path import critical_path
from zcc.compiler.backends.cuda.draft import Draft
from zcc.compiler.backends.cuda.kernels.formats import Map
from zcc.compiler.backends.cuda.kernels.plain import FromPlain
from zcc.compiler.backends.cuda.pipeline import lower_network
from zcc.compiler.backends.cuda.targets import Capability


def draft(flops: int) -> Draft:
    return Draft(FromPlain(Map(1, 1, 4, 4, "float32")), "", [], [], [], flops)


def test_two_quick_launches_take_longer_than_one_that_computes_little_more() -> None:
    drafts = [draft(0), draft(10**6), draft(10**6), draft(2 * 10**6), draft(0)]
    assert critical_path(drafts, [[], [0], [1], [0], [2, 3]]) == {0, 1, 2, 4}
    drafts[3] = draft(10**9)
    assert critical_path(drafts, [[], [0], [1], [0], [2, 3]]) == {0, 3, 4}


def test_only_what_all_wait_for_overlaps(tmp_path: Path) -> None:
    network = imported("yolov8", tmp_path).network()
    overlapping = [launch.overlaps for launch in lower_network(network, Capability(90), "fp16").launches]
    assert 0 < sum(overlapping) < len(overlapping)
    assert overlapping[0], "the image's first layer"
    assert not any(launch.overlaps for launch in lower_network(network, Capability(86), "fp16").launches)
