"""Frames that other libraries hold on the card: each must give what the same frame of the host gives."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from zcc.runtime.detections import Detections
from zcc.runtime.executors.cuda import CudaExecutor

ROUNDS = 20


def failures(executor: CudaExecutor) -> Iterator[str]:
    """What differs, by library."""
    frames = [np.random.default_rng(seed).integers(0, 256, (720, 1280, 3), np.uint8) for seed in range(ROUNDS)]
    wanted = [executor.run(frame) for frame in frames]
    for name, runs in RUNS.items():
        if importlib.util.find_spec(name) is None:
            print(f"{name} is not installed")
            continue
        for what, run in runs.items():
            found = [run(executor, frame) for frame in frames]
            print(f"frames of {name}, {what}: {len(found)} compared")
            if not all(map(_same, found, wanted)):
                yield f"frames of {name}, {what}: another result"


def _same(found: Detections, wanted: Detections) -> bool:
    return found.edges == wanted.edges and np.array_equal(found.boxes, wanted.boxes)


def _torch(executor: CudaExecutor, frame: Any) -> Detections:
    import torch

    return executor.run(torch.from_numpy(frame).cuda(non_blocking=True))


def _torch_dlpack(executor: CudaExecutor, frame: Any) -> Detections:
    import torch

    return executor.run(_OnlyDlpack(torch.from_numpy(frame).cuda(non_blocking=True)))


def _torch_stream(executor: CudaExecutor, frame: Any) -> Detections:
    """The frame comes to be on a stream of its own, behind work that takes a while."""
    import torch

    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        torch.cuda._sleep(1_000_000)
        held = torch.from_numpy(frame).pin_memory().cuda(non_blocking=True)
    return executor.run(held, stream=stream.cuda_stream)


def _torch_crop(executor: CudaExecutor, frame: Any) -> Detections:
    """Rows with something between them."""
    import torch

    wide = torch.zeros((720, 1400, 3), dtype=torch.uint8, device="cuda")
    wide[:, :1280] = torch.from_numpy(frame)
    return executor.run(wide[:, :1280])


def _cupy(executor: CudaExecutor, frame: Any) -> Detections:
    import cupy

    return executor.run(cupy.asarray(frame))


class _OnlyDlpack:
    """A tensor that hides its other interface."""

    def __init__(self, tensor: Any) -> None:
        self.__dlpack__, self.__dlpack_device__ = tensor.__dlpack__, tensor.__dlpack_device__


Run = Callable[[CudaExecutor, Any], Detections]
RUNS: dict[str, dict[str, Run]] = {
    "torch": {"default stream": _torch, "DLPack": _torch_dlpack, "own stream": _torch_stream, "cropped": _torch_crop},
    "cupy": {"default stream": _cupy},
}
