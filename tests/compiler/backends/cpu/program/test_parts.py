"""The kernels of a module: what another module has, too, is made once."""

from __future__ import annotations

import pytest

from tests.compiler.backends.cpu.small_network import small_network
from zcc.compiler.backends.cpu.lowering.pipeline import lower_network
from zcc.compiler.backends.cpu.program import parts
from zcc.compiler.backends.cpu.program.emit import emit_network
from zcc.compiler.backends.cpu.targets.table import TARGETS


def test_kernels_of_several_modules_are_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    make = parts.make_subroutine
    monkeypatch.setattr(parts, "make_subroutine", lambda name, function: (made.append(name), make(name, function))[1])
    parts._kernel.cache_clear()

    def names(target: str) -> set[str]:
        unit = TARGETS[target].unit
        return {name.name_hint for name in emit_network(lower_network(small_network(), unit), unit).module.functions}

    first = names("x86-64-v3")
    kernels = [name for name in first if name.startswith("k")]
    assert len(made) == len(kernels) == len({name.partition("_")[0] for name in kernels})
    made.clear()
    assert names("x86-64-v3") == first and made == []
    names("x86-64-v4")
    assert made, "other registers make other kernels"
