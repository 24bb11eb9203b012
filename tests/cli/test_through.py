"""What is made of what is seen is finished, however the looking ends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from zcc.commands.run_outputs import Enough, FreeNames, finished, through


class Kept:
    """Keeps what it is given, and raises at the second."""

    def __init__(self, error: type[BaseException] | None = None) -> None:
        self.error, self.taken, self.closed = error, 0, 0

    def take(self, sighting: Any) -> None:
        self.taken += 1
        if self.error is not None and self.taken == 2:
            raise self.error

    def close(self) -> None:
        self.closed += 1


def numbers() -> Iterator[Any]:
    yield from range(5)


@pytest.mark.parametrize(("error", "seen"), [(None, 5), (Enough, 1)])
def test_a_closed_window_ends_the_look_and_what_was_made_is_finished(
    error: type[BaseException] | None, seen: int
) -> None:
    film, window = Kept(), Kept(error)
    with finished([film, window]):
        assert len(list(through(numbers(), [film, window]))) == seen
    assert film.closed == window.closed == 1


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_an_interrupt_and_a_failure_finish_it_too(error: type[BaseException]) -> None:
    film, other = Kept(), Kept(error)
    with pytest.raises(error), finished([film, other]):
        list(through(numbers(), [film, other]))
    assert film.closed == other.closed == 1


def test_names_that_are_taken_get_a_number() -> None:
    names = FreeNames()
    assert [names.of("a", ".jpg") for _ in range(3)] + [names.of("a", ".txt")] == [
        *("a.jpg", "a-2.jpg", "a-3.jpg", "a.txt")
    ]
