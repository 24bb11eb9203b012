"""The executor, over a driver that is pretended and kernels that are real."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import pytest

from tests.compiler.backends.cpu.frame.harness import HOST, postprocess
from tests.compiler.backends.cuda.host_device import needs_compiler
from tests.runtime.executors.pretended import HEAD, MAX_DET, SPEC, driver_library, run, weights
from zcc.runtime.executors.cuda_driver import LIBRARY
from zcc.runtime.executors.cuda_timing import IN_A_ROW

pytestmark = needs_compiler
FRAME = "frame = np.random.default_rng(3).integers(0, 256, (120, 200, 3), np.uint8)\n"
SHOW = "print(len(found), found.scores.tolist(), found.boxes.tolist(), found.classes.tolist(), found.edges)\n"

Run = Callable[..., CompletedProcess[str]]


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs code beside the pretended driver."""
    driver, home = driver_library(), tmp_path_factory.mktemp("cuda") / "case"
    return lambda code, **environment: run(driver, home, code, **environment)


def output_of(process: CompletedProcess[str]) -> str:
    assert process.returncode == 0, process.stderr
    return process.stdout


def error_of(process: CompletedProcess[str]) -> str:
    assert process.returncode == 1, process.stdout
    return process.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize("mapped", ["{'result'}", "set()", "{'result', 'parameters'}"])
def test_a_frame_of_the_host(script: Run, mapped: str) -> None:
    code = f"{FRAME}found = CudaExecutor(program, mapped=frozenset({mapped})).run(frame, 0.25, 0.45)\n{SHOW}"
    boxes, scores, labels, _ = postprocess(HEAD, SPEC, MAX_DET, HOST)(weights(0), (120, 200), 0.25, 0.45)
    assert len(scores) > 5
    assert output_of(script(code)).startswith(f"{len(scores)} {scores.tolist()} {boxes.tolist()} {labels.tolist()} 0.")


def test_many_frames_at_once_and_by_many_threads(script: Run) -> None:
    code = f"""{FRAME}
executor = CudaExecutor(program)
first = executor.run(frame)
confs = (0.25, 0.28, 0.25, 0.29)
under_way = [executor.submit(frame, conf) for conf in confs]
assert [len(each.result()) for each in under_way] == [len(executor.run(frame, conf)) for conf in confs]
assert all(each.done() for each in under_way)
def work():
    for _ in range(5):
        assert executor.run(frame).scores.tolist() == first.scores.tolist()
    counts.append(1)
counts = []
threads = [threading.Thread(target=work) for _ in range(4)]
[each.start() for each in threads]
[each.join() for each in threads]
print(len(counts))
executor.close()
"""
    assert output_of(script(code)).strip() == "4"


def test_frames_on_the_card_are_used_where_they_lie(script: Run) -> None:
    code = f"""{FRAME}
class Tensor:
    def __init__(self, array, stream=None):
        self.array = array
        self.__cuda_array_interface__ = dict(shape=array.shape, typestr="|u1", version=3, strides=array.strides,
                                             data=(array.ctypes.data, False), stream=stream)
executor = CudaExecutor(program)
want = executor.run(frame).edges
assert executor.run(Tensor(frame)).edges == want
assert executor.run(Tensor(frame, stream=7)).edges == want
wide = np.zeros((120, 300, 3), np.uint8)
wide[:, :200] = frame
assert executor.run(Tensor(wide[:, :200])).edges == want
yuv = np.ascontiguousarray(frame[:, :, 0])
planes = Tensor(yuv[:80]), Tensor(yuv[80:])
same = executor.run(np.ascontiguousarray(yuv), format="nv12").edges
assert executor.run(Tensor(np.ascontiguousarray(yuv)), format="nv12").edges == same
assert executor.run(planes, format="nv12").edges == same
for bad in (frame[:, ::2], frame.transpose(1, 0, 2), frame[::-1], frame[..., :2]):
    try:
        executor.run(Tensor(bad))
    except FrameError as error:
        print(error)
"""
    told = output_of(script(code)).splitlines()
    assert len(told) == 4
    assert all("do not lie in one piece" in line or "run backwards" in line or "has shape" in line for line in told)


