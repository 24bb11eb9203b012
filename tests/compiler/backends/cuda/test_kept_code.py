"""CUDA that was compiled before is not compiled again, unless anything that decides about it is another."""

from __future__ import annotations

from pathlib import Path

import pytest

from zcc.compiler.backends.cuda.kept_code import Compiled, Resources, code_folder, kept_or_made

CODE = Compiled(b"\x7fELF\ncubin", b".target\nptx", {"first": Resources(1, 2, 3, 4), "second": Resources(5, 6, 7, 8)})


@pytest.fixture(autouse=True)
def made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Compiled]:
    """Whatever was made; the cache is empty."""
    monkeypatch.setenv("ZCC_CACHE", str(tmp_path))
    return []


def test_what_was_made_is_found_as_it_was(made: list[Compiled]) -> None:
    def make() -> Compiled:
        made.append(CODE)
        return CODE

    assert [kept_or_made(["source", {"a": "b"}], make) for _ in range(3)] == [CODE] * 3
    assert len(made) == 1
    kept_or_made(["source", {"a": "c"}], make)
    assert len(made) == 2


def test_what_is_damaged_is_made_again(made: list[Compiled]) -> None:
    def make() -> Compiled:
        made.append(CODE)
        return CODE

    kept_or_made("source", make)
    [file] = [path for path in code_folder().rglob("*") if path.is_file()]
    file.write_bytes(file.read_bytes()[:-1])
    assert kept_or_made("source", make) == CODE
    assert len(made) == 2
