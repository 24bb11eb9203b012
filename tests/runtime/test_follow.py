"""Following a tag of a real registry, moved by real processes while frames flow."""

from __future__ import annotations

import gc
import logging
import math
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from tests.cli.process import run_zcc
from tests.compiler.bare_heads import distributed
from tests.conftest import Tiny
from tests.runtime.conftest import FAST, SLOW, Pair
from tests.runtime.samples import assert_same, changed_copy, noise, run_python
from zcc.compiler.compile import CompileOptions, compile_model
from zcc.registry import Registry
from zcc.registry.bundle import export_bundle
from zcc.runtime import Detector, Following
from zcc.runtime.agreement import agreement
from zcc.runtime.errors import UsageError
from zcc.runtime.follow import Follower, join_within
from zcc.runtime.manifest import InputSpec, Manifest
from zcc.runtime.variant import Detections

FRAME = noise(48, 64)
PATIENT = 30.0  # seconds, on a machine that is busy; what is promised is one
ANY = Following(agreement=0, interval=0.05)
Stays = Callable[[Detector, str], None]


@pytest.fixture
def prod(pair: Pair) -> Pair:
    """The pair, and a tag `prod` at the fast one."""
    Registry.open(pair.home).tag("tiny", "prod", target=FAST)
    return pair


def follow(pair: Pair, how: bool | Following = ANY) -> Detector:
    """A detector that follows the tag."""
    return Detector.load("tiny:prod", registry=str(pair.home), follow=how)


def move(pair: Pair, target: str) -> None:
    """Move the tag."""
    Registry.open(pair.home).tag("tiny", "prod", target=target)


def publish(pair: Pair, folder: Path) -> str:
    """Publish an artifact and move the tag to it."""
    return Registry.open(pair.home).publish(folder, Manifest.read(folder), tags=["prod"]).digest


def wait_for(condition: Callable[[], object], seconds: float = PATIENT) -> None:
    """Until it holds, or the test fails."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not come about in time"
        time.sleep(0.005)


class Looks:
    """Counts how often followers began to look at their registry, in the order in which they did."""

    def __init__(self, look: Callable[[Follower], None]) -> None:
        self.begun = self.ended = 0
        self._look = look

    def __call__(self, follower: Follower) -> None:
        self.begun += 1
        self._look(follower)
        self.ended += 1

    def more(self, count: int) -> None:
        """Until so many of all followers together began after this moment, and have ended."""
        until = self.begun + count
        wait_for(lambda: self.ended >= until)


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Looks:
    """The looks of the test's followers."""
    counted = Looks(Follower.look)
    monkeypatch.setattr(Follower, "look", lambda follower: counted(follower))
    return counted


@pytest.fixture
def stays(looks: Looks) -> Stays:
    """Asserts that a detector still runs that variant after several looks."""

    def check(detector: Detector, target: str) -> None:
        looks.more(3)
        assert detector.manifest.target == target

    return check


def test_a_tag_moved_by_another_process_is_followed_by_the_next_look_and_no_frame_is_lost(
    prod: Pair, looks: Looks
) -> None:
    """Looks are a quarter of a second apart."""
    assert Following().interval <= 0.25
    expected = {target: prod.load(target)(FRAME) for target in (FAST, SLOW)}
    known = {each.boxes.tobytes() for each in expected.values()}
    with follow(prod, Following(agreement=0)) as detector:
        swapped: list[tuple[str, str, str, int]] = []
        detector.on_swap(lambda old, new, why: swapped.append((old.target, new.target, why, looks.begun)))
        ended, seen = threading.Event(), list[bytes]()

        def look() -> None:
            while not ended.is_set():
                seen.append(detector(FRAME).boxes.tobytes())

        caller = threading.Thread(target=look)
        caller.start()
        try:
            arguments = (("tag", "tiny", "prod", "--target", SLOW), ("rollback", "tiny:prod"))
            for number, command in enumerate(arguments, 1):
                done = run_zcc(*command, "--registry", str(prod.home))
                before = looks.begun
                assert done.returncode == 0, done.stderr
                wait_for(lambda number=number: len(swapped) == number)
                assert swapped[-1][3] <= before + 1
        finally:
            ended.set()
            caller.join()
        assert [each[:3] for each in swapped] == [(FAST, SLOW, "tiny:prod moved"), (SLOW, FAST, "tiny:prod moved")]
        assert set(seen) == known
        assert_same(detector(FRAME), expected[FAST])


