"""Every policy there is, by the name that the command line and stored policies call it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import Parameter, signature
from typing import Any

from zcc.runtime.adaptive.budget import PowerBudget, ThermalBudget
from zcc.runtime.adaptive.deadline import Deadline
from zcc.runtime.adaptive.policy import Policy
from zcc.runtime.adaptive.scene_complexity import SceneComplexity
from zcc.runtime.errors import UsageError

POLICIES: Mapping[str, Callable[..., Policy]] = {
    "scene": SceneComplexity,
    "deadline": Deadline,
    "power": PowerBudget,
    "thermal": ThermalBudget,
}


def make_policy(name: str, arguments: Mapping[str, Any]) -> Policy:
    """The policy of that name, with nothing seen yet."""
    known = known_arguments(name, arguments)
    missing = [each for each, about in known.items() if about.default is about.empty and each not in arguments]
    if missing:
        raise UsageError(f"the policy {name} cannot be made: it needs {', '.join(missing)}", f"set {missing[0]}=VALUE")
    try:
        return POLICIES[name](**arguments)
    except TypeError as error:
        given = ", ".join(f"{each}={value!r}" for each, value in arguments.items())
        remedy = "give numbers for numbers and words for words"
        raise UsageError(f"the policy {name} cannot be made with {given}", remedy) from error


def known_arguments(name: str, arguments: Mapping[str, Any]) -> Mapping[str, Parameter]:
    """The parameters of the policy of that name; a UsageError where an argument is none of them."""
    if name not in POLICIES:
        raise UsageError(f"there is no policy {name!r}", f"choose one of {', '.join(POLICIES)}")
    known = signature(POLICIES[name]).parameters
    unknown = sorted(arguments.keys() - known.keys())
    if unknown:
        problem = f"the policy {name} cannot be made: it has no {', '.join(unknown)}"
        raise UsageError(problem, f"it can be told {', '.join(known)}")
    return known
