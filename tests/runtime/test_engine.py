"""The engine in real processes: forks, exits, signals, threads, memory."""

from __future__ import annotations

import os
import signal
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.conftest import Tiny
from tests.runtime.samples import assert_same, noise, run_python, start_python
from zcc.runtime import Detector, host
from zcc.runtime.aligned import aligned_bytes
from zcc.runtime.engine import ASIDE, FRAMES, LOOK_AGAIN, Engine, EngineRole, engine
from zcc.runtime.manifest import Manifest
from zcc.runtime.variant import Variant

PRELUDE = """
import os, signal, sys, threading, time
import numpy as np
from zcc.runtime import Detector, host
detector = Detector.load(sys.argv[1])
frame = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
expected = detector(frame).scores.tobytes()
"""


def run(code: str, tiny: Tiny, **environment: str) -> str:
    """What the code prints, with a detector, a frame and the right answer at hand."""
    return run_python(PRELUDE + code, tiny.folder, **environment)


@pytest.mark.parametrize("busy", [False, True], ids=["idle", "while another thread runs frames"])
def test_parent_and_child_of_a_fork_both_go_on(tiny_artifact: Tiny, busy: bool) -> None:
    code = f"""
stop = threading.Event()
def work():
    while not stop.is_set():
        assert detector(frame).scores.tobytes() == expected
worker = threading.Thread(target=work)
if {busy}:
    worker.start()
for turn in range(8):
    child = os.fork()
    if not child:
        right = all(detector(frame).scores.tobytes() == expected for _ in range(20))
        right &= Detector.load(sys.argv[1])(frame).scores.tobytes() == expected
        os._exit(0 if right else 1)
    assert detector(frame).scores.tobytes() == expected
    assert os.waitpid(child, 0)[1] == 0
stop.set()
print(detector(frame).scores.tobytes() == expected)
"""
    assert run(code, tiny_artifact) == "True\n"


def test_a_child_of_a_fork_ends_as_any_process(tiny_artifact: Tiny) -> None:
    code = """
sys.stdout.flush()
child = os.fork()
print("child" if not child else os.waitpid(child, 0)[1], detector(frame).scores.tobytes() == expected, flush=True)
"""
    assert run(code, tiny_artifact).splitlines() == ["child True", "0 True"]


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(tiny_artifact: Tiny, tmp_path: Path, method: str) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        PRELUDE
        + f"""
def look(seed):
    frame = np.random.default_rng(seed).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    return detector(frame).scores.tobytes()

if __name__ == "__main__":
    import multiprocessing
    with multiprocessing.get_context("{method}").Pool(2) as pool:
        print(pool.map(look, range(6)) == [look(seed) for seed in range(6)])
"""
    )
    code = "import runpy, sys; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
    if method == "fork":
        assert run_python(code, script, tiny_artifact.folder) == "True\n"
    else:  # these import the script anew, by its path
        launch = "import subprocess, sys; sys.exit(subprocess.call([sys.executable, *sys.argv[1:]]))"
        assert run_python(launch, script, tiny_artifact.folder) == "True\n"


@pytest.mark.parametrize("ending", ["pass", "sys.exit(0)", "detector = None", "raise KeyboardInterrupt"])
def test_the_interpreter_ends_while_threads_run_frames(tiny_artifact: Tiny, ending: str) -> None:
    code = f"""
def work():
    while True:
        detector(frame)
for _ in range(4):
    threading.Thread(target=work, daemon=True).start()
big = np.zeros((2160, 3840, 3), np.uint8)
threading.Thread(target=lambda: detector(big), daemon=True).start()
time.sleep(0.1)
{ending}
"""
    process = start_python(PRELUDE + code, tiny_artifact.folder)
    out, err = process.communicate(timeout=120)
    if ending.startswith("raise"):
        assert process.returncode in (1, 130, -signal.SIGINT) and "KeyboardInterrupt" in err
    elif ending.startswith("detector"):
        assert process.returncode == 0, err
    else:
        assert (process.returncode, out, err) == (0, "", "")


def test_threads_that_are_no_daemons_finish_their_frames(tiny_artifact: Tiny) -> None:
    code = """
def work():
    time.sleep(0.2)
    print(detector(frame).scores.tobytes() == expected)
threading.Thread(target=work).start()
"""
    assert run(code, tiny_artifact) == "True\n"