def test_a_frame_on_another_card_is_refused(script: Run) -> None:
    code = f"""{FRAME}
class Tensor:
    __cuda_array_interface__ = dict(shape=frame.shape, typestr="|u1", version=3, strides=None,
                                    data=(frame.ctypes.data, False), stream=None)
found = CudaExecutor(program).run(Tensor())
print(len(found))
"""
    assert int(output_of(script(code, PRETENDED_CARDS="2", PRETENDED_HOLDER="0"))) > 5
    error = error_of(script(code, PRETENDED_CARDS="2", PRETENDED_HOLDER="1"))
    assert "FrameError: the frame lies on cuda:1, and the detector is on cuda:0; bring it there" in error


@pytest.mark.parametrize("card", [{}, {"PRETENDED_INTEGRATED": "1"}], ids=["apart", "integrated"])
def test_rows_that_are_not_read_are_not_missed(script: Run, card: dict[str, str]) -> None:
    """A frame of the host gives the very input that the same frame gives where it lies on the card, whole.

    Of the frames a third of the rows is read, two of four, all of them, and as many as a wide picture has.
    """
    code = """
class Tensor:
    def __init__(self, array):
        self.array = array
        self.__cuda_array_interface__ = dict(shape=array.shape, typestr="|u1", version=3, strides=array.strides,
                                             data=(array.ctypes.data, False))
executor = CudaExecutor(program)
for height, width in ((144, 192), (192, 256), (100, 200), (108, 192)):
    for format, shape in (("bgr", (height, width, 3)), ("gray", (height, width)), ("nv12", (height * 3 // 2, width))):
        frame = np.random.default_rng(height).integers(0, 256, shape, np.uint8)
        inputs = []
        for given in (Tensor(frame), frame, frame):
            found = executor.run(given, format=format)
            inputs.append((executor.read("input").tobytes(), found.edges))
        if len(set(inputs)) != 1:
            print(height, width, format)
"""
    assert output_of(script(code, **card)) == ""


def test_the_network_alone(script: Run) -> None:
    code = "out = CudaExecutor(program).run_network(np.zeros((48, 64, 4)))\nprint(float(out.sum()), out.shape)"
    total = float(weights(0).sum())
    assert output_of(script(code)).strip() == f"{total} {HEAD.shape}"


def test_times_by_launch_and_by_stage(script: Run) -> None:
    code = f"""{FRAME}
from zcc.runtime.executors.cuda_timing import profile, replay
executor = CudaExecutor(program)
found = executor.run(frame)
print(profile(executor, 2).tolist(), replay(executor, ("network",), 3, 5).tolist())
assert executor.run(frame).scores.tolist() == found.scores.tolist()
"""
    one, in_a_row = 0.0005, 0.0005 / IN_A_ROW  # the clock goes on by as much whatever runs
    assert output_of(script(code)).strip() == f"{[one, in_a_row, *[one] * 4]} {[0.0001] * 3}"


FAILURES = {
    "no card": ({"PRETENDED_CARDS": "0"}, "IncompatibleHost: the driver finds no card"),
    "an older driver": (
        {"PRETENDED_VERSION": "11040"},
        "IncompatibleHost: NVIDIA's driver is for CUDA 11.4",
    ),
    "no memory": ({"PRETENDED_FAILURES": "cuMemAlloc_v2=2"}, "OutOfMemory: the card has no memory left"),
    "no pinned memory": ({"PRETENDED_FAILURES": "cuMemHostAlloc=2"}, "OutOfMemory: the card has no memory left"),
    "a broken program": (
        {"PRETENDED_FAILURES": "cuModuleLoadData=200"},
        "IncompatibleHost: the kernels are no",
    ),
    "another process's": ({"PRETENDED_FAILURES": "cuDevicePrimaryCtxRetain=46"}, "DeviceError: another process has"),
    "a card taken away": ({"PRETENDED_FAILURES": "cuGraphLaunch=700"}, "DeviceLost: a kernel touched memory"),
    "what nobody knows": ({"PRETENDED_FAILURES": "cuGraphCreate=12345"}, "DeviceError: the driver refuses a call"),
}