def test_a_name_is_followed_to_what_is_published_last(pair: Pair, tmp_path: Path) -> None:
    with Detector.load("tiny", registry=str(pair.home), target=SLOW, follow=ANY) as detector:
        other = changed_copy(pair.folders[SLOW], tmp_path / "new", scale=0.99)
        digest = Registry.open(pair.home).publish(other, Manifest.read(other)).digest
        wait_for(lambda: detector.manifest.digest == digest)
        assert detector.manifest.target == SLOW, "what was asked for at the start is asked for still"


def test_what_disagrees_on_the_last_frame_is_refused_and_not_tried_again(
    prod: Pair, tmp_path: Path, caplog: pytest.LogCaptureFixture, stays: Stays
) -> None:
    other = changed_copy(prod.folders[FAST], tmp_path / "other", scale=-1.0, created="2030-01-01")
    with follow(prod, Following(agreement=1.0, interval=0.05)) as detector:
        expected = detector(FRAME)
        publish(prod, other)
        wait_for(lambda: "is refused" in caplog.text)
        assert "of the last frame's detections" in caplog.text
        move(prod, FAST)
        publish(prod, other)
        stays(detector, FAST)
        assert caplog.text.count("is refused") == 1
        assert_same(detector(FRAME), expected)
        detector.swap()
        assert detector.manifest.created == "2030-01-01", "by hand it can be forced"


def test_what_agrees_enough_takes_over(prod: Pair, stays: Stays) -> None:
    before, after = (prod.load(target)(FRAME) for target in (FAST, SLOW))
    share = agreement(before, after)
    assert 0 < share < 1
    with follow(prod, Following(agreement=share + 1e-6, interval=0.05)) as strict:
        with follow(prod, Following(agreement=share - 1e-6, interval=0.05)) as lenient:
            strict(FRAME)
            lenient(FRAME)
            move(prod, SLOW)
            wait_for(lambda: lenient.manifest.target == SLOW)
        stays(strict, FAST)


def test_replacements_are_tried_on_frames_of_the_format_that_was_last_seen(
    prod: Pair, caplog: pytest.LogCaptureFixture
) -> None:
    with follow(prod, Following(agreement=1.0, interval=0.05)) as detector:
        detector(noise(72, 64)[..., 0].copy(), format="nv12")
        move(prod, SLOW)
        wait_for(lambda: "of the last frame's detections" in caplog.text)


def test_before_the_first_frame_there_is_nothing_to_agree_on(prod: Pair) -> None:
    with follow(prod, Following(agreement=1.0, interval=0.05)) as detector:
        move(prod, SLOW)
        wait_for(lambda: detector.manifest.target == SLOW)


def test_a_damaged_replacement_is_refused(prod: Pair, caplog: pytest.LogCaptureFixture, stays: Stays) -> None:
    weights = prod.folders[SLOW] / "weights.bin"
    damaged = bytearray(weights.read_bytes())
    damaged[100] ^= 255
    weights.unlink()
    weights.write_bytes(damaged)
    with follow(prod) as detector:
        expected = detector(FRAME)
        move(prod, SLOW)
        wait_for(lambda: "is not the file that was published" in caplog.text)
        stays(detector, FAST)
        assert_same(detector(FRAME), expected)


@pytest.mark.parametrize("scale", [float("nan"), float("inf")])
def test_a_replacement_whose_numbers_are_none_is_refused(
    prod: Pair, tmp_path: Path, caplog: pytest.LogCaptureFixture, scale: float, stays: Stays
) -> None:
    with np.errstate(invalid="ignore"), follow(prod) as detector:
        detector(FRAME)
        publish(
            prod,
            changed_copy(prod.folders[FAST], tmp_path / "broken", scale=scale, created="2030-01-01"),
        )
        wait_for(lambda: "is refused" in caplog.text)
        stays(detector, FAST)
        assert detector.manifest.created != "2030-01-01"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"classes": ("new", "class1", "class2", "class3")}, "its class 0 is 'new', not 'class0'"),
        ({"input": InputSpec(64, 64, color="rgb")}, "it reads frames as rgb, not bgr"),
    ],
)
def test_a_replacement_that_means_other_things_is_refused(
    prod: Pair, tmp_path: Path, caplog: pytest.LogCaptureFixture, changes: dict[str, Any], told: str, stays: Stays
) -> None:
    with follow(prod) as detector:
        publish(prod, changed_copy(prod.folders[FAST], tmp_path / "other", **changes))
        wait_for(lambda: told in caplog.text)
        stays(detector, FAST)


