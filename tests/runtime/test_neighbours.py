"""Processors that neighbours leave: a machine in numbers, and the files that tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from zcc.runtime.neighbours import HOLD, ProcessorsLeft, Usage, busy_seconds


class Machine:
    """Threads that never rest share the processors evenly, a look each second."""

    def __init__(self, processors: int, most: int | None = None) -> None:
        self.processors, self.most = processors, most or processors
        self.neighbours, self.threads = 0.0, self.most
        self._usage = Usage(0.0, 0.0, 0.0)
        self._left = ProcessorsLeft(lambda: self._usage)

    def seconds(self, number: int) -> list[int]:
        """The threads of a frame in each."""
        seen = []
        for _ in range(number):
            wanted = self.neighbours + self.threads
            share = min(1.0, self.processors / wanted)
            before = self._usage
            busy, own = before.busy + share * wanted, before.own + share * self.threads
            self._usage = Usage(before.moment + 1.0, busy, own)
            self.threads = self._left.threads(self.most, self.processors)
            seen.append(self.threads)
        return seen


def test_on_a_quiet_machine_every_frame_has_all_threads() -> None:
    machine = Machine(16)
    machine.neighbours = 0.9
    assert set(machine.seconds(100)) == {16}


@pytest.mark.parametrize(("neighbours", "threads"), [(2, 13), (4, 11), (8, 7), (7.6, 8), (10, 7)])
def test_within_seconds_neighbours_have_their_processors(neighbours: float, threads: int) -> None:
    machine = Machine(16)
    machine.neighbours = neighbours
    assert set(machine.seconds(60)[4:]) == {threads}


def test_when_they_are_gone_frames_have_all_threads_again() -> None:
    machine = Machine(16)
    machine.neighbours = 8
    machine.seconds(10)
    machine.neighbours = 0
    assert machine.seconds(2)[-1] == 16


def test_where_others_want_every_processor_all_threads_stay() -> None:
    machine = Machine(16)
    machine.neighbours = 16
    seen = machine.seconds(10 * HOLD)
    assert seen.count(16) / len(seen) > 0.85


def test_a_share_of_a_large_machine_is_no_less_while_others_have_room() -> None:
    machine = Machine(64, most=4)
    machine.neighbours = 50
    assert set(machine.seconds(30)) == {4}
    machine.neighbours = 61.5
    assert machine.seconds(10)[-1] == 2


def test_small_machines_are_left_as_they_are() -> None:
    machine = Machine(2)
    machine.neighbours = 1
    assert set(machine.seconds(30)) == {2}


def test_two_looks_at_once_are_one() -> None:
    left = ProcessorsLeft(iter([Usage(0.0, 0.0, 0.0), Usage(0.1, 5.0, 0.0), Usage(1.0, 8.0, 0.0)]).__next__)
    assert [left.threads(16, 16), left.threads(16, 16)] == [16, 7]


def test_the_systems_counters_of_the_processors_that_may_be_used(tmp_path: Path) -> None:
    stat = tmp_path / "stat"
    stat.write_text(
        "cpu  9 9 9 9 9 9 9\ncpu0 100 20 30 999 999 4 6 50 0 0\ncpu1 7 0 0 9 0 0 0 0 0 0\nintr 5 5\ncpu0 1 1\n"
    )
    assert busy_seconds([0], stat) == 1.6
    assert busy_seconds([0, 1], stat) == pytest.approx(1.67)
    assert busy_seconds([0], tmp_path / "absent") == 0.0
