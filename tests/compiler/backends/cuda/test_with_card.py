"""Where the machine has a card, what needs one: in a process of its own, since all others see none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests import pretending

FILES = ("test_on_card.py", "test_bytes_on_card.py", "test_card_limits.py")
COUNT = "from zcc.runtime.executors.cuda_context import capabilities; print(len(capabilities()))"


def with_cards(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Python where the cards are seen."""
    return subprocess.run(
        [sys.executable, *map(str, arguments)], capture_output=True, text=True, env=pretending.with_cards()
    )


def test_what_needs_a_card() -> None:
    found = with_cards("-c", COUNT)
    if found.returncode or found.stdout.strip() == "0":
        pytest.skip("needs a card of NVIDIA's")
    done = with_cards("-m", "pytest", "-p", "no:xdist", *(Path(__file__).with_name(name) for name in FILES))
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr
    assert "passed" in done.stdout and "skipped" not in done.stdout, done.stdout
