"""A detector on a card, through the public door, over a driver that is pretended."""

from __future__ import annotations

from collections.abc import Callable
from subprocess import CompletedProcess

import pytest

from tests.compiler.backends.cuda.host_device import needs_compiler
from tests.runtime.executors.pretended import artifact, driver_library, run

pytestmark = needs_compiler
Run = Callable[[str], CompletedProcess[str]]


@pytest.fixture(scope="module")
def detecting(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], list[str]]:
    """Runs code that has a detector; the lines that it prints."""
    place = artifact(tmp_path_factory.mktemp("variant") / "artifact")
    start = (
        "import sys, numpy as np\n"
        "from zcc.runtime import Detector\n"
        f"detector = Detector.load({str(place)!r}, device='cuda')\n"
        "frames = [np.random.default_rng(k).integers(0, 256, (120, 200, 3), np.uint8) for k in range(6)]\n"
    )

    def detect(code: str) -> list[str]:
        process = run(driver_library(), None, start + code)
        assert process.returncode == 0, process.stderr
        return process.stdout.splitlines()

    return detect


def test_no_runtime_of_tvm_is_imported(detecting: Callable[[str], list[str]]) -> None:
    code = "detector(frames[0])\ndetector.submit(frames[0]).result()\nlist(detector.stream(frames))\n"
    assert detecting(f"{code}print(sorted({{'tvm', 'tvm_ffi', 'torch'}} & set(sys.modules)))") == ["[]"]


def test_frames_are_submitted_and_streamed(detecting: Callable[[str], list[str]]) -> None:
    code = """
wanted = [detector(frame) for frame in frames]
under_way = [detector.submit(frame) for frame in frames]
seen = list(detector.stream(frames))
for many in ([each.result() for each in under_way], [each.detections for each in seen]):
    print(all(a.boxes.tobytes() == b.boxes.tobytes() and a.edges == b.edges for a, b in zip(wanted, many)), len(many))
print(len({each.edges for each in wanted}) > 3)
"""
    assert detecting(code) == ["True 6", "True 6", "True"]


def test_a_swap_needs_no_processor_to_have_run(detecting: Callable[[str], list[str]]) -> None:
    code = """
from zcc.runtime.loading import load_aside
from zcc.runtime.places import find_source
source = find_source(detector._reference, None)
variant = load_aside(source, source.variants("")[0], "cuda")
print(variant.run(frames[0], 0.25, 0.45).boxes.tobytes() == detector(frames[0]).boxes.tobytes())
"""
    assert detecting(code) == ["True"]