def test_a_frame_in_the_last_moment_is_refused_not_hung(tiny_artifact: Tiny) -> None:
    """An exit handler that was there before the runtime runs after the engine has stopped."""
    code = """
import atexit, sys
def last():
    try:
        detector(frame)
    except Exception as error:
        print(type(error).__name__, error)
atexit.register(last)
"""
    assert "UsageError frames cannot be run any more" in run_python(code + PRELUDE, tiny_artifact.folder)


def test_ctrl_c_reaches_the_caller_and_the_next_frame_is_right(tiny_artifact: Tiny) -> None:
    code = """
signal.signal(signal.SIGALRM, signal.default_int_handler)
big = np.zeros((8000, 8000, 3), np.uint8)
caught = 0
for turn in range(20):
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.001 + 0.002 * turn)
        while True:
            detector(big)
    except KeyboardInterrupt:
        caught += 1
    assert detector(frame).scores.tobytes() == expected
print(caught)
"""
    assert run(code, tiny_artifact) == "20\n"


def test_a_handler_of_a_signal_may_run_frames_itself(tiny_artifact: Tiny) -> None:
    code = """
seen = []
def look(*_):
    seen.append(detector(frame).scores.tobytes())
    signal.setitimer(signal.ITIMER_REAL, 0.001)
signal.signal(signal.SIGALRM, look)
look()
while len(seen) < 50:
    assert detector(frame).scores.tobytes() == expected
signal.setitimer(signal.ITIMER_REAL, 0)
print(set(seen) == {expected})
"""
    assert run(code, tiny_artifact) == "True\n"


def test_memory_stays_as_it_is(tiny_artifact: Tiny) -> None:
    """Frames of every layout and size, and loads of the same artifact."""
    code = """
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
locked = frame.copy()
locked.flags.writeable = False
frames = [frame, frame[::-1], locked, memoryview(frame), frame[:1, :1], np.zeros((200, 300, 3), np.uint8)]
def rounds(count):
    for turn in range(count):
        detector(frames[turn % len(frames)])
        if turn % 50 == 0:
            Detector.load(sys.argv[1])(frame)
rounds(500)
before = resident()
rounds(1500)
print(resident() - before)
"""
    assert float(run(code, tiny_artifact)) < 2.0


def test_the_number_of_threads_is_the_users(tiny_artifact: Tiny) -> None:
    code = """
print(detector(frame).scores.tobytes() == expected, *sorted(
    thread.read_text().partition("Cpus_allowed_list:")[2].split()[0]
    for thread in pathlib.Path("/proc/self/task").glob("*/status")
))
"""
    code = "import pathlib" + PRELUDE + code
    cpus = len(os.sched_getaffinity(0))
    for threads in sorted({1, 2, cpus} & set(range(1, cpus + 1))):
        variables = {"ZCC_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": "1"}
        right, *places = run_python(code, tiny_artifact.folder, **variables).split()
        assert right == "True"
        assert len(places) == threads, "the main thread, which runs its frame itself, and those that help it"
        assert len(set(places)) == 1, "all of them may run on any processor that the process may use"


def test_between_frames_the_processor_is_left_alone(tiny_artifact: Tiny) -> None:
    code = """
idle = 0.0
for _ in range(20):
    detector(frame)
    before = time.process_time()
    time.sleep(0.02)
    idle += time.process_time() - before
print(idle)
"""
    assert float(run(code, tiny_artifact)) < 0.1, "a helper that kept looking for work would take 0.4 s"


