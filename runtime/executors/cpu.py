"""An artifact for CPUs, loaded: its module, and the memory that frames are run in."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import tvm_ffi
from numpy.typing import NDArray

from zcc.runtime import host, library
from zcc.runtime.detections import Detections
from zcc.runtime.engine import ASIDE, Lane, engine
from zcc.runtime.errors import CorruptArtifact, FrameError, UsageError
from zcc.runtime.executors.cpu_masks import CpuMasks
from zcc.runtime.executors.cpu_results import CpuResults
from zcc.runtime.frame import Frame, as_frame
from zcc.runtime.manifest import EACH_THREAD, Manifest
from zcc.runtime.obstacles import check_instructions
from zcc.runtime.side_by_side import cut, lane, lanes
from zcc.runtime.tasks.table import result
from zcc.runtime.tvm_library import load_runtime


class CpuExecutor:
    """A shared library over the engine's threads. Any number of threads may call it."""

    overlaps = False  # a frame has all cores
    decodes = True

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.manifest = manifest
        check_instructions(manifest)
        load_runtime(folder, manifest.requires.runtime)
        self._module = library.load_module(folder)
        self._pool_code = library.pool_code(self._module)
        wanted = library.wanted_threads(manifest)
        self.threads = host.frame_threads(wanted)
        self._wanted_threads = wanted if host.threads_are_free() else None
        formats = manifest.formats or (manifest.input.color,)
        self._detect = {name: library.entry_point(self._module, library.detect_entry(name)) for name in formats}
        weights = library.load_weights(folder, manifest.expansion)
        self._weights = tvm_ffi.from_dlpack(weights)
        # Let go after the tensor: unmapping gives way to other threads, and where the interpreter ends then,
        # Python ends this thread; inside the tensor's destructor that would end the process.
        self._mapped = weights
        # What frames need of the manifest, `memory` among it, at hand: to ask it for each takes a microsecond.
        self._usual, self._room = manifest.input.color, manifest.workspace
        self._room_of_thread = manifest.workspace.get(EACH_THREAD, 0)
        self._is_plain = manifest.task.name == "detect"
        self._results = [CpuResults(manifest)]  # those that no frame is written to now
        makes_masks = manifest.task.name == "segment"
        self._masks = CpuMasks(self._module, manifest, self._ask, self._frame_arena) if makes_masks else None

    def take(self, frame: Any, format: str | None) -> Frame:
        """The frame, wherever its bytes lie in the host's memory."""
        return as_frame(frame, format)

    def run(self, frame: Frame, conf: float, iou: float, streams: int | None = None) -> Detections:
        """The detections in a frame, one of so many that may run side by side."""
        place = lane(streams)
        return place.engine.call(self._run, place, self._code(frame), frame, conf, iou)

    def submit(self, frame: Frame, conf: float, iou: float, streams: int | None = None) -> Future[Detections]:
        """Put a frame on its way: behind those that wait for the engine."""
        return self._post(lane(streams), frame, conf, iou)

    def _post(self, place: Lane, frame: Frame, conf: float, iou: float) -> Future[Detections]:
        code, future = self._code(frame), Future[Detections]()

        def run() -> None:
            try:
                future.set_result(self._run(place, code, frame, conf, iou))
            except BaseException as error:  # noqa: BLE001 - it is raised where the result is asked for
                future.set_exception(error)

        place.engine.post(run)
        return future

    def run_many(
        self, frames: Sequence[Frame], conf: float, iou: float, streams: int | None = None
    ) -> list[Detections]:
        """The detections in each of several frames: as streams side by side, or one after another on all cores."""
        streams = cut(len(frames), host.worker_threads()) if streams is None else streams
        if streams > 1:
            posts = [self._post(place, frame, conf, iou) for place, frame in zip(cycle(lanes(streams)), frames)]
            return [each.result() for each in posts]
        coded = [(self._code(frame), frame) for frame in frames]
        place = engine().all_cores
        return place.engine.call(lambda: [self._run(place, code, frame, conf, iou) for code, frame in coded])

    def rehearse(self, frame: Frame, conf: float, iou: float) -> Detections:
        """The same, aside, while other variants run frames; not once this one runs them, too.

        Afterwards all memory is in place that the first frame needs, the engine's as well.
        """
        place = engine(ASIDE).all_cores
        found = place.engine.call(self._run, place, self._code(frame), frame, conf, iou)
        engine(ASIDE).call(lambda: engine(ASIDE).give_arena(engine()))
        return found

    def _code(self, taken: Frame) -> Any:
        """The function for the frame's format, refused where the artifact does not read it."""
        name = taken.format or self._usual
        if name not in self._detect:
            known = ", ".join(self._detect)
            raise FrameError(f"the artifact reads {known} frames, not {name}", "convert the frame, or compile again")
        return self._detect[name]

    def _run(self, place: Lane, code: Any, frame: Frame, conf: float, iou: float) -> Detections:
        arena = self._workspace(place, "detect")
        results = self._free_results()
        try:  # as in `_ask`, which would hand all arguments on once more
            code(*frame.planes, conf, iou, self._weights, arena, *results.arguments)
        except (ValueError, TypeError) as error:
            raise self._misfit(error) from error
        if self._is_plain:
            plain = results.detections()
            self._results.append(results)
            return plain
        found = results.read()
        self._results.append(results)
        if self._masks is not None:
            found = replace(found, masks=self._masks.of(found, (frame.height, frame.width), arena))
        return result(found)

    def _ask(self, code: Any, *arguments: Any) -> None:
        """Call the module."""
        try:
            code(*arguments)
        except (ValueError, TypeError) as error:
            raise self._misfit(error) from error

    def _misfit(self, error: Exception) -> CorruptArtifact:
        """What the module does not take is a fault of the manifest: callers looked at the rest before."""
        told = next(iter(str(error).splitlines()), "")
        problem = f"the code of {self.manifest.name} does not take what its manifest says: {told}"
        return CorruptArtifact(problem, "compile the model again")

    def _workspace(self, place: Lane, entry: str) -> Any:
        """Memory for what an entry point needs, with as many threads at work as the artifact wants."""
        threads = place.engine.share(self._pool_code, self._wanted_threads, place.streams)
        return place.engine.reserve(self._room[entry] + threads * self._room_of_thread)

    def _free_results(self) -> CpuResults:
        """For one frame: a signal's handler may run another before this one was read."""
        return self._results.pop() if self._results else CpuResults(self.manifest)

    def _frame_arena(self) -> Any:
        return self._workspace(engine().all_cores, "detect")

    def run_network(self, image: NDArray[np.float32], output: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
        """The head's decoded output for a prepared input (1, 3, height, width), in `output` where it is given."""
        result = np.zeros(self.manifest.head.shape, np.float32) if output is None else output
        return engine().call(lambda: self._run_network(image, result))

    def prototypes(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """The maps that masks are sums of, for a prepared input; of a segmentation model alone."""
        output = np.zeros(self.manifest.head.shape, np.float32)
        result = np.zeros((1, *self.manifest.task.shape), np.float32)

        def run() -> None:
            self._run_network(image, output)
            arena = self._workspace(engine().all_cores, "network")
            self._ask(library.entry_point(self._module, library.PROTOTYPES), arena, result)

        engine().call(run)
        return result

    def _run_network(self, image: NDArray[np.float32], output: NDArray[np.float32]) -> NDArray[np.float32]:
        arena = self._workspace(engine().all_cores, "network")
        network = library.entry_point(self._module, library.NETWORK)
        self._ask(network, np.ascontiguousarray(image), self._weights, arena, output)
        return output

    def network_seconds(self, image: NDArray[np.float32], output: NDArray[np.float32]) -> float:
        """What the network alone takes for a prepared input, with the way through the engine."""
        start = time.perf_counter()
        self.run_network(image, output)
        return time.perf_counter() - start

    def stages(self, frame: Frame, conf: float, iou: float) -> NDArray[np.float64]:
        """Seconds that a frame takes before the network, in it, and behind it; of its own format alone."""
        return engine().call(lambda: self._stages(frame, conf, iou))

    def _stages(self, frame: Frame, conf: float, iou: float) -> NDArray[np.float64]:
        clock = np.zeros(2 * library.CLOCK_READINGS, np.int64)
        code = library.entry_point(self._module, library.STAGES)
        arena = self._workspace(engine().all_cores, "detect")
        results = self._free_results()
        self._ask(code, *frame.planes, conf, iou, self._weights, arena, *results.arguments, clock)
        self._results.append(results)
        return _between(clock)

    def profile(self, image: NDArray[np.float32]) -> NDArray[np.float64]:
        """Seconds that each kernel of the network takes for a prepared input, in the order of the manifest's calls."""
        # The profiled kernels run on what they find in memory; a run on an image leaves ordinary numbers there.
        self.run_network(image)
        return engine().call(self._profile)

    def _profile(self) -> NDArray[np.float64]:
        arena = self._workspace(engine().all_cores, "network")
        # Written once before the clock runs, so that no kernel is charged for the memory's first touch.
        output = np.full(4 * np.prod(self.manifest.head.shape), 1, np.uint8)
        clock = np.zeros(2 * len(self.manifest.kernels["calls"]) + 2, np.int64)
        self._ask(library.entry_point(self._module, library.PROFILE), self._weights, arena, output, clock)
        return _between(clock)


def _between(clock: NDArray[np.int64]) -> NDArray[np.float64]:
    """Seconds from each reading of the clock to the next."""
    seconds, nanoseconds = clock.reshape(-1, 2).T
    return np.diff(seconds - seconds[0] + 1e-9 * nanoseconds)


def load(folder: Path, manifest: Manifest, device: str | None) -> CpuExecutor:
    """The artifact on this machine's processor."""
    if device not in (None, "cpu"):
        raise UsageError(f"{manifest.name} {manifest.dtype} is for CPUs, not for device={device!r}", "leave it out")
    return CpuExecutor(folder, manifest)
