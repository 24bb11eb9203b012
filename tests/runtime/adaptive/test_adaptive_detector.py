"""The adaptive detector: every frame on the variant that the policy names, whoever calls."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from tests.runtime.adaptive.conftest import Resident
from tests.runtime.samples import assert_same, noise
from zcc.runtime import Detections
from zcc.runtime.adaptive import AdaptiveDetector, Observed, SceneComplexity
from zcc.runtime.adaptive.stored_policy import StoredPolicy
from zcc.runtime.errors import FrameError, InputError, NotFound, UsageError


class Script:
    """Chooses by a list, round and round, and keeps what it was told."""

    def __init__(self, *dtypes: str) -> None:
        self._dtypes = dtypes
        self.told: list[Observed] = []
        self.inside = 0

    def choose(self, observed: Observed) -> str:
        self.inside += 1
        assert self.inside == 1, "a policy is asked for one frame at a time"
        self.told.append(observed)
        self.inside -= 1
        return self._dtypes[(len(self.told) - 1) % len(self._dtypes)]


def answer(found: Detections) -> bytes:
    return found.boxes.tobytes() + found.scores.tobytes() + found.classes.tobytes()


def test_each_frame_runs_on_the_variant_that_was_chosen(resident: Resident) -> None:
    policy = Script("fp16", "fp32", "fp32", "fp16")
    adaptive, alone = resident.load(policy), {dtype: resident.alone(dtype) for dtype in ("fp16", "fp32")}
    for index, dtype in enumerate(["fp16", "fp32", "fp32", "fp16"] * 3):
        frame = noise(50, 70, seed=index)
        found = adaptive(frame, conf=0.3, iou=0.6)
        assert_same(found, alone[dtype](frame, conf=0.3, iou=0.6))
        assert adaptive.manifest.dtype == dtype
        assert adaptive.observed.running == dtype
        assert (adaptive.observed.detections, adaptive.observed.edges) == (len(found), found.edges)
    statistics = adaptive.statistics
    assert statistics.frames == {"fp16": 6, "fp32": 6}
    assert statistics.swaps == 6
    assert [seen.frames for seen in policy.told] == list(range(12))
    assert {dtype: each.digest for dtype, each in adaptive.manifests.items()} == {
        dtype: each.manifest.digest for dtype, each in alone.items()
    }


def test_a_swap_is_a_pointer(resident: Resident, tmp_path: Path) -> None:
    """It needs nothing of where the variants are from."""
    home = shutil.copytree(resident.home, tmp_path / "registry", symlinks=True)
    adaptive, frame = Resident(str(home)).load(Script("fp16", "fp32")), noise(64, 64)
    subprocess.run(["chmod", "-R", "u+w", home], check=True)  # what a registry stores is read-only
    shutil.rmtree(home)
    for _ in range(500):
        adaptive(frame)
    assert adaptive.statistics.swaps == 499
    assert adaptive.statistics.deciding_us > 0


def test_many_threads_lose_nothing(resident: Resident) -> None:
    policy = Script("fp16", "fp32", "fp32")
    adaptive, frames = resident.load(policy), [noise(30 + 9 * i, 150 - 9 * i, seed=i) for i in range(8)]
    own = [{answer(resident.alone(dtype)(frame)) for dtype in ("fp16", "fp32")} for frame in frames]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda call: answer(adaptive(frames[call % 8])), range(600)))
    assert all(each in own[call % 8] for call, each in enumerate(found))
    assert adaptive.statistics.frames == {"fp16": 200, "fp32": 400}
    assert adaptive.observed.frames == 600
    assert all(before.frames <= after.frames for before, after in pairwise(policy.told))


def test_a_busy_scene_changes_the_variant(resident: Resident) -> None:
    """By the edges, which come from the pass that reads the frame."""
    adaptive = resident.load(SceneComplexity(0.1, 0.3, "fp16", "fp32", hold=2, measure="edges"))
    flat, busy = np.full((64, 64, 3), 90, np.uint8), noise(64, 64)
    ran = Counter[tuple[bool, str]]()
    for number in range(60):
        crowded = number % 20 >= 10
        adaptive(busy if crowded else flat)
        ran[crowded, adaptive.manifest.dtype] += 1
    assert ran == {(False, "fp16"): 28, (False, "fp32"): 2, (True, "fp16"): 3, (True, "fp32"): 27}


def test_a_frame_that_cannot_be_run_is_not_observed(resident: Resident) -> None:
    adaptive = resident.load(Script("fp32"))
    with pytest.raises(FrameError):
        adaptive(np.zeros((4, 4), np.float32))
    with pytest.raises(UsageError, match="conf"):
        adaptive(noise(8, 8), conf=2)
    assert adaptive.observed.frames == 0
    assert len(adaptive(noise(8, 8)).boxes) >= 0


def test_a_policy_that_names_what_is_not_resident_is_told_so(resident: Resident) -> None:
    with pytest.raises(UsageError, match="chose 'int4', which is not resident: fp16, fp32"):
        resident.load(Script("int4"))(noise(8, 8))
    with pytest.raises(UsageError, match="chooses int8, but resident are fp16, fp32"):
        resident.load(SceneComplexity(1, 2, "int8", "fp32"))
    with pytest.raises(NotFound, match="no such variant"):
        AdaptiveDetector.load("tiny", Script("int8"), registry=resident.home)
    with pytest.raises(UsageError, match="needs variants"):
        AdaptiveDetector({}, Script("fp32"))


def test_a_stored_policy_is_loaded_with_its_variants(resident: Resident, tmp_path: Path) -> None:
    path = tmp_path / "policy.json"
    arguments = {"low": 1, "high": 2, "quiet": "fp16", "crowded": "fp32"}
    StoredPolicy("scene", arguments, ("fp16", "fp32")).write(path)
    adaptive = AdaptiveDetector.load("tiny", path, registry=resident.home)
    assert list(adaptive.manifests) == ["fp16", "fp32"]
    assert StoredPolicy.read(path).policy() == SceneComplexity(1, 2, "fp16", "fp32")
    for text, words in (("[]", "holds no policy"), ("{", "holds no policy"), ('{"name": "scene"}', "KeyError")):
        path.write_text(text)
        with pytest.raises(InputError, match=words):
            AdaptiveDetector.load("tiny", path, registry=resident.home)
    StoredPolicy("weather", {}, ("fp32",)).write(path)
    with pytest.raises(UsageError, match="no policy 'weather'; choose one of scene, deadline"):
        StoredPolicy.read(path).policy()
    StoredPolicy("scene", {"hight": 1}, ("fp32",)).write(path)
    with pytest.raises(UsageError, match="hight"):
        StoredPolicy.read(path).policy()
    with pytest.raises(InputError, match="No such file"):
        StoredPolicy.read(tmp_path / "none.json")


def test_it_works_in_the_child_of_a_fork(resident: Resident) -> None:
    """Also when another thread held the lock at that moment."""
    adaptive, frame = resident.load(Script("fp16", "fp32")), noise(64, 64)
    expected = [answer(adaptive(frame)), answer(adaptive(frame))]
    with adaptive._lock:
        child = os.fork()
        if child == 0:
            os._exit(0 if [answer(adaptive(frame)), answer(adaptive(frame))] == expected else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_a_stream_goes_through_the_policy(resident: Resident) -> None:
    adaptive = resident.load(Script("fp16", "fp32"))
    with adaptive.stream([noise(40, 40, seed=i) for i in range(6)]) as stream:
        assert [len(seen.detections.boxes) >= 0 for seen in stream] == [True] * 6
    assert adaptive.statistics.frames == {"fp16": 3, "fp32": 3}