@pytest.mark.parametrize("what", FAILURES)
def test_failures_are_told_in_a_line(script: Run, what: str) -> None:
    environment, told = FAILURES[what]
    error = error_of(script(f"{FRAME}CudaExecutor(program).run(frame)", **environment))
    assert error.startswith(f"zcc.runtime.errors.{told}"), error
    assert ";" in error


def test_no_driver(script: Run, tmp_path: Path) -> None:
    (tmp_path / LIBRARY).touch()  # stands before one that the machine may have
    error = error_of(script("CudaExecutor(program)", LD_LIBRARY_PATH=str(tmp_path)))
    assert error.startswith("zcc.runtime.errors.IncompatibleHost: libcuda.so.1 cannot be loaded")


@pytest.mark.parametrize(("device", "told"), [("cuda:1", "there is no cuda:1"), ("gpu", "names no card")])
def test_a_card_that_is_not_there(script: Run, device: str, told: str) -> None:
    assert told in error_of(script(f"CudaExecutor(program, {device!r})"))


def test_a_failure_that_stays_is_told_by_every_call_from_then_on(script: Run) -> None:
    code = f"""{FRAME}
executor = CudaExecutor(program)
executor.run(frame)
for attempt in (executor.run, executor.submit, lambda frame: CudaExecutor(program)):
    try:
        attempt(frame)
    except DeviceLost as error:
        print(error)
executor.close()
"""
    process = script(code, PRETENDED_FAILURES="cuEventSynchronize=719@2")
    first, *others = output_of(process).splitlines()
    assert first.startswith("a kernel failed (cuEventSynchronize: CUDA_ERROR); start the process anew")
    assert len(others) == 2
    assert all(line.startswith("Pretended failed before") for line in others)
    assert not process.stderr


def test_a_failure_of_one_call_leaves_the_others_alone(script: Run) -> None:
    code = f"""{FRAME}
executor = CudaExecutor(program)
try:
    CudaExecutor(program)
except OutOfMemory as error:
    print("MB on Pretended" in error.problem)
print(len(executor.run(frame)) > 5)
"""
    assert output_of(script(code, PRETENDED_FAILURES="cuMemAlloc_v2=2@5")).split() == ["True", "True"]


def test_a_child_is_refused(script: Run) -> None:
    code = f"""{FRAME}
import os, sys
executor = CudaExecutor(program)
child = os.fork()
if child == 0:
    try:
        executor.run(frame)
    except UsageError as error:
        sys.exit(7 if "forked" in error.problem else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), len(executor.run(frame)) > 5)
"""
    assert output_of(script(code)).split() == ["7", "True"]


def test_weights_are_uploaded_once(script: Run) -> None:
    code = "from zcc.runtime.executors.cuda import CudaExecutor as E\na, b = E(program), E(program)\n"
    assert output_of(script(code + "print(a.addresses['weights'] == b.addresses['weights'])")).strip() == "True"


def test_ptx_is_taken_for_a_card_of_another_kind(script: Run) -> None:
    code = """
from dataclasses import replace
from zcc.runtime.executors.cuda_program import Module
old = {name: Module(b"of another card\\n\\0", made.cubin) for name, made in program.modules.items()}
print(len(CudaExecutor(replace(program, modules=old)).run(np.zeros((20, 20, 3), np.uint8))))
"""
    assert int(output_of(script(code))) > 5


def test_an_older_card_is_refused(script: Run) -> None:
    code = "from dataclasses import replace\nplan = replace(program.plan, arch='sm_100')\n"
    error = error_of(script(code + "CudaExecutor(replace(program, plan=plan))"))
    assert "the kernels are for sm_100, and Pretended is sm_90" in error


def test_importing_needs_no_driver() -> None:
    import zcc.runtime.executors.cuda

    assert np.dtype(np.uint8).itemsize == 1
    assert zcc.runtime.executors.cuda.CudaExecutor
