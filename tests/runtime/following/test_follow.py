"""Following a tag of a real registry, moved by real processes while frames flow."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.process import run_zcc
from tests.conftest import Tiny
from tests.runtime.conftest import FAST, SLOW, Pair
from tests.runtime.following.tags import ANY, FRAME, Looks, Stays, follow, move
from tests.runtime.samples import assert_same, changed_copy
from tests.runtime.waiting import wait_for
from zcc.registry import Registry
from zcc.registry.bundle import export_bundle
from zcc.runtime import Detector, Following
from zcc.runtime.errors import UsageError
from zcc.runtime.manifest import Manifest


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


@pytest.mark.waits
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
