"""What the frame's way takes on a card, and what the host adds to it."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from benchmarks.gpu.case import Case
from zcc.runtime.executors.cuda import CudaExecutor
from zcc.runtime.executors.cuda_context import Context
from zcc.runtime.executors.cuda_memory import DeviceMemory
from zcc.runtime.executors.cuda_timing import profile, replay, replay_frame

HD = (1080, 1920, 3)
ROUNDS, TOGETHER = 60, 20


class OnCard:
    """A frame in the card's memory, as other libraries show theirs."""

    def __init__(self, card: Context, frame: Any) -> None:
        self._memory = DeviceMemory(card, frame.nbytes)
        self._memory.write(frame.reshape(-1))
        self.__cuda_array_interface__ = {
            "shape": frame.shape,
            "typestr": "|u1",
            "data": (self._memory.address, False),
            "version": 3,
            "strides": None,
            "stream": None,
        }


def figures(values: Any) -> dict[str, float]:
    """Microseconds: the median and what is seldom exceeded."""
    return {
        "median": round(1e6 * float(np.median(values)), 2),
        "p95": round(1e6 * float(np.percentile(values, 95)), 2),
        "p99": round(1e6 * float(np.percentile(values, 99)), 2),
    }


def called(run: Callable[[], object], times: int = 300) -> Any:
    """Seconds that calls take."""
    for _ in range(30):
        run()
    taken = []
    for _ in range(times):
        begin = time.perf_counter()
        run()
        taken.append(time.perf_counter() - begin)
    return np.array(taken)


def times(case: Case, executor: CudaExecutor) -> dict[str, Any]:
    """Everything about one program: by scene, the stages as graphs, each launch, and whole frames."""
    frame = np.random.default_rng(0).integers(0, 256, HD, np.uint8)
    on_card = OnCard(executor.context, frame)
    results: dict[str, Any] = {}
    for check in case.post:
        executor.write("maps", case.arrays[check.maps])
        executor.run(on_card, check.conf, check.iou)
        labels = [launch.label for launch in executor.program.plan.launches]
        results[check.name] = {
            "launches": dict(zip(labels, (1e6 * profile(executor)).round(2).tolist(), strict=True)),
            **{stage: figures(replay(executor, (stage,), ROUNDS, TOGETHER)) for stage in ("preprocess", "postprocess")},
            "frame": figures(replay_frame(executor, ROUNDS, TOGETHER)),
            "frame on the card": figures(called(partial(executor.run, on_card, check.conf, check.iou))),
        }
    executor.write("maps", case.arrays[case.post[0].maps])
    results["frame on the host"] = figures(called(lambda: executor.run(frame)))
    results["frames of the host, submitted"] = figures(called(_submitted(executor, frame)))
    results["python"] = python_share(executor, on_card)
    return results


def _submitted(executor: CudaExecutor, frame: Any) -> Callable[[], object]:
    """The next frame is handed in before the last one's result is asked for."""
    under_way = [executor.submit(frame)]

    def one() -> object:
        under_way.append(executor.submit(frame))
        return under_way.pop(0).result()

    return one


def python_share(executor: CudaExecutor, frame: Any) -> dict[str, float]:
    """Microseconds of a call that are spent outside of the driver."""
    raw, spent = executor.context.driver.raw, [0.0]
    originals = dict(raw)

    def clocked(function: Callable[..., int]) -> Callable[..., int]:
        def call(*arguments: Any) -> int:
            begin = time.perf_counter()
            status = function(*arguments)
            spent[0] += time.perf_counter() - begin
            return status

        return call

    raw.update({name: clocked(function) for name, function in originals.items()})
    shares = []
    for _ in range(500):
        spent[0], begin = 0.0, time.perf_counter()
        executor.run(frame)
        shares.append(time.perf_counter() - begin - spent[0])
    raw.update(originals)
    return figures(shares)
