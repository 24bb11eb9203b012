"""A policy's file from elsewhere: what it holds, or one line that says why it holds none."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from zcc.runtime.adaptive.stored_policy import StoredPolicy
from zcc.runtime.errors import InputError


def test_what_was_written_is_read(tmp_path: Path) -> None:
    policy = StoredPolicy("scene", {"low": 4.0}, ("int8", "fp32"), {"sequence": "a road"})
    policy.write(tmp_path / "policy.json")
    assert StoredPolicy.read(tmp_path / "policy.json") == policy


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"[" * 900_000, "too large"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[" + b"{}," * (1 << 20), "more than 1 MB"),
        (b"\xff", "utf-8"),
        (b'{"name": NaN}', "NaN"),
        (b"{}", "name"),
    ],
    ids=["many values", "deep", "large", "no text", "NaN", "nothing"],
)
def test_what_is_no_policy_is_refused(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "policy.json").write_bytes(content)
    with pytest.raises(InputError, match=told):
        StoredPolicy.read(tmp_path / "policy.json")


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")], ids=["fifo", "zeros"])
def test_what_is_no_file_is_not_waited_for(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "policy.json")
    with pytest.raises(InputError, match="no regular file"):
        StoredPolicy.read(tmp_path / "policy.json")
