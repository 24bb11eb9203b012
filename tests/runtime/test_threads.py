"""Artifacts that want fewer threads than there are cores."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Tiny
from tests.runtime.samples import changed_copy, noise, run_python
from zcc.runtime import Detector
from zcc.runtime.errors import CorruptArtifact
from zcc.runtime.manifest import Manifest

PRELUDE = """
import os, pathlib, sys
import numpy as np
from zcc.runtime import Detector
frame = np.random.default_rng(0).integers(0, 256, (1080, 1920, 3), dtype=np.uint8)
detectors = [Detector.load(path) for path in sys.argv[1:]]
def worked():
    '''Nanoseconds of the processor that each thread took.'''
    tasks = sorted(pathlib.Path("/proc/self/task").iterdir(), key=lambda task: int(task.name))
    return {task.name: int((task / "schedstat").read_text().split()[0]) for task in tasks}
def busy(detector, rounds=500):
    '''How many threads took part, at last: where others want the cores, one comes late to many a frame.'''
    return next((some for some in (goes(detector) for _ in range(rounds)) if some > 1), 1)
def fewest(detector, rounds=4):
    '''How few did: where others want the cores, one that was sent to sleep is late with it.'''
    return min(goes(detector) for _ in range(rounds))
def goes(detector, frames=30):
    detector(frame)
    before = worked()
    for _ in range(frames):
        detector(frame)
    taken = [after - before.get(task, 0) for task, after in worked().items()]
    return sum(each > 0.02 * max(taken) for each in taken)
"""
TWO_CORES = pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two cores")


def wanting(threads: Any, tiny: Tiny, folder: Path) -> Path:
    kernels = {**Manifest.read(tiny.folder).kernels, "threads": threads}
    return changed_copy(tiny.folder, folder / f"wants-{threads}", kernels=kernels)


@TWO_CORES
def test_each_gets_the_threads_it_wants_in_turns(tiny_artifact: Tiny, tmp_path: Path) -> None:
    one, many = wanting(1, tiny_artifact, tmp_path), wanting(1000, tiny_artifact, tmp_path)
    code = PRELUDE + "print(*(count(detectors[at]) for at, count in ((0, fewest), (1, busy), (2, busy)) * 2))"
    code += "\nprint(len(set(detector(frame).scores.tobytes() for _ in range(20) for detector in detectors)))"
    environment = {"OPENBLAS_NUM_THREADS": "1", "ZCC_NUM_THREADS": ""}
    counts, results = run_python(code, one, tiny_artifact.folder, many, **environment).splitlines()
    every = len(os.sched_getaffinity(0))
    assert [int(count) > 1 for count in counts.split()] == [False, True, True] * 2, every
    assert results == "1"


@TWO_CORES
def test_the_user_has_the_last_word(tiny_artifact: Tiny, tmp_path: Path) -> None:
    one = wanting(1, tiny_artifact, tmp_path)
    code = PRELUDE + "print(*(busy(detector) for detector in detectors))"
    assert run_python(code, one, OPENBLAS_NUM_THREADS="1", ZCC_NUM_THREADS="2") == "2\n"


@pytest.mark.parametrize("threads", [0, -1, 1.5, "two", True, [1]])
def test_a_wish_that_is_none_is_refused(tiny_artifact: Tiny, tmp_path: Path, threads: Any) -> None:
    with pytest.raises(CorruptArtifact, match="threads"):
        Detector.load(wanting(threads, tiny_artifact, tmp_path))


def test_a_manifest_without_a_wish_runs(tiny_artifact: Tiny) -> None:
    assert "threads" not in Manifest.read(tiny_artifact.folder).kernels
    Detector.load(tiny_artifact.folder)(noise(8, 8))
