"""Nodes of memory: on machines with several, a processor reaches its own node's sooner than the others'."""

from __future__ import annotations

import logging
import os
import threading
from pathlib import Path

from zcc.runtime import host

NODES = Path("/sys/devices/system/node")

logger = logging.getLogger("zcc.runtime")


def nodes(root: Path = NODES) -> list[frozenset[int]]:
    """The processors of each node that this process may use; none where the system tells of no nodes."""
    usable = frozenset(host.usable_cpus())
    found = []
    for folder in sorted(root.glob("node[0-9]*"), key=lambda path: int(path.name.removeprefix("node"))):
        try:
            cpus = read_cpus((folder / "cpulist").read_text(encoding="ascii")) & usable
        except (OSError, ValueError):
            continue  # a node that is being taken out of the machine
        if cpus:
            found.append(cpus)
    return found


def read_cpus(text: str) -> frozenset[int]:
    """The processors of a list such as `0-7,16-23`."""
    ranges = [part.partition("-") for part in text.strip().split(",") if part]
    return frozenset(cpu for first, _, last in ranges for cpu in range(int(first), int(last or first) + 1))


def nodes_for(streams: int, root: Path = NODES) -> list[frozenset[int]]:
    """The nodes that so many streams are spread over, each of them on one; none where they had better not be bound.

    That is where there is one node, where some streams would have more processors than others, and where fewer threads
    than processors are wanted, which the system may place as it likes.
    """
    found = nodes(root)
    even = len({len(cpus) for cpus in found}) == 1
    every = sum(map(len, found)) == len(host.usable_cpus()) == host.worker_threads()
    return found if len(found) > 1 and even and every and streams % len(found) == 0 else []


def stay_on(cpus: frozenset[int]) -> None:
    """Keep the calling thread on these processors, and so the memory that it is the first to touch beside them."""
    try:
        os.sched_setaffinity(threading.get_native_id(), cpus)
    except OSError as error:  # the process was given others meanwhile
        logger.warning("a stream's thread is not kept on its node: %s", error.strerror)
