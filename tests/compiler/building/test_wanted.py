"""Of several dtypes, those that cannot be made are passed over and told, whatever machine the tests run on."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from zcc.compiler.backends.cpu.targets.x86_64 import LEVEL_3, VNNI_4, X86_64_V4_AMX_FP16
from zcc.compiler.backends.cuda import targets
from zcc.compiler.building.wanted import WantedVariants
from zcc.runtime import host
from zcc.runtime.errors import UsageError

ALL = ("fp32", "bf16", "int8")
Machine = Callable[[tuple[str, ...]], None]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Makes this an x86-64 machine on Linux with these instruction sets."""

    def become(features: tuple[str, ...]) -> None:
        monkeypatch.setattr(host, "system", lambda: "linux")
        monkeypatch.setattr(host, "architecture", lambda: "x86_64")
        monkeypatch.setattr(host, "cpu_features", lambda: frozenset(features))

    return become


def made(wish: WantedVariants, pictures: bool = True) -> tuple[list[tuple[str, str]], dict[str, str]]:
    passed: dict[str, str] = {}
    found = wish.variants(False, pictures, lambda dtype, error: passed.__setitem__(dtype, str(error)))
    return [(precision.name, target.name) for precision, target in found], passed


def test_a_machine_without_bfloat16_builds_the_others(machine: Machine) -> None:
    machine(LEVEL_3)
    found, passed = made(WantedVariants(ALL, "native"))
    assert found == [("fp32", "x86-64-v3"), ("int8", "x86-64-v3")]
    assert list(passed) == ["bf16"]
    assert passed["bf16"].startswith("x86-64-v3 has no instructions for bf16; compile it for x86-64-v4-bf16")


def test_a_machine_with_bfloat16_builds_all(machine: Machine) -> None:
    machine((*VNNI_4, "avx512_bf16"))
    found, passed = made(WantedVariants(ALL, "native"))
    assert [dtype for dtype, _ in found] == list(ALL)
    assert passed == {}


def test_each_dtype_asks_for_the_tiles_that_multiply_it_and_for_no_others(machine: Machine) -> None:
    machine(X86_64_V4_AMX_FP16.features)
    found, _ = made(WantedVariants((*ALL, "fp16"), "native"))
    in_tiles = dict.fromkeys(("fp32", "bf16", "int8"), "x86-64-v4-amx")
    assert dict(found) == {**in_tiles, "fp16": "x86-64-v4-amx-fp16"}


def test_work_is_cut_for_the_threads_that_are_asked_for(machine: Machine) -> None:
    machine(LEVEL_3)
    for target in ("native", "x86-64-v4", "aarch64"):
        found = WantedVariants(("fp32",), target, threads=12).variants(False, False)
        assert [each.key.partition(".")[2] for _, each in found] == ["12-cores"]
    with pytest.raises(UsageError, match="on cuda:sm_90 no work is cut for threads; leave --threads out"):
        WantedVariants(("fp32",), "cuda:sm_90", threads=12).check()
    for threads in (0, -1, 1025):
        with pytest.raises(UsageError, match=f"not cut for {threads} threads; give 1 to 1024"):
            WantedVariants(("fp32",), "x86-64-v4", threads=threads).check()


def test_integers_without_pictures_are_passed_over() -> None:
    found, passed = made(WantedVariants(ALL, "x86-64-v4-bf16"), pictures=False)
    assert [dtype for dtype, _ in found] == ["fp32", "bf16"]
    assert "needs pictures" in passed["int8"] and "--calib DIR" in passed["int8"]
    assert WantedVariants(("int8",), "x86-64-v3").variants(quantised=True, pictures=False)


@pytest.mark.parametrize(
    "wish",
    [
        WantedVariants(("bf16",), "x86-64-v3"),
        WantedVariants(ALL, "x86-64-v3", strict=True),
        WantedVariants(("bf16", "int8"), "x86-64-v3"),
    ],
)
def test_it_is_an_error_where_nothing_is_left_or_all_must_be(wish: WantedVariants) -> None:
    with pytest.raises(UsageError, match="x86-64-v3 has no instructions for bf16"):
        made(wish, pictures=False)


@pytest.mark.parametrize(("dtypes", "target"), [(("fp32", "fp7"), "x86-64-v3"), (("fp32",), "toaster")])
def test_words_that_mean_nothing_are_errors_in_any_company(dtypes: tuple[str, ...], target: str) -> None:
    with pytest.raises(UsageError, match=r"fp7|toaster"):
        WantedVariants(dtypes, target).check()


def test_a_machine_with_a_card_builds_for_both(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine(LEVEL_3)
    wish = WantedVariants(("fp32", "tf32"), "native")
    monkeypatch.setattr(targets, "capabilities", lambda: [])
    found, passed = made(wish)
    assert found == [("fp32", "x86-64-v3")]
    assert "x86-64-v3 has no instructions for tf32; compile it for cuda:sm_80, " in passed["tf32"]
    monkeypatch.setattr(targets, "capabilities", lambda: [("a card", (9, 0))])
    found, passed = made(wish)
    assert found == [("fp32", "x86-64-v3"), ("fp32", "cuda:sm_90"), ("tf32", "cuda:sm_90")] and not passed