def test_a_replacement_of_another_size_with_a_class_more_takes_over_and_gives_way_again(
    prod: Pair, tmp_path: Path
) -> None:
    model, registry = tmp_path / "tiny.onnx", Registry.open(prod.home)
    onnx.save(distributed(5, (32, 96)), model)
    with follow(prod) as detector:
        before = detector(FRAME)
        [made] = compile_model(CompileOptions(model), registry)
        registry.tag(made.manifest.digest, "prod")
        wait_for(lambda: detector.manifest.input.width == 96)
        assert len(detector.manifest.classes) == 5
        assert_same(detector(FRAME), Detector.load(made.folder)(FRAME))
        registry.rollback("tiny", "prod")
        wait_for(lambda: detector.manifest.input.width == 64)
        assert_same(detector(FRAME), before)


def test_a_tag_that_is_taken_away_is_told_once_and_followed_when_it_is_back(
    prod: Pair, caplog: pytest.LogCaptureFixture, stays: Stays
) -> None:
    with follow(prod) as detector:
        Registry.open(prod.home).untag("tiny", "prod")
        wait_for(lambda: "nothing in the registry answers to 'tiny:prod'" in caplog.text)
        stays(detector, FAST)
        assert len([line for line in caplog.records if line.levelno >= logging.WARNING]) == 1
        move(prod, SLOW)
        wait_for(lambda: detector.manifest.target == SLOW)


def test_a_registry_that_is_away_for_a_while_is_told_once(
    prod: Pair, caplog: pytest.LogCaptureFixture, stays: Stays
) -> None:
    with follow(prod) as detector:
        detector(FRAME)
        prod.home.rename(prod.home.with_name("away"))
        wait_for(lambda: "cannot be followed for now" in caplog.text)
        stays(detector, FAST)
        assert len(detector(FRAME)) > 0
        assert caplog.text.count("cannot be followed for now") == 1
        prod.home.with_name("away").rename(prod.home)
        move(prod, SLOW)
        wait_for(lambda: detector.manifest.target == SLOW)


@contextmanager
def locked(home: Path) -> Iterator[None]:
    """Nobody else reads or writes the index."""
    connection = sqlite3.connect(home / "index.sqlite", isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
        connection.close()


def test_a_locked_registry_holds_up_neither_frames_nor_the_end(
    prod: Pair, caplog: pytest.LogCaptureFixture, stays: Stays
) -> None:
    detector = follow(prod)
    with locked(prod.home):
        wait_for(lambda: "database is locked" in caplog.text)
        assert len(detector(FRAME)) > 0
        stays(detector, FAST)
        detector.close()  # it returns while the lock is held, which only this test gives back
    assert caplog.text.count("database is locked") == 1


def test_a_swap_by_hand_is_told_and_its_wish_is_followed(pair: Pair, stays: Stays) -> None:
    told: list[str] = []
    with Detector.load("tiny", registry=str(pair.home), follow=ANY) as detector:
        detector.on_swap(lambda old, new, why: told.append(f"{why}: {old.target} -> {new.target}"))
        detector.swap(target=SLOW)
        assert told == [f"swap: {FAST} -> {SLOW}"]
        stays(detector, SLOW)


def test_a_callback_that_fails_is_logged_and_stops_nothing(pair: Pair, caplog: pytest.LogCaptureFixture) -> None:
    detector, told = pair.load(FAST), list[str]()

    def fail(*_: object) -> None:
        raise LookupError("from the callback")

    detector.on_swap(fail)
    detector.on_swap(lambda old, new, why: told.append(new.target))
    detector.swap(target=SLOW)
    assert told == [SLOW]
    assert "from the callback" in caplog.text


def test_what_does_not_move_cannot_be_followed(tiny_artifact: Tiny, pair: Pair, tmp_path: Path) -> None:
    export_bundle(Registry.open(pair.home), ["tiny"], tmp_path / "pair.zcc")
    for place in (tiny_artifact.folder, tmp_path / "pair.zcc"):
        with pytest.raises(UsageError, match="cannot be followed; follow a name or a tag"):
            Detector.load(place, follow=True)


@pytest.mark.parametrize("wrong", [{"agreement": 1.1}, {"agreement": float("nan")}, {"interval": 0.0}])
def test_a_way_to_follow_that_means_nothing_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong))):
        Following(**wrong)


