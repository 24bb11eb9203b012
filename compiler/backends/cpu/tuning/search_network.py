"""The search for what concerns a network as a whole: one thing after the other, the best so far kept for the next."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from zcc.compiler.backends.common.measuring.answer import TrialAnswer
from zcc.compiler.backends.common.measuring.device import DeviceAddress
from zcc.compiler.backends.common.measuring.time_limit import stopping
from zcc.compiler.backends.common.record_folders import LOCK
from zcc.compiler.backends.cpu.forms.network_form import NetworkForm, default_form, dimensions, write_form
from zcc.compiler.backends.cpu.forms.networks import NetworkRecord, read_networks, record_name, write_networks
from zcc.compiler.backends.cpu.lowering.identity import network_key
from zcc.compiler.backends.cpu.tuning.form_builder import FormBuilder
from zcc.compiler.backends.cpu.tuning.form_race import FormRace
from zcc.compiler.backends.search import Limits, SearchProgress
from zcc.registry.locks import exclusive


@dataclass
class NetworkSearch:
    """What a search found about one network."""

    default: NetworkForm
    best: NetworkForm
    record: NetworkRecord
    tried: int = 0
    failed: int = 0
    left: int = 0

    @property
    def default_form(self) -> str:
        """The default form's text."""
        return write_form(self.default)

    @property
    def best_form(self) -> str:
        """The best form's text."""
        return write_form(self.best)

    @property
    def forms(self) -> Mapping[str, float | str]:
        """Seconds, or what went wrong, by form."""
        return self.record.forms

    @property
    def default_seconds(self) -> float | None:
        """What the default form takes."""
        return self.seconds(self.default)

    @property
    def best_seconds(self) -> float | None:
        """What the best form takes."""
        return self.seconds(self.best)

    def seconds(self, form: NetworkForm) -> float | None:
        """What a form takes, None where that is not known."""
        value = self.record.forms.get(write_form(form))
        return None if isinstance(value, str) else value

    def describe(self) -> str:
        """How the best form did, in words."""
        return self.told(self.best)

    def told(self, form: NetworkForm) -> str:
        """How a form did, in words."""
        seconds, default = self.seconds(form), self.default_seconds
        if seconds is None or default is None:
            return str(self.record.forms.get(write_form(form), "not measured"))
        return f"{1e3 * seconds:.2f} ms, the default {1e3 * default:.2f} ms ({default / seconds:.2f}x)"

    def unknown(self, forms: Sequence[NetworkForm]) -> list[NetworkForm]:
        """Those that nobody has measured."""
        return [form for form in forms if write_form(form) not in self.record.forms]

    def learn(self, forms: Sequence[NetworkForm], answer: TrialAnswer) -> None:
        """What a race brought, in seconds of the clock by which the default form was first measured."""
        told = dict(self.record.forms)
        seconds = self.default_seconds or answer.default_seconds
        if seconds is not None:
            told[write_form(self.default)] = seconds
        for form, outcome in zip(forms, answer.outcomes, strict=True):
            if outcome.ratio is None or seconds is None:
                told[write_form(form)] = f"failed: {outcome.failure}"
                self.failed += 1
            else:
                told[write_form(form)] = outcome.ratio * seconds
        self.tried += len(forms)
        self.record = replace(self.record, forms=told)

    def keep_best(self, forms: Sequence[NetworkForm]) -> None:
        """Go on from the best of the forms, if it is noticeably quicker than the best so far."""
        offered = {write_form(form): form for form in (self.best, *forms)}
        self.best = offered[self.record.best(write_form(self.best), offered)]


def search_network(
    builder: FormBuilder,
    folder: Path,
    limits: Limits,
    address: DeviceAddress,
    shares: bool,
    progress: SearchProgress,
    build_seconds: float = 0.0,
) -> NetworkSearch:
    """Measure the forms of a network that nobody has measured; the folder's records grow meanwhile.

    `shares` says whether the device's threads can be changed, `build_seconds` what building a form may take, as far as
    can be guessed: none is begun that would not be done in time. Ctrl-C ends the search as a limit does, and is raised
    again when the records are in order.
    """
    name = record_name(network_key(builder.source.network()), builder.precision.name)
    default = default_form(builder.target, builder.precision.name)
    with exclusive(folder / LOCK, lambda: progress.note("another search writes to these records; waiting for it")):
        found = NetworkSearch(default, default, _known(builder, folder, name))
        with tempfile.TemporaryDirectory(prefix="zcc-") as scratch, stopping(limits.seconds) as stop:
            race = FormRace(builder, address, Path(scratch), stop, progress, build_seconds)
            try:
                for values in dimensions(builder.target, builder.precision):
                    forms = [replace(found.best, **value) for value in values]
                    forms = [form for form in forms if _differs(form, found.best, builder, shares)]
                    if _measure(found, forms, race, limits.trials, progress):
                        write_networks(folder, {**read_networks(folder), name: found.record})
                    found.keep_best(forms)
            finally:
                race.close()
    return found


def _known(builder: FormBuilder, folder: Path, name: str) -> NetworkRecord:
    """What earlier searches found with the kernels that the network has now."""
    kernels, known = builder.kernels(), read_networks(folder).get(name)
    if known is not None and known.kernels == kernels:
        return known
    return NetworkRecord(builder.source.description, kernels, {})


def _differs(form: NetworkForm, best: NetworkForm, builder: FormBuilder, shares: bool) -> bool:
    """Whether the form would be another network than the best so far."""
    if form.threads != best.threads and not shares:
        return False
    return form.winograd == best.winograd or builder.has_winograd(best)


def _measure(
    found: NetworkSearch, forms: Sequence[NetworkForm], race: FormRace, trials: int | None, progress: SearchProgress
) -> bool:
    """Measure what is unknown, as far as the limits allow; whether anything was."""
    unknown = found.unknown(forms)
    allowed = len(unknown) if trials is None else max(trials - found.tried, 0)
    chosen = unknown[: race.affordable(min(allowed, len(unknown)))]
    answer = race.run(chosen) if chosen else None
    found.left += len(unknown) - (len(chosen) if answer else 0)
    if answer is None:
        return False
    found.learn(chosen, answer)
    for form in chosen:
        progress.note(f"  {write_form(form)}: {found.told(form)}")
    return True
