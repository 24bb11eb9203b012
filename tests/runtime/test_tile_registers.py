"""Whether a process may use AMX's tile registers: Linux is asked, and its answer counts."""

from __future__ import annotations

import json
import platform

import pytest

from tests.runtime.samples import run_python
from zcc.runtime import host, tile_registers

LISTED = host.cpu_features() | host.withheld_features()  # of the processor that tests have, or pretend to have
TELL = """
import json
from zcc.runtime import host
print(json.dumps([sorted(host.cpu_features()), sorted(host.withheld_features())]))
"""
PERMITTED = """
import ctypes
from zcc.runtime import tile_registers
granted, held = tile_registers.granted(), ctypes.c_uint64()
ctypes.CDLL(None).syscall(158, 0x1022, ctypes.byref(held))  # arch_prctl, ARCH_GET_XCOMP_PERM
print(granted == bool(held.value >> 18 & 1))
"""
# A stack for signals as small as Linux takes it from a process without tile registers.
SMALL_STACK = """
import ctypes
class Stack(ctypes.Structure):
    _fields_ = [("start", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t)]
memory = ctypes.create_string_buffer(8000)
assert ctypes.CDLL(None).sigaltstack(ctypes.byref(Stack(ctypes.addressof(memory), 0, 8000)), None) == 0
"""


@pytest.mark.skipif(platform.machine() != "x86_64", reason="tile registers are a matter of x86-64")
def test_granted_is_what_linux_says() -> None:
    assert run_python(PERMITTED) == "True\n"


def test_what_linux_denies_is_withheld_and_the_rest_stays() -> None:
    usable, withheld = json.loads(run_python(SMALL_STACK + TELL))
    assert set(withheld) == {feature for feature in LISTED if feature.startswith("amx_")}
    assert not any(feature.startswith("amx_") for feature in usable)
    assert {*usable, *withheld} == LISTED


def test_nobody_asks_where_the_processor_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tile_registers, "granted", lambda: pytest.fail("asked"))
    assert tile_registers.usable(frozenset({"avx2"})) == {"avx2"}
