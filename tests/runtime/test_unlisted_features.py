"""Instruction sets that /proc/cpuinfo leaves out, as the C library tells them."""

from __future__ import annotations

from pathlib import Path

import pytest

from zcc.runtime import host, unlisted_features

TILES = frozenset({"amx_tile", "amx_int8"})


@pytest.mark.skipif(not unlisted_features.told(), reason="the C library tells nothing of this processor")
def test_what_is_told_is_what_is_listed_too() -> None:
    # Of the processor that there is, whatever the tests pretend.
    flags = frozenset(Path("/proc/cpuinfo").read_text().partition("flags")[2].partition("\n")[0].split())
    known = unlisted_features.BITS.keys() - unlisted_features.UNLISTED.keys()
    assert unlisted_features.told() & known == flags & known


def test_only_what_linux_keeps_registers_for_is_added(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unlisted_features, "told", lambda: frozenset({"avx_vnni", "amx_fp16"}))
    assert unlisted_features.beyond(TILES) == {"amx_fp16"}
    assert not unlisted_features.beyond(frozenset({"avx2"}))


def test_other_architectures_and_libraries_tell_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("QUESTION", "no_such_function"), ("platform", _Elsewhere)):
        unlisted_features.told.cache_clear()
        monkeypatch.setattr(unlisted_features, name, value)
        assert not unlisted_features.told()
        monkeypatch.undo()
    unlisted_features.told.cache_clear()


class _Elsewhere:
    machine = staticmethod(lambda: "aarch64")


def test_a_host_lists_them_with_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "_told_of_processor", lambda *keys: "avx2 amx_tile")
    monkeypatch.setattr(unlisted_features, "told", lambda: frozenset({"amx_fp16"}))
    assert host._listed_features() == {"avx2", "amx_tile", "amx_fp16"}
