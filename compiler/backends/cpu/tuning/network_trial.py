"""Networks in several forms, built already, timed in turns against the default form."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from zcc.compiler.backends.common.measuring.answer import FormResult, TrialAnswer
from zcc.compiler.backends.common.measuring.device import Device
from zcc.compiler.backends.common.relative_error import head_error
from zcc.compiler.backends.cpu.program.workspace import Memory
from zcc.compiler.ir.heads.head import Head
from zcc.compiler.ir.tensors import Array
from zcc.runtime.library import NETWORK

ROUNDS = 11  # as of kernels
ROUND_SECONDS = 0.02  # of each form in each round
TOLERANCE = 1e-3  # relative, on attributes of candidates: what a compile allows against ONNX Runtime
SEED = 20241


@dataclass(frozen=True)
class BuiltForm:
    """A network's library and weights in files, and what it needs to run."""

    library: Path
    weights: Path
    memory: Memory
    threads: int


@dataclass(frozen=True)
class NetworkTrial:
    """Forms of one network, to be measured against its default form."""

    default: BuiltForm
    forms: tuple[BuiltForm, ...]
    image: tuple[int, ...]
    head: Head

    def alone(self) -> list[NetworkTrial]:
        """A trial for each form."""
        return [replace(self, forms=(form,)) for form in self.forms]


def measure_networks(trial: NetworkTrial, device: Device) -> TrialAnswer:
    """The outcome of every form; one that computes something else has failed."""
    image = np.random.default_rng(SEED).random(trial.image, dtype=np.float32)
    runners = [_LoadedForm.make(form, trial, image, device) for form in (trial.default, *trial.forms)]
    return device.run(lambda: _measure(runners, trial))


@dataclass(frozen=True)
class _LoadedForm:
    """A form on a device."""

    device: Device
    module: Any
    arguments: list[Any]  # image, weights, arena, output
    threads: int

    @classmethod
    def make(cls, form: BuiltForm, trial: NetworkTrial, image: Array, device: Device) -> _LoadedForm:
        """Load it, with memory of its own."""
        weights = np.fromfile(form.weights, np.uint8)
        arena = np.zeros(form.memory.bytes(device.threads(form.threads)), np.uint8)
        arrays = (image, weights, arena, np.zeros(trial.head.shape, np.float32))
        return cls(device, device.load(form.library), [device.tensor(array) for array in arrays], form.threads)

    def result(self) -> Array:
        """What it computes."""
        self.device.share(self.module, self.threads)
        self.module[NETWORK](*self.arguments)
        return np.asarray(self.arguments[-1].numpy())

    def seconds(self, number: int) -> float:
        """Of one call, as the mean of `number` calls."""
        self.device.share(self.module, self.threads)
        return self.device.time(self.module, NETWORK, self.arguments, number)


def _measure(runners: list[_LoadedForm], trial: NetworkTrial) -> TrialAnswer:
    expected = runners[0].result()
    faults = [_disagreement(runner.result(), expected, trial) for runner in runners]
    sound = [number for number, fault in enumerate(faults) if fault is None]
    number = max(1, round(ROUND_SECONDS / runners[0].seconds(1)))
    # In turns, so that whatever slows the machine down for a while slows every form down.
    rounds = [{index: runners[index].seconds(number) for index in sound} for _ in range(ROUNDS)]
    ratios = {index: median(times[index] / times[0] for times in rounds) for index in sound}
    outcomes = [FormResult(ratios.get(index), fault) for index, fault in enumerate(faults)]
    return TrialAnswer(median(times[0] for times in rounds), tuple(outcomes[1:]))


def _disagreement(found: Array, expected: Array, trial: NetworkTrial) -> str | None:
    error = head_error(found, expected, trial.head)
    # Not `error > TOLERANCE`: what is not a number is wrong, too.
    return None if error <= TOLERANCE else f"its output is {error:.1e} off the default form's"
