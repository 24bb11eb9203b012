"""Every policy there is, by the name that the command line and stored policies call it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from zcc.runtime.adaptive.budget import PowerBudget, ThermalBudget
from zcc.runtime.adaptive.deadline import Deadline
from zcc.runtime.adaptive.policy import Policy
from zcc.runtime.adaptive.scene import SceneComplexity

POLICIES: Mapping[str, Callable[..., Policy]] = {
    "scene": SceneComplexity,
    "deadline": Deadline,
    "power": PowerBudget,
    "thermal": ThermalBudget,
}
