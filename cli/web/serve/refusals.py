"""Requests that are not answered as they wish, and why."""

from __future__ import annotations


class Refusal(Exception):
    """A status and a line that says what to do."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status, self.why = status, why
