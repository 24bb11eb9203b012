"""Whom zcc can be raced against."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from zcc.compiler.racing.contestant import Contestant, Entry
from zcc.compiler.racing.task import Task
from zcc.runtime.errors import BenchmarkError, UsageError

ZCC = "zcc"


@dataclass(frozen=True)
class Peer:
    """Another tool that runs the same network."""

    place: str  # module and class, imported in the contestant's own process
    needs: tuple[str, ...]  # what must be installed

    def missing(self) -> list[str]:
        """What is not installed of what it needs."""
        return [module for module in self.needs if find_spec(module) is None]


PEERS = {
    "openvino": Peer("zcc.compiler.racing.peer_openvino:OpenVino", ("openvino", "cv2")),
    "onnxruntime": Peer("zcc.compiler.racing.peer_onnxruntime:OnnxRuntime", ("onnxruntime", "cv2")),
}


def find_peers(names: list[str]) -> dict[str, Peer]:
    """The peers of these names, or an error where one is unknown or not installed."""
    unknown = [name for name in names if name not in PEERS]
    if unknown:
        raise UsageError(f"there is no {unknown[0]!r} to race against", f"choose among {', '.join(PEERS)}")
    chosen = {name: PEERS[name] for name in dict.fromkeys(names)}
    for name, peer in chosen.items():
        if absent := peer.missing():
            raise BenchmarkError(
                f"{name} cannot take part: {' and '.join(absent)} not installed", "pip install 'zcc[bench]'"
            )
    return chosen


def enter_artifact(folder: Path) -> Entry:
    """zcc, with the artifact in `folder`."""
    return Entry(ZCC, partial(_make, "zcc.compiler.racing.compiled:CompiledArtifact", folder))


def enter_peer(name: str, task: Task) -> Entry:
    """Another tool, with the model that the artifact was compiled from."""
    return Entry(name, partial(_make, PEERS[name].place, task))


def _make(place: str, what: Path | Task, threads: int) -> Contestant:
    module, _, name = place.partition(":")
    maker: Callable[[Path | Task, int], Contestant] = getattr(import_module(module), name)
    return maker(what, threads)
