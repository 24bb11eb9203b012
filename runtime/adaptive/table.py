"""Every policy there is, by the name that the command line and stored policies call it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from zcc.runtime.adaptive.budget import PowerBudget, ThermalBudget
from zcc.runtime.adaptive.deadline import Deadline
from zcc.runtime.adaptive.policy import Policy
from zcc.runtime.adaptive.scene import SceneComplexity
from zcc.runtime.errors import UsageError

POLICIES: Mapping[str, Callable[..., Policy]] = {
    "scene": SceneComplexity,
    "deadline": Deadline,
    "power": PowerBudget,
    "thermal": ThermalBudget,
}


def make_policy(name: str, arguments: Mapping[str, Any]) -> Policy:
    """The policy of that name, with nothing seen yet."""
    if name not in POLICIES:
        raise UsageError(f"there is no policy {name!r}", f"choose one of {', '.join(POLICIES)}")
    try:
        return POLICIES[name](**arguments)
    except TypeError as error:
        raise UsageError(f"the policy {name} cannot be made: {error}", "set its arguments by name") from error
