"""From `--runner` to the devices that measure."""

from __future__ import annotations

from typing import Any

from zcc.compiler.targets.table import runs_here
from zcc.compiler.targets.target import Target
from zcc.compiler.tuning.device import Here
from zcc.runtime.errors import UsageError


def find_addresses(runner: str | None, target: Target) -> list[Any]:
    """The devices that a search may use: this machine, or those behind a tracker."""
    if runner is None:
        if not runs_here(target):
            raise UsageError(
                f"kernels for {target.name} cannot be timed on this machine",
                "name machines that run it with --runner rpc://TRACKER:PORT/KEY",
            )
        return [Here()]
    raise UsageError(f"{runner} is no runner", "write rpc://TRACKER:PORT/KEY")
