"""From `--runner` to the devices that measure."""

from __future__ import annotations

from typing import Any

from zcc.compiler.backends.common.measuring.device import Here
from zcc.compiler.backends.target import Target
from zcc.runtime.errors import TuningError, UsageError


def find_addresses(runner: str | None, target: Target) -> list[Any]:
    """The devices that a search may use: this machine, or those behind a tracker."""
    if runner is None:
        if not target.runs_here():
            raise UsageError(
                f"kernels for {target.name} cannot be timed on this machine",
                "name machines that run it with --runner rpc://TRACKER:PORT/KEY",
            )
        return [Here()]
    # TVM's RPC needs packages of its own, which only those who use it need.
    from zcc.compiler.backends.common.measuring.rpc import parse_runner

    address = parse_runner(runner)
    machines = address.machines()
    if not machines:
        raise TuningError(
            f"no machine serves {address.key} at {address.host}:{address.port}",
            f"start some: zcc tune-server --tracker {address.host}:{address.port} --key {address.key}",
        )
    return [address] * machines
