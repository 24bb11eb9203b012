"""PyTorch in a race: the ONNX file's operations, on the processor or on the card that the artifact is for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import torch

from zcc.compiler.racing.contestant import Contestant, Floats, Step, Thresholds
from zcc.compiler.racing.opencv_frame import frame_steps
from zcc.compiler.racing.race_task import RaceTask
from zcc.compiler.racing.torch_network import load_module

WARMING = 3  # calls before a graph is captured


class TorchOnProcessor:
    """Operation by operation, channels last, which oneDNN prefers."""

    def __init__(self, task: RaceTask, threads: int) -> None:
        cv2.setNumThreads(threads)
        torch.set_num_threads(threads)
        self._task = task
        self._module = _module(task)
        self.about = f"PyTorch {torch.__version__}, fp32, channels last"

    @torch.no_grad()
    def network(self, image: Floats) -> Floats:
        """The head's output."""
        given = torch.from_numpy(image).contiguous(memory_format=torch.channels_last)
        output: Floats = self._module(given).numpy()
        return output

    def steps(self, thresholds: Thresholds) -> tuple[Step, ...]:
        """OpenCV around the module."""
        return frame_steps(self.network, self._task, thresholds)


class TorchOnCard:
    """Compiled by torch.compile, replayed as one CUDA graph; in fp16 where the artifact computes in less than fp32."""

    def __init__(self, task: RaceTask, threads: int) -> None:
        cv2.setNumThreads(threads)
        self._task, kind = task, torch.float32 if task.dtype == "fp32" else torch.float16
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
        module = _module(task).to("cuda", kind)
        shape = 1, 3, task.spec.height, task.spec.width
        self._image = torch.zeros(shape, dtype=kind, device="cuda").contiguous(memory_format=torch.channels_last)
        compiled = torch.compile(module, fullgraph=True)
        with torch.no_grad():
            self._graph, self._output = captured(lambda: compiled(self._image))
        self.about = f"PyTorch {torch.__version__}, {str(kind).removeprefix('torch.')}, torch.compile, one CUDA graph"

    @torch.no_grad()
    def network(self, image: Floats) -> Floats:
        """The head's output, brought back to the host."""
        self._image.copy_(torch.from_numpy(image))
        self._graph.replay()
        output: Floats = self._output.float().cpu().numpy()
        return output

    def network_seconds(self, image: Floats) -> float:
        """What a replay takes by the card's clock."""
        return replayed(self._graph, 1)

    def steps(self, thresholds: Thresholds) -> tuple[Step, ...]:
        """OpenCV around the graph."""
        return frame_steps(self.network, self._task, thresholds)


PLACES: dict[str, Callable[[RaceTask, int], Contestant]] = {"cpu": TorchOnProcessor, "cuda": TorchOnCard}


def enter(task: RaceTask, threads: int) -> Contestant:
    """The contestant for the kind of processor that the artifact runs on."""
    return PLACES[task.executor](task, threads)


def _module(task: RaceTask) -> Any:
    with torch.no_grad():
        module = load_module(task.model, torch.zeros(1, 3, task.spec.height, task.spec.width))
    return module.to(memory_format=torch.channels_last)


def captured(run: Callable[[], Any]) -> tuple[torch.cuda.CUDAGraph, Any]:
    """A CUDA graph of what a call does, and where its results lie."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(WARMING):
            run()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        results = run()
    return graph, results


def replayed(graph: torch.cuda.CUDAGraph, together: int) -> float:
    """Seconds of one replay on the card, by its own clock, over several in a row."""
    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    begin.record()
    for _ in range(together):
        graph.replay()
    end.record()
    end.synchronize()
    return begin.elapsed_time(end) / 1000 / together
