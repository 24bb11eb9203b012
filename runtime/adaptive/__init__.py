"""Variants that stay loaded side by side, and policies that say before each frame which of them runs."""

from zcc.runtime.adaptive.adaptive_detector import AdaptiveDetector
from zcc.runtime.adaptive.budget import PowerBudget, ThermalBudget
from zcc.runtime.adaptive.deadline import Deadline
from zcc.runtime.adaptive.observed import Observed
from zcc.runtime.adaptive.policy import Policy
from zcc.runtime.adaptive.scene_complexity import SceneComplexity

__all__ = ["AdaptiveDetector", "Deadline", "Observed", "Policy", "PowerBudget", "SceneComplexity", "ThermalBudget"]