def watchers() -> list[threading.Thread]:
    """The threads that follow."""
    return [thread for thread in threading.enumerate() if thread.name == "zcc-follow"]


def test_a_detector_that_is_dropped_or_closed_is_followed_no_more(prod: Pair) -> None:
    closed, dropped = follow(prod), follow(prod)
    assert len(watchers()) == 2
    closed.close()
    assert len(watchers()) == 1
    del dropped
    gc.collect()
    wait_for(lambda: not watchers())
    move(prod, SLOW)
    assert closed.manifest.target == FAST
    assert len(closed(FRAME)) > 0


def test_a_callback_may_close_the_detector(prod: Pair) -> None:
    detector = follow(prod)
    detector.on_swap(lambda *_: detector.close())
    move(prod, SLOW)
    wait_for(lambda: not watchers())
    assert detector.manifest.target == SLOW


PRELUDE = """
import os, sys, time
import numpy as np
from zcc.runtime import Detector, Following
detector = Detector.load("tiny:prod", registry=sys.argv[1], follow=Following(agreement=0, interval=0.05))
frame = np.zeros((48, 64, 3), np.uint8)
detector(frame)
"""


@pytest.mark.parametrize("ending", ["", "sys.exit(0)", "del detector", "detector.close()"])
def test_the_interpreter_ends_while_a_tag_is_followed(prod: Pair, ending: str) -> None:
    assert run_python(f"{PRELUDE}\ntime.sleep(0.1)\n{ending}", prod.home) == ""


def test_both_sides_of_a_fork_follow(prod: Pair) -> None:
    code = f"""{PRELUDE}
child = os.fork()
from zcc.registry import Registry
if child:
    Registry.open(sys.argv[1]).tag("tiny", "prod", target="{SLOW}")
until = time.monotonic() + 120
while detector.manifest.target != "{SLOW}" and time.monotonic() < until:
    detector(frame)
    time.sleep(0.01)
print(detector.manifest.target, flush=True)
if child:
    print(os.waitpid(child, 0)[1])
"""
    assert run_python(code, prod.home).splitlines() == [SLOW, SLOW, "0"]


def boxes(*rows: tuple[float, float, float, float, float, int]) -> Detections:
    """Detections written down: a box, a score, a class."""
    table = np.array(rows, np.float32).reshape(-1, 6)
    return Detections(table[:, :4], table[:, 4], table[:, 5].astype(np.int32), 0.0)


def test_agreement_counts_each_detection_once() -> None:
    one, near, far = (0, 0, 10, 10, 0.9, 1), (1, 0, 11, 10, 0.8, 1), (20, 20, 30, 30, 0.7, 1)
    assert agreement(boxes(), boxes()) == 1
    assert agreement(boxes(one), boxes()) == agreement(boxes(), boxes(one)) == 0
    assert agreement(boxes(one), boxes(near)) == 1
    assert agreement(boxes(one), boxes(far)) == 0
    assert agreement(boxes(one), boxes((*one[:5], 2))) == 0, "another class"
    assert agreement(boxes(one, near), boxes(one)) == pytest.approx(2 / 3)
    assert agreement(boxes(one, far), boxes(far, near)) == 1
    assert agreement(boxes((0, 0, 0, 0, 0.9, 1)), boxes(one)) == 0, "a box without area"


class Clock:
    """A clock that goes on when somebody waits."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Stuck(threading.Thread):
    """A thread that does not end, whoever waits for it."""

    def __init__(self, clock: Clock, patience: float = math.inf) -> None:
        super().__init__()
        self._clock, self._patience = clock, patience
        self.waited: list[float] = []

    def join(self, timeout: float | None = None) -> None:
        assert timeout is not None, "it would be waited for for ever"
        self.waited.append(timeout)
        self._clock.now += min(timeout, self._patience)


def test_an_exit_waits_for_all_watchers_together_no_longer_than_it_says() -> None:
    clock = Clock()
    threads = [Stuck(clock, 2.0), Stuck(clock), Stuck(clock)]
    join_within(5.0, threads, clock)
    assert [thread.waited for thread in threads] == [[5.0], [3.0], [0.0]]
    assert clock.now == 105.0
