"""Measures forms of a kernel on a device: all in one library, checked against the default form, and timed in turns."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from tvm import tirx

from zcc.compiler.backends.common.measuring.answer import FormResult, TrialAnswer
from zcc.compiler.backends.common.measuring.device import Device
from zcc.compiler.backends.cpu.kernels.choices import Form, Tunable
from zcc.compiler.backends.cpu.program.single_kernel import build_kernels, entry_name
from zcc.compiler.backends.cpu.program.workspace import Memory
from zcc.compiler.backends.cpu.tuning.operands import disagreement, make_operands, operands_for, result_of
from zcc.compiler.backends.cpu.tuning.trial import KernelTrial

ROUNDS = 11  # an odd number, whose median is one of them
ROUND_SECONDS = 2e-3  # of each form in each round
WARM_CALLS = 3  # not counted: code and operands come into the caches


def measure(trial: KernelTrial, device: Device) -> TrialAnswer:
    """The outcome of every form; one that cannot be built, or computes something else, is a failure of its own."""
    default = trial.default.build(trial.target.unit)
    built = [_built(form, trial) for form in trial.forms]
    sound = [
        (form, function)
        for form, function in zip(trial.forms, built, strict=True)
        if isinstance(function, tirx.PrimFunc)
    ]
    with tempfile.TemporaryDirectory(prefix="zcc-") as scratch:
        library = Path(scratch) / "kernels.so"
        memories = build_kernels([default, *(function for _, function in sound)], trial.target, library)
        arguments = _arguments(trial.default, default, sound, memories, device)
        bench = _Bench(device, device.load(library), arguments, result_of(default))
        seconds, measured = device.run(bench.measure)
    outcomes = iter(measured)
    answers = [next(outcomes) if isinstance(function, tirx.PrimFunc) else function for function in built]
    return TrialAnswer(seconds, tuple(answers))


def _built(form: Form, trial: KernelTrial) -> tirx.PrimFunc | FormResult:
    try:
        return form.build(trial.target.unit)
    except Exception as error:  # noqa: BLE001 - whatever a form's template throws is that form's failure
        return FormResult(None, f"it cannot be built: {type(error).__name__}: {error}")


def _arguments(
    default: Tunable,
    built: tirx.PrimFunc,
    forms: Sequence[tuple[Form, tirx.PrimFunc]],
    memories: Sequence[Memory],
    device: Device,
) -> list[list[Any]]:
    """For each entry its operands, and working memory."""
    operands = make_operands(default, built)
    own = [operands, *(operands_for(form, function, built, operands) for form, function in forms)]
    arenas = [np.zeros(memory.bytes(device.threads()), np.uint8) for memory in memories]
    return [[device.tensor(array) for array in (*arrays, arena)] for arrays, arena in zip(own, arenas, strict=True)]


@dataclass(frozen=True)
class _Bench:
    """A loaded library whose first entry is the default form, and the arguments of each entry."""

    device: Device
    module: Any
    arguments: list[list[Any]]
    result: int

    def measure(self) -> tuple[float, list[FormResult]]:
        """The default's seconds, and the outcome of each other form."""
        self.device.share(self.module)
        expected = self._result(0)
        wrong = [disagreement(self._result(entry), expected) for entry in range(1, len(self.arguments))]
        entries = [0, *(entry for entry, fault in enumerate(wrong, 1) if fault is None)]
        number = max(1, round(ROUND_SECONDS / self._time(0, WARM_CALLS)))
        # In turns, so that whatever slows the machine down for a while slows every form down.
        rounds = [{entry: self._time(entry, number) for entry in entries} for _ in range(ROUNDS)]
        seconds = {entry: median(times[entry] for times in rounds) for entry in entries}
        ratios = {entry: median(times[entry] / times[0] for times in rounds) for entry in entries}
        return seconds[0], [
            FormResult(ratios[entry]) if fault is None else FormResult(None, fault)
            for entry, fault in enumerate(wrong, 1)
        ]

    def _result(self, entry: int) -> Any:
        self.module[entry_name(entry)](*self.arguments[entry])
        return self.arguments[entry][self.result].numpy()

    def _time(self, entry: int, number: int) -> float:
        return self.device.time(self.module, entry_name(entry), self.arguments[entry], number)
