"""Every form of every template gives a ratio; forms that go wrong fail with a reason, and fail alone."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.compiler.backends.cpu.tuning.kernels import (
    HANGING,
    TARGET,
    TILES,
    UNIT,
    Shaky,
    Sizes,
    bf16,
    direct,
    int8,
    shaky,
)
from zcc.compiler.backends.common.measuring.answer import TrialAnswer
from zcc.compiler.backends.common.measuring.device import Here, ThisMachine
from zcc.compiler.backends.common.measuring.device_process import DeviceWorker
from zcc.compiler.backends.cpu.kernels.winograd_choices import WinogradChoice
from zcc.compiler.backends.cpu.targets.table import TARGETS
from zcc.compiler.backends.cpu.targets.target import CpuTarget
from zcc.compiler.backends.cpu.tuning.measure import measure
from zcc.compiler.backends.cpu.tuning.operands import disagreement, make_operands, operands_for, result_of
from zcc.compiler.backends.cpu.tuning.trial import KernelTrial
from zcc.compiler.ir.tensors import BFLOAT16, FLOAT16

BF16, PLAIN = TARGETS["x86-64-v4-bf16"], TARGETS["x86-64-v4"]
FEW = 6
ODD = {"3x3": Sizes(), "3x3 stride 2": Sizes((2, 3), (3, 7), 3, 2), "1x1": Sizes((3, 2), (1, 13), 1)}


def every_form(spec: Any, target: CpuTarget) -> TrialAnswer:
    """What comes of all forms, or of some from both ends."""
    choices = spec.choices(target.unit)
    some = [*choices[: FEW // 2], *choices[-FEW // 2 :]] if len(choices) > FEW else choices
    return measure(KernelTrial(spec, tuple(spec.chosen(choice) for choice in some), target), ThisMachine())


def assert_all_measured(answer: TrialAnswer) -> None:
    assert answer.default_seconds and answer.default_seconds > 0
    for outcome in answer.outcomes:
        assert outcome.failure is None
        assert outcome.ratio and 0 < outcome.ratio < inf, "how quick it is, is the machine's own affair"


@pytest.mark.parametrize("sizes", ODD.values(), ids=ODD)
def test_forms_of_direct_convolutions(sizes: Sizes) -> None:
    assert_all_measured(every_form(direct(sizes), TARGET))


def test_forms_by_winograd_are_among_those_of_a_3x3() -> None:
    spec = direct(Sizes((2, 4), (7, 13)))
    by_winograd = [choice for choice in spec.choices(UNIT) if isinstance(choice, WinogradChoice)]
    assert {choice.size for choice in by_winograd} == {2, 4}
    some = tuple(spec.chosen(choice) for choice in by_winograd[::2])
    assert_all_measured(measure(KernelTrial(spec, some, TARGET), ThisMachine()))


def test_forms_of_integer_convolutions() -> None:
    target = [target for target in TARGETS.values() if target.runs_here()][-1]
    assert_all_measured(every_form(int8(Sizes((2, 3), (3, 7)), target.unit), target))


@pytest.mark.skipif(not BF16.runs_here(), reason="this processor has no AVX512-BF16")
def test_forms_of_bfloat16_convolutions() -> None:
    assert_all_measured(every_form(bf16(Sizes((2, 3), (3, 7)), BF16.unit), BF16))


@pytest.mark.skipif(not PLAIN.runs_here(), reason="this processor has no AVX-512")
@pytest.mark.parametrize("sizes", ODD.values(), ids=ODD)
def test_forms_of_convolutions_of_halves(sizes: Sizes) -> None:
    """In vectors that have no arithmetic for them, where LLVM computes in float32 and rounds."""
    target = replace(PLAIN, unit=TARGETS["x86-64-v4-fp16"].unit)
    assert_all_measured(every_form(direct(sizes, target.unit, FLOAT16), target))


def batch(spec: Shaky) -> KernelTrial:
    return KernelTrial(spec.chosen(spec.tile), tuple(spec.chosen(tile) for tile in TILES), TARGET)


def test_forms_that_go_wrong_fail_alone() -> None:
    faults = ("lies", "refuses", "crashes", "crashes while it is built")
    spec = shaky()
    for fault, tile in zip(faults, TILES, strict=False):
        spec = spec.faulty(fault, tile)
    worker = DeviceWorker(Here(), measure)
    try:
        answer = worker.ask(batch(spec))
    finally:
        worker.end()
    reasons = [outcome.failure or "" for outcome in answer.outcomes]
    assert reasons[0].startswith("results are off by up to")
    assert reasons[1] == "it cannot be built: ValueError: no such tile"
    assert reasons[2] == reasons[3] == "it brought the process down (SIGSEGV)"
    assert [outcome.ratio is not None for outcome in answer.outcomes] == [False] * 4 + [True]
    assert answer.default_seconds and answer.default_seconds > 0


def test_a_form_that_hangs_fails_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long forms that do not hang may take on this machine, patience ends once one hangs."""
    hanging = tmp_path / "hanging"
    monkeypatch.setenv(HANGING, str(hanging))

    def answers(pipe: Connection, patience: float) -> bool:
        while not pipe.poll(0.02):
            if hanging.exists():
                hanging.unlink()
                return False
        return True

    spec = shaky().faulty("hangs", TILES[0])
    trial = KernelTrial(spec.chosen(spec.tile), tuple(spec.chosen(tile) for tile in TILES[:2]), TARGET)
    worker = DeviceWorker(Here(), measure, 4, 0, answers)
    try:
        answer = worker.ask(trial)
    finally:
        worker.end()
    assert answer.outcomes[0].failure == "no answer in 4 seconds"
    assert answer.outcomes[1].ratio is not None


def test_integers_must_agree_exactly_and_floats_nearly() -> None:
    whole = np.arange(-8, 8, dtype=np.int32)
    assert disagreement(whole, whole) is None
    assert disagreement(np.where(whole == 3, 4, whole), whole) == "1 of 16 results differ"
    real = np.linspace(-100, 100, 32, dtype=np.float32)
    assert disagreement(real + np.float32(0.09), real) is None
    assert disagreement(real + np.float32(0.11), real) is not None
    for bad in (np.nan, np.inf):
        assert disagreement(np.where(real > 0, real, np.float32(bad)), real) is not None


def test_bfloat16_is_compared_as_the_numbers_it_stands_for() -> None:
    one, next_up, twice = 0x3F80, 0x3F81, 0x4000
    assert disagreement(np.array([one, next_up], BFLOAT16), np.array([one, one], BFLOAT16)) is None
    assert disagreement(np.array([one, twice], BFLOAT16), np.array([one, one], BFLOAT16)) is not None


def test_operands_are_the_same_each_time_and_packed_for_each_form() -> None:
    spec = direct(Sizes())
    default = spec.build(UNIT)
    operands, again = make_operands(spec, default), make_operands(spec, default)
    for one, other in zip(operands, again, strict=True):
        np.testing.assert_array_equal(one, other)
    form = spec.chosen(next(choice for choice in spec.choices(UNIT) if isinstance(choice, WinogradChoice)))
    packed = operands_for(form, form.build(UNIT), default, operands)
    dense = operands[1].reshape(2, 1, 3, 3, 16, 16)
    np.testing.assert_array_equal(packed[1], form.pack(dense).ravel())
    result = result_of(default)
    assert not np.shares_memory(packed[result], operands[result])
