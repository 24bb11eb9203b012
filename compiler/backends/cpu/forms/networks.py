"""Records of whole networks: `networks.json` beside the kernels' records, sorted, each form of a network once.

A network is known by its structural hash and its dtype. Seconds of forms are set against those of the default form,
which was measured in turns with them; the others tell what went wrong.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from zcc.runtime import limits
from zcc.runtime.errors import TuningError
from zcc.runtime.regular import read_text

NETWORKS = "networks.json"
# A form is taken when it needs less than this share of the default's time. Whoever else is at work on the machine takes
# cores away and makes forms with fewer threads look better; what is gained must be more than that.
NOTICEABLE = 0.95


@dataclass(frozen=True)
class NetworkRecord:
    """What is known about one network in one dtype."""

    network: str  # its name in messages
    kernels: str  # hash of the kernels' forms that it was measured with
    forms: Mapping[str, float | str]  # seconds, or what went wrong, by form

    def best(self, default: str, offered: Collection[str]) -> str:
        """The quickest of the offered forms; the default unless another is noticeably quicker."""
        sound = {form: value for form, value in self.forms.items() if form in offered and not isinstance(value, str)}
        if not sound:
            return default
        quickest = min(sound, key=lambda form: (sound[form], form))
        noticeable = default not in sound or sound[quickest] <= NOTICEABLE * sound[default]
        return quickest if noticeable else default


Networks = dict[str, NetworkRecord]


def record_name(key: str, dtype: str) -> str:
    """What a network's record in a dtype is found by."""
    return f"{key}.{dtype}"


def read_networks(folder: Path) -> Networks:
    """The records of a folder; none where there are none. Raises TuningError where the file is damaged."""
    path = folder / NETWORKS
    try:
        return {name: _record(raw) for name, raw in json.loads(read_text(path, limits.RECORDS)).items()}
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        problem = f"{path} is damaged ({type(error).__name__}: {error})"
        raise TuningError(problem, "delete it; `zcc tune` measures again") from error


def write_networks(folder: Path, networks: Networks) -> None:
    """Write the file whole, sorted by network and by form; no file where nothing is known."""
    if not networks:
        return
    folder.mkdir(parents=True, exist_ok=True)
    draft = (folder / NETWORKS).with_suffix(".part")
    draft.write_text(_text(networks, indent=1) + "\n")
    draft.replace(folder / NETWORKS)


def merged_networks(first: Networks, second: Networks) -> Networks:
    """All records; where both know a network with the same kernels, in the seconds of the first."""
    result = {**second, **first}
    for name in first.keys() & second.keys():
        if first[name].kernels == second[name].kernels:
            result[name] = _merged(first[name], second[name])
    return result


def networks_digest(networks: Networks) -> str:
    """The hash of what is known: equal records give equal builds."""
    return sha256(_text(networks).encode()).hexdigest()


def _text(networks: Networks, indent: int | None = None) -> str:
    return json.dumps({name: asdict(record) for name, record in networks.items()}, sort_keys=True, indent=indent)


def _merged(first: NetworkRecord, second: NetworkRecord) -> NetworkRecord:
    """The second's seconds as the clock of the first would have them, by the forms that both measured."""
    ours, theirs = _seconds(first), _seconds(second)
    both = ours.keys() & theirs.keys()
    factor = sum(ours[form] for form in both) / sum(theirs[form] for form in both) if both else 1.0
    incoming = {form: value if isinstance(value, str) else value * factor for form, value in second.forms.items()}
    return replace(first, forms={**incoming, **first.forms})


def _seconds(record: NetworkRecord) -> dict[str, float]:
    return {form: value for form, value in record.forms.items() if not isinstance(value, str)}


def _record(raw: dict[str, Any]) -> NetworkRecord:
    forms = {str(form): _value(value) for form, value in raw["forms"].items()}
    return NetworkRecord(str(raw["network"]), str(raw["kernels"]), forms)


def _value(value: Any) -> float | str:
    if isinstance(value, str):
        return value
    seconds = float(value)
    if not 0.0 < seconds < float("inf"):
        raise ValueError(f"{value!r} is no number of seconds")
    return seconds
