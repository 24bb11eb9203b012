"""How work tells which stage of a build it is."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

# Runs the work inside its `with` block as the stage of that name.
RunStage = Callable[[str], AbstractContextManager[None]]
