"""Whom zcc can be raced against."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from zcc.compiler.backends.common.processes import without_interrupts
from zcc.compiler.racing.contestant import Contestant, RaceEntry
from zcc.compiler.racing.race_task import RaceTask
from zcc.runtime.distribution import how_to_install
from zcc.runtime.errors import BenchmarkError, UsageError, ZccError

ZCC = "zcc"


@dataclass(frozen=True)
class Peer:
    """Another tool that runs the same network."""

    place: str  # module and class, imported in the contestant's own process
    needs: tuple[str, ...]  # what must be installed
    dtypes: tuple[str, ...] = ()  # artifacts that it is a match for, and races unless told otherwise
    executors: tuple[str, ...] = ("cpu", "cuda")  # what artifacts run on that it can be raced against
    remedy: str = ""  # where to get what it needs, if not as zcc's extra `bench`
    ready: str = ""  # module and function that make the task its own, once

    def missing(self) -> list[str]:
        """What is not installed of what it needs."""
        return [module for module in self.needs if find_spec(module) is None]


PEERS = {
    "openvino": Peer("zcc.compiler.racing.peer_openvino:OpenVino", ("openvino", "cv2"), ("fp32", "fp16", "bf16")),
    "onnxruntime": Peer("zcc.compiler.racing.peer_onnxruntime:OnnxRuntime", ("onnxruntime", "cv2"), ("fp32", "fp16")),
    "openvino-nncf": Peer(
        "zcc.compiler.racing.peer_openvino:OpenVinoOfNncf",
        ("openvino", "nncf", "cv2"),
        ("int8",),
        ready="zcc.compiler.racing.quantised_by_nncf:quantised",
    ),
    "torch": Peer(
        "zcc.compiler.racing.peer_torch:enter",
        ("torch", "cv2"),
        remedy="install PyTorch in this environment, or race without it",
    ),
    "tensorrt": Peer(
        "zcc.compiler.racing.peer_tensorrt:TensorRt",
        ("tensorrt", "cv2"),
        executors=("cuda",),
        remedy="install NVIDIA's TensorRT in this environment, or race without it",
    ),
}


def matches(dtype: str) -> list[str]:
    """The peers that compute in what an artifact of the dtype computes in."""
    return [name for name, peer in PEERS.items() if dtype in peer.dtypes]


def find_peers(names: Sequence[str]) -> dict[str, Peer]:
    """The peers of these names, or an error where one is unknown or not installed."""
    unknown = [name for name in names if name not in PEERS]
    if unknown:
        raise UsageError(f"there is no {unknown[0]!r} to race against", f"choose among {', '.join(PEERS)}")
    chosen = {name: PEERS[name] for name in dict.fromkeys(names)}
    for name, peer in chosen.items():
        if absent := peer.missing():
            problem = f"{name} cannot take part: {' and '.join(absent)} not installed"
            raise BenchmarkError(problem, peer.remedy or how_to_install("bench"))
    return chosen


def check_executor(names: Sequence[str], executor: str) -> None:
    """Refuse peers that do not run on what an artifact runs on."""
    for name in names:
        if executor not in PEERS[name].executors:
            raise BenchmarkError(
                f"{name} runs on a card alone, and this artifact on a {executor}",
                "bench one for a card, or leave it out",
            )


def enter_artifact(folder: Path, name: str = ZCC) -> RaceEntry:
    """zcc, with the artifact in `folder`."""
    return RaceEntry(name, partial(_make, "zcc.compiler.racing.compiled:CompiledArtifact", folder), ours=True)


def enter_peer(name: str, task: RaceTask) -> RaceEntry:
    """Another tool, with the model that the artifact was compiled from."""
    peer = PEERS[name]
    own = _made_ready(name, peer.ready, task) if peer.ready else task
    return RaceEntry(name, partial(_make, peer.place, own))


def _made_ready(name: str, place: str, task: RaceTask) -> RaceTask:
    """The task as the peer wants it; what that takes happens in a process that is gone before the race."""
    with ProcessPoolExecutor(1, get_context("spawn"), initializer=os.dup2, initargs=(2, 1)) as pool:
        with without_interrupts():
            made = pool.submit(_call, place, task)
        try:
            return made.result()
        except ZccError:
            raise
        except Exception as error:
            raise BenchmarkError(f"{name} cannot take part: {type(error).__name__}: {error}") from error


def _make(place: str, what: Path | RaceTask, threads: int) -> Contestant:
    contestant: Contestant = _call(place, what, threads)
    return contestant


def _call(place: str, *arguments: Any) -> Any:
    """What is called `module:name`, called."""
    module, _, name = place.partition(":")
    made: Callable[..., Any] = getattr(import_module(module), name)
    return made(*arguments)
