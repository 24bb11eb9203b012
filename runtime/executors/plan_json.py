"""Plans as JSON. Reading is strict: what is not exactly a plan is refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any, TypeVar

from zcc.runtime.errors import CorruptArtifact, IncompatibleHost
from zcc.runtime.executors.plan import (
    REGIONS,
    STAGES,
    VALUE_TYPES,
    VERSION,
    Argument,
    Extent,
    Launch,
    Place,
    Plan,
    PlanTensor,
    Range,
    Value,
)

T = TypeVar("T")
LARGEST = (1 << 63) - 1


def write_plan(plan: Plan) -> str:
    """The plan as JSON, without spaces."""
    return json.dumps(_plain(plan), separators=(",", ":"), allow_nan=False)


def _plain(plan: Plan) -> dict[str, Any]:
    launches = [{**asdict(each), "arguments": [_argument_to_json(a) for a in each.arguments]} for each in plan.launches]
    return {**asdict(plan), "launches": launches}


def _argument_to_json(argument: Argument) -> dict[str, Any]:
    return {"place": asdict(argument)} if isinstance(argument, Place) else {"value": asdict(argument)}


def read_plan(text: str, source: str = "plan.json") -> Plan:
    """The plan that the text holds; `source` names it in errors."""
    try:
        raw = json.loads(text)
        version = raw["version"] if isinstance(raw, dict) and "version" in raw else None
        if type(version) is int and version > VERSION:
            raise IncompatibleHost(
                f"{source} is a plan of version {version}, this zcc reads {VERSION}", "use the zcc that built it"
            )
        return _plan(raw)
    except (ValueError, TypeError, RecursionError) as error:
        raise CorruptArtifact(f"{source} is not a launch plan: {error}", "compile the model again") from error


def _plan(raw: Any) -> Plan:
    entry = _entry(raw, Plan)
    plan = Plan(
        arch=_text(entry["arch"]),
        regions=_table(entry["regions"], _size),
        modules=_several(entry["modules"], _text),
        launches=_several(entry["launches"], _launch),
        tensors=_table(entry["tensors"], _tensor),
        zeroed=_several(entry["zeroed"], _range),
        version=_size(entry["version"]),
    )
    _check(plan.version == VERSION, f"version {plan.version}")
    _check(set(plan.regions) == set(REGIONS), f"regions {sorted(plan.regions)}")
    for index, launch in enumerate(plan.launches):
        _check(launch.module in plan.modules, f"launch {index} is of no module: {launch.module!r}")
        _check(all(other < index for other in launch.after), f"launch {index} waits for a later one")
    return plan


def _launch(raw: Any) -> Launch:
    entry = _entry(raw, Launch)
    return Launch(
        stage=_one_of(entry["stage"], STAGES),
        module=_text(entry["module"]),
        kernel=_text(entry["kernel"]),
        grid=_extent(entry["grid"]),
        block=_extent(entry["block"]),
        arguments=_several(entry["arguments"], _argument),
        after=_several(entry["after"], _size),
        shared_bytes=_size(entry["shared_bytes"]),
        overlaps=_yes_or_no(entry["overlaps"]),
        label=_text(entry["label"]),
        flops=_size(entry["flops"]),
        bytes=_size(entry["bytes"]),
        reads=_several(entry["reads"], _range),
        writes=_several(entry["writes"], _range),
    )


def _argument(raw: Any) -> Argument:
    _check(isinstance(raw, dict) and len(raw) == 1, f"argument {raw!r}")
    ((kind, held),) = raw.items()
    return READERS[_one_of(kind, tuple(READERS))](held)


def _place(raw: Any) -> Place:
    entry = _entry(raw, Place)
    return Place(_one_of(entry["region"], REGIONS), _size(entry["offset"]))


def _value(raw: Any) -> Value:
    entry = _entry(raw, Value)
    kind, value = _one_of(entry["type"], VALUE_TYPES), entry["value"]
    _check(type(value) is int or (kind == "f32" and type(value) is float), f"{kind} {value!r}")
    low, high = LIMITS.get(kind, (-LARGEST, LARGEST))
    _check(low <= value <= high, f"{kind} {value!r}")
    return Value(kind, value)


def _range(raw: Any) -> Range:
    entry = _entry(raw, Range)
    numbers = (_size(entry[name]) for name in ("begin", "end", "width", "pitch"))
    return Range(_one_of(entry["region"], REGIONS), *numbers)


def _tensor(raw: Any) -> PlanTensor:
    entry = _entry(raw, PlanTensor)
    return PlanTensor(_place(entry["place"]), _text(entry["dtype"]), _several(entry["shape"], _size))


READERS: Mapping[str, Callable[[Any], Argument]] = {"place": _place, "value": _value}
LIMITS = {"i32": (-(1 << 31), (1 << 31) - 1), "u32": (0, (1 << 32) - 1), "u64": (0, (1 << 64) - 1)}


def _entry(raw: Any, kind: type) -> dict[str, Any]:
    """An object with the fields of a dataclass, all of them and no other."""
    name = kind.__name__
    _check(isinstance(raw, dict), f"{raw!r} is no {name}")
    known = {each.name: each for each in fields(kind)}
    _check(not (extra := sorted(set(raw) - set(known))), f"{name} with {extra}")
    _check(not (missing := sorted(set(known) - set(raw))), f"{name} without {missing}")
    return {key: raw[key] for key in known}


def _check(sound: bool, problem: str) -> None:
    if not sound:
        raise ValueError(problem)


def _text(raw: Any) -> str:
    _check(isinstance(raw, str), f"{raw!r} is no text")
    return str(raw)


def _size(raw: Any) -> int:
    _check(type(raw) is int and 0 <= raw <= LARGEST, f"{raw!r} is no size")
    return int(raw)


def _yes_or_no(raw: Any) -> bool:
    _check(isinstance(raw, bool), f"{raw!r} is neither true nor false")
    return bool(raw)


def _one_of(raw: Any, known: Sequence[str]) -> str:
    _check(raw in known, f"{raw!r} is none of {', '.join(known)}")
    return str(raw)


def _extent(raw: Any) -> Extent:
    sizes = _several(raw, _size)
    _check(len(sizes) == 3 and min(sizes) > 0, f"{raw!r} is no grid or block")
    return sizes[0], sizes[1], sizes[2]


def _several(raw: Any, read: Callable[[Any], T]) -> tuple[T, ...]:
    _check(isinstance(raw, list), f"{raw!r} is no list")
    return tuple(read(item) for item in raw)


def _table(raw: Any, read: Callable[[Any], T]) -> dict[str, T]:
    _check(isinstance(raw, dict), f"{raw!r} is no table")
    return {_text(key): read(value) for key, value in raw.items()}
