"""Ctrl-C at several moments of real commands: one line, 130, at once, and nothing stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import onnx
import psutil
import pytest

from tests.cli.process import call_zcc, heed_ctrl_c
from tests.compiler.bare_heads import distributed
from tests.conftest import Tiny
from zcc import sample
from zcc.commands.interrupts import DYING, GRACE, descendants
from zcc.registry import Registry

LOADED = 20.0  # seconds by which a machine with a lot to do may be late
AT_MOST = GRACE + DYING + LOADED
PATIENCE = 180
SHORT = ("--trials", "100")  # a search that does not measure the machine first, and is long enough to be interrupted

Moment = Callable[["subprocess.Popen[str]"], None]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "small.onnx"
    onnx.save(distributed(3, (128, 128)), path)
    return path


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    """The only place for temporary files of the commands."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    return folder


@pytest.fixture
def start(tmp_path: Path, temporary: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts a command in a process group of its own, as a terminal does."""
    started = []

    def begin(*command: str | Path, **environment: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, *map(str, command)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=heed_ctrl_c,
            env={
                **os.environ,
                "TMPDIR": str(temporary),
                "ZCC_REGISTRY": str(tmp_path / "registry"),
                **environment,
            },
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def line(word: str) -> Moment:
    """When it has said this."""

    def wait(process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        assert any(word in said for said in process.stderr), "it ended without saying it"

    return wait


def child(*words: str) -> Moment:
    """When a process below it runs that is called so."""

    def wait(process: subprocess.Popen[str]) -> None:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            for each in psutil.Process(process.pid).children(recursive=True):
                try:
                    if any(word in " ".join(each.cmdline()) for word in words):
                        return
                except psutil.Error:  # it has just ended
                    continue
            time.sleep(0.002)
        raise AssertionError(f"there is no {words}")

    return wait


def loaded(word: str) -> Moment:
    """When it has loaded a library that is called so."""

    def wait(process: subprocess.Popen[str]) -> None:
        maps, end = Path(f"/proc/{process.pid}/maps"), time.monotonic() + PATIENCE
        while word not in maps.read_text():
            assert process.poll() is None and time.monotonic() < end, f"it never loaded {word}"
            time.sleep(0.005)

    return wait


GENERATING, LINKING = line("lower "), child("sleep 600")
MOMENTS = {
    "compile, with its checks": ("compile", sample.MODEL, loaded("multiarray")),
    "compile, importing": ("compile", sample.MODEL, loaded("libtvm")),
    "compile, reading the model": ("compile", sample.MODEL, child("frontend.worker")),
    "compile, generating code": ("compile", None, GENERATING),
    "compile, linking": ("compile", None, LINKING),
    "compile, verifying": ("compile", None, line("build ")),
    "tune, measuring": ("tune", None, child("spawn_main")),
}


@pytest.mark.parametrize("command, model, moment", MOMENTS.values(), ids=MOMENTS)
def test_a_command_ends_at_once_and_leaves_nothing(
    start: Callable[..., subprocess.Popen[str]],
    small: Path,
    tiny_artifact: Tiny,
    temporary: Path,
    tmp_path: Path,
    command: str,
    model: Path | None,
    moment: Moment,
) -> None:
    slow = tmp_path / "linker"
    slow.write_text("#!/bin/sh\nexec sleep 600\n")
    slow.chmod(0o755)
    # Some take too little time to be interrupted: linking, and generating code where most was compiled before.
    changes = {GENERATING: {"ZCC_CACHE": str(tmp_path / "cache")}, LINKING: {"CXX": str(slow)}}
    # Most of the kernels of the detector that all tests share are kept: what comes after them is soon there.
    model = model or (tiny_artifact.model if command == "compile" else small)
    short = SHORT if command == "tune" else ()
    process = start("-m", "zcc", command, model, "--dtype", "fp32", *short, **changes.get(moment, {}))
    moment(process)
    check_that_it_ends_at_once(process, temporary)
    assert Registry.open(tmp_path / "registry").artifacts() == []


def test_a_fleet_s_build_ends_with_its_workers(
    start: Callable[..., subprocess.Popen[str]], small: Path, temporary: Path, tmp_path: Path
) -> None:
    matrix = tmp_path / "matrix.toml"
    models = "".join(f'[[model]]\npath = "{small}"\nname = "{name}"\n' for name in ("one", "two"))
    matrix.write_text(models)
    process = start("-m", "zcc", "build", matrix, "--workers", "2")
    child("spawn_main")(process)
    check_that_it_ends_at_once(process, temporary)


def test_a_server_of_searches_ends_with_its_listener(
    start: Callable[..., subprocess.Popen[str]], temporary: Path
) -> None:
    process = start("-m", "zcc", "tune-server", "--tracker", "127.0.0.1:1", "--key", "here")
    child("tuning.listener")(process)
    check_that_it_ends_at_once(process, temporary)


def check_that_it_ends_at_once(process: subprocess.Popen[str], temporary: Path) -> None:
    """With one line, and with everything that it started."""
    below = psutil.Process(process.pid).children(recursive=True)
    began = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    stdout, stderr = process.communicate(timeout=PATIENCE)
    assert time.monotonic() - began < AT_MOST
    assert (process.returncode, stdout) == (130, "")
    assert stderr.splitlines()[-1] == "error: interrupted"
    assert stderr.count("error") == 1 and "Traceback" not in stderr
    assert list(temporary.iterdir()) == []
    assert [each for each in below if each.is_running() and each.status() != psutil.STATUS_ZOMBIE] == []


def test_what_was_measured_before_is_kept(
    start: Callable[..., subprocess.Popen[str]], small: Path, temporary: Path, tmp_path: Path
) -> None:
    process = start("-m", "zcc", "tune", small, "--dtype", "fp32", *SHORT)
    line("forms tried")(process)
    check_that_it_ends_at_once(process, temporary)
    assert "yours" in call_zcc("tune", "--stats", "--registry", tmp_path / "registry").stdout


STUBBORN = """
import ctypes, subprocess, sys, tempfile
import zcc.commands.completion as c, zcc.commands.main as m
def work(shell):
    tempfile.mkdtemp()
    subprocess.Popen([sys.executable, "-c", "import os, time; os.setsid(); time.sleep(600)"])
    print("up", file=sys.stderr, flush=True)
    {work}
c.completion.callback = work
sys.argv[1:] = ["completion", "bash"]
m.main()
"""
NATIVE = "ctypes.CDLL(None).sleep(600); ctypes.CDLL(None).sleep(600)"  # libc's sleep ends with the first signal
SWALLOWED = """
    while True:
        try:
            ctypes.CDLL(None).pause()
        except BaseException: pass
"""


@pytest.mark.parametrize("work", [NATIVE, SWALLOWED], ids=["native code", "an interrupt that is swallowed"])
def test_what_does_not_hear_is_ended_from_outside(
    start: Callable[..., subprocess.Popen[str]], temporary: Path, work: str
) -> None:
    process = start("-c", STUBBORN.format(work=work))
    line("up")(process)
    [below] = descendants(process.pid)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=PATIENCE)
    assert (process.returncode, stderr) == (130, "error: interrupted\n")
    assert list(temporary.iterdir()) == []
    assert not psutil.pid_exists(below) or psutil.Process(below).status() == psutil.STATUS_ZOMBIE


def test_who_started_it_may_have_it_ignore_ctrl_c(start: Callable[..., subprocess.Popen[str]]) -> None:
    waiting = "import os; os.waitpid(-1, 0)"  # for the child, which is found below a process that still runs
    work = f"import signal; assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN; {waiting}"
    process = start("-c", "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)" + STUBBORN.format(work=work))
    line("up")(process)
    process.send_signal(signal.SIGINT)
    for below in descendants(process.pid):
        os.kill(below, signal.SIGKILL)
    _, stderr = process.communicate(timeout=PATIENCE)
    assert (process.returncode, stderr) == (0, "")


INTERRUPTED_ITSELF = """
import os, signal, sys, time
from zcc.commands.interrupts import interruptible
sys.path.insert(0, sys.argv[1])
with interruptible() as interrupts:
    {body}
    time.sleep(60)
"""


def run_interrupted(folder: Path, body: str) -> subprocess.CompletedProcess[str]:
    """Run what interrupts itself."""
    return subprocess.run(
        [sys.executable, "-c", INTERRUPTED_ITSELF.format(body=body), folder],
        capture_output=True, text=True, timeout=PATIENCE, preexec_fn=heed_ctrl_c,
    )  # fmt: skip


def test_a_module_that_is_imported_meanwhile_is_imported_to_its_end(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nsum(range(1000))\n")
    done = run_interrupted(tmp_path, "import slow; print('imported', flush=True)")
    assert (done.stdout, done.stderr, done.returncode) == ("imported\n", "error: interrupted\n", 130)


def test_one_that_no_thread_has_taken_yet_is_heard(tmp_path: Path) -> None:
    held = "signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}); os.kill(os.getpid(), signal.SIGINT)"
    done = run_interrupted(tmp_path, f"{held}; print(interrupts.heard, flush=True); interrupts.end()")
    assert (done.stdout, done.stderr, done.returncode) == ("True\n", "error: interrupted\n", 130)


EARLY = """
import os, pathlib, signal, tempfile
import zcc.commands.interrupts as module
made = tempfile.mkdtemp
def interrupted(*words, **named):
    folder = made(*words, **named)
    os.kill(os.getpid(), signal.SIGINT)
    return folder
module.tempfile.mkdtemp = interrupted
with module.interruptible():
    pass
"""


def test_one_that_comes_as_the_scratch_folder_is_made_leaves_nothing(temporary: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", EARLY], capture_output=True, text=True, timeout=PATIENCE,
        preexec_fn=heed_ctrl_c, env={**os.environ, "TMPDIR": str(temporary)},
    )  # fmt: skip
    assert (done.stderr, done.returncode) == ("error: interrupted\n", 130)
    assert not list(temporary.iterdir())