def test_cores_that_come_and_go_are_counted_anew_within_a_second(
    tiny_artifact: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    variant = Variant(tiny_artifact.folder, Manifest.read(tiny_artifact.folder))
    code, now, cores = variant.executor._pool_code, [100.0], [3]
    monkeypatch.setattr(host, "worker_threads", lambda: cores[0])
    monkeypatch.setattr(host, "threads_are_free", lambda: False)  # whatever neighbours do
    own = Engine(FRAMES, clock=lambda: now[0])

    def threads() -> int:
        return own.call(lambda: own.share(code))

    assert threads() == 3
    cores[0] = 1
    now[0] += 0.9 * LOOK_AGAIN
    assert threads() == 3
    now[0] += 0.2 * LOOK_AGAIN
    assert threads() == 1
    cores[0], now[0] = 2, now[0] + LOOK_AGAIN
    assert threads() == 2
    own.stop()


def test_a_number_of_threads_that_is_none_is_refused_not_hung(tiny_artifact: Tiny) -> None:
    process = start_python(PRELUDE, tiny_artifact.folder, ZCC_NUM_THREADS="many")
    _, err = process.communicate(timeout=120)
    assert "ZCC_NUM_THREADS='many' is not a number of threads" in err.splitlines()[-1]


def test_an_error_in_the_engine_is_the_callers_and_holds_nothing(detector: Detector) -> None:
    detector(noise(8, 8))  # the engine runs

    class Thing:
        pass

    thing = Thing()
    held = weakref.ref(thing)

    def fail(given: Thing = thing) -> None:
        raise LookupError("from inside")

    with pytest.raises(LookupError, match="from inside"):
        engine().call(fail)
    del fail, thing
    assert held() is None, "no reference cycle keeps what the call had"
    assert_same(detector(noise(8, 8)), detector(noise(8, 8)))


def test_a_lone_callers_frames_run_in_its_own_thread(detector: Detector) -> None:
    detector(noise(8, 8))
    assert engine().call(threading.get_ident) == threading.get_ident()


@pytest.mark.parametrize("role", [FRAMES, ASIDE])
def test_a_function_is_given_its_arguments_in_whatever_thread_it_runs(role: EngineRole) -> None:
    own = Engine(role)
    try:
        assert own.call(divmod, 17, 5) == (3, 2)
    finally:
        own.stop()


def test_an_engine_is_idle_unless_a_call_runs_or_waits() -> None:
    own, begun, go = Engine(FRAMES), threading.Event(), threading.Event()
    assert own.is_idle() and own.load == 0
    assert own.call(own.is_idle) is False

    with ThreadPoolExecutor(2) as pool:
        running = pool.submit(own.call, lambda: (begun.set(), go.wait(120)))
        begun.wait(120)
        waiting = pool.submit(own.call, own.is_idle)
        while not own._serving:
            threading.Event().wait(0.001)
        assert not own.is_idle() and own.load == 2
        go.set()
        running.result(30)
        assert waiting.result(30) is False
    while own._serving:  # for a moment after the outcome is there
        threading.Event().wait(0.001)
    assert own.is_idle() and own.load == 0
    own.stop()


def test_who_comes_while_others_wait_waits_behind_them() -> None:
    order: list[str] = []
    begun, go = threading.Event(), threading.Event()
    own = Engine(FRAMES)

    def first() -> None:
        begun.set()
        go.wait(120)
        order.append("first")

    with ThreadPoolExecutor(3) as pool:
        calls = [pool.submit(own.call, first)]
        begun.wait(120)
        for name in ("second", "third"):
            calls.append(pool.submit(own.call, lambda name=name: order.append(name)))
            while not (own._serving and own._jobs.qsize() == len(calls) - 2):
                threading.Event().wait(0.001)
        go.set()
        for call in calls:
            call.result(30)
    own.stop()
    assert order == ["first", "second", "third"]


def test_nobody_waits_for_an_engine_that_is_made_while_the_interpreter_exits(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the first frame was to come after a swap, whose rehearsal leaves its memory to those of frames."""
    aside = Engine(FRAMES)
    monkeypatch.setattr("zcc.runtime.engine._exiting", True)
    late = Engine(FRAMES)
    giving = threading.Thread(target=lambda: aside.call(lambda: aside.give_arena(late)), daemon=True)
    giving.start()
    giving.join(20)
    assert not giving.is_alive()
    aside.stop()


def test_calls_run_one_at_a_time(detector: Detector) -> None:
    detector(noise(8, 8))
    inside, most = [], []

    def look(number: int) -> int:
        inside.append(number)
        most.append(len(inside))
        inside.pop()
        return number

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda n: engine().call(lambda: look(n)), range(500))) == list(range(500))
    assert max(most) == 1


@pytest.mark.parametrize("size", [0, 1, 63, 64, 1000])
def test_working_memory_begins_at_a_cache_line(size: int) -> None:
    memory = aligned_bytes(size)
    assert memory.size == size
    assert not memory.any()
    assert memory.ctypes.data % 64 == 0 or size == 0
