"""The checker knows that channels of one map may be written by several launches, none of which writes all bytes."""

from __future__ import annotations

import pytest

from zcc.compiler.backends.cuda.check_plan import find_faults
from zcc.runtime.executors.plan import Launch, Plan, Range

PITCH, ROWS = 48, 10


def window(begin: int, width: int) -> Range:
    return Range("arena", begin, begin + (ROWS - 1) * PITCH + width, width, PITCH)


def launch(reads: tuple[Range, ...], writes: tuple[Range, ...], after: tuple[int, ...] = ()) -> Launch:
    return Launch("network", "m", "k", (1, 1, 1), (32, 1, 1), (), after, reads=reads, writes=writes)


def faults(*launches: Launch) -> list[str]:
    regions = {"weights": 0, "arena": PITCH * ROWS, "parameters": 0, "result": 0}
    return list(find_faults(Plan("sm_90", regions, ("m",), launches)))


WHOLE = Range("arena", 0, PITCH * ROWS)


def test_windows_meet_where_their_columns_do() -> None:
    assert not window(0, 16).meets(window(16, 32))
    assert window(0, 17).meets(window(16, 32))
    assert window(16, 32).meets(window(0, 17))
    assert window(0, 16).meets(WHOLE)


def test_parts_of_a_concat_may_be_written_at_once() -> None:
    both = (launch((), (window(0, 16),)), launch((), (window(16, 32),)))
    assert faults(*both, launch((WHOLE,), (), (0, 1))) == []


@pytest.mark.parametrize("written", [(window(0, 16),), (window(0, 16), window(32, 16)), (window(16, 32),)])
def test_missing_columns_are_found(written: tuple[Range, ...]) -> None:
    parts = [launch((), (each,)) for each in written]
    found = faults(*parts, launch((WHOLE,), (), tuple(range(len(parts)))))
    assert len(found) == 1 and "which nothing before it has written" in found[0]


def test_a_window_reads_its_own_columns_only() -> None:
    first = launch((), (window(16, 32),))
    assert faults(first, launch((window(16, 16),), (), (0,))) == []
    assert faults(first, launch((window(8, 16),), (), (0,)))


def test_columns_that_overlap_may_not_be_written_at_once() -> None:
    assert "both touch" in faults(launch((), (window(0, 20),)), launch((), (window(16, 32),)))[0]
