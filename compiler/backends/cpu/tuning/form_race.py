"""Races forms of a network against its default form."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from functools import cached_property
from math import inf
from pathlib import Path

from zcc.compiler.backends.common.measuring.answer import FormResult, TrialAnswer
from zcc.compiler.backends.common.measuring.device import DeviceAddress, MeasuringDeviceLost
from zcc.compiler.backends.common.measuring.device_process import DeviceWorker
from zcc.compiler.backends.common.measuring.time_limit import TimeLimit
from zcc.compiler.backends.cpu.forms.network_form import NetworkForm, default_form, write_form
from zcc.compiler.backends.cpu.tuning.form_builder import FormBuilder
from zcc.compiler.backends.cpu.tuning.network_trial import BuiltForm, NetworkTrial, measure_networks
from zcc.compiler.backends.search import SearchProgress

PATIENCE_PER_FORM = 60.0  # seconds
GLANCE = 0.2  # seconds between looks at whether to stop
RACE_SECONDS = 5.0  # that starting the process and racing what was built take


class FormRace:
    """Builds forms in a folder and measures them in a process of its own, until `stop` is set."""

    def __init__(
        self,
        builder: FormBuilder,
        address: DeviceAddress,
        folder: Path,
        stop: TimeLimit,
        progress: SearchProgress,
        build_seconds: float = 0.0,
    ) -> None:
        self._builder, self._folder, self._stop, self._progress = builder, folder, stop, progress
        self._build_seconds = build_seconds  # a guess, until something was built
        self._took: list[float] = []
        self._worker = DeviceWorker(address, measure_networks, patience_per_form=PATIENCE_PER_FORM)
        self._waiting = ThreadPoolExecutor(1, thread_name_prefix="zcc-race")

    def run(self, forms: Sequence[NetworkForm]) -> TrialAnswer | None:
        """The outcome of each form; None when the time is up, or the device is gone."""
        built = [self._try_to_build(form) for form in forms if not self._stop.is_set()]
        sound = tuple(each for each in built if isinstance(each, BuiltForm))
        answer = self._ask(sound) if sound else TrialAnswer(None, ())
        if answer is None or self._stop.is_set():
            return None
        outcomes = iter(answer.outcomes)
        told = [each if isinstance(each, FormResult) else next(outcomes) for each in built]
        return TrialAnswer(answer.default_seconds, tuple(told))

    def affordable(self, count: int) -> int:
        """How many of so many forms can be built and raced in the time that is left: building is not broken off."""
        if self._stop.left == inf:
            return count
        seconds = max(self._took, default=self._build_seconds)
        missing = 0 if "_default" in vars(self) else 1
        room = (self._stop.left - RACE_SECONDS) / seconds - missing if seconds else count
        return max(min(count, int(room)), 0)

    def close(self) -> None:
        """End the process."""
        self._worker.end()
        self._waiting.shutdown()

    @cached_property
    def _default(self) -> BuiltForm:
        return self._build(default_form(self._builder.target, self._builder.precision.name))

    def _build(self, form: NetworkForm) -> BuiltForm:
        start = time.monotonic()
        built = self._builder.build(form, self._folder / write_form(form))
        self._took.append(time.monotonic() - start)
        return built

    def _try_to_build(self, form: NetworkForm) -> BuiltForm | FormResult:
        try:
            return self._build(form)
        except Exception as error:  # noqa: BLE001 - whatever its templates throw is that form's failure
            return FormResult(None, f"it cannot be built: {type(error).__name__}: {error}")

    def _ask(self, forms: tuple[BuiltForm, ...]) -> TrialAnswer | None:
        model = self._builder.source.model
        trial = NetworkTrial(self._default, forms, (1, 3, model.height, model.width), model.head)
        answer = self._waiting.submit(self._worker.ask, trial)
        while not self._stop.is_set():
            try:
                return answer.result(GLANCE)
            except NotYet:
                continue
            except MeasuringDeviceLost as lost:
                self._progress.note(f"  {lost}; the network's forms are left for another search")
                return None
        return None
