"""Every head family has what a backend needs of it: the table is the one place where families are listed."""

from __future__ import annotations

from typing import get_type_hints

from zcc.compiler.backends.cpu.lowering.table import LOWERINGS
from zcc.compiler.backends.cpu.program.head_readers import READERS
from zcc.compiler.backends.cuda.program import HEADS
from zcc.compiler.ir.heads.table import FAMILIES, family_of

DECODINGS = {family.decoding.name: family.decoding for family in FAMILIES if family.decoding}


def test_families_are_told_apart_by_name() -> None:
    assert len({family.name for family in FAMILIES}) == len(FAMILIES)
    for family in FAMILIES:
        shape = (1, 6, 6) if family.final else (1, 12, 12)
        head = family.read("out", shape)
        assert head is not None and family_of(head) is family


def test_every_decoding_has_kernels_in_every_backend() -> None:
    assert READERS.keys() == DECODINGS.keys()
    assert HEADS.keys() == DECODINGS.keys()
    operations = {get_type_hints(decoding.operation)["return"] for decoding in DECODINGS.values()}
    assert operations <= LOWERINGS.keys()
