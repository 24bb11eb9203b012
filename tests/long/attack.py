"""Commands of zcc, each in a fork that is measured and judged.

Whatever a command is given, it ends soon and in little memory, and where it fails, it says so in one line.
"""

from __future__ import annotations

import gc
import os
import re
import resource
import signal
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import cache
from io import StringIO
from pathlib import Path
from typing import NoReturn

MOST_SECONDS, MOST_MEGABYTES = 2.0, 200.0
PATIENCE = 60.0  # seconds until a command counts as hung, on however busy a machine
RAW = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
REPORTS = ("verify", "doctor")
PROC = Path("/proc")
WARMING = (("list",), ("show", "yolo"), ("verify",), ("gc",), ("history", "yolo"), ("tag", "yolo", "x"), ("reindex",))
MACHINE = 12 << 30  # of address space that an attack may take from the machine it is tried on


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    arguments: tuple[str, ...]
    code: int  # minus the signal that ended it
    out: str
    err: str
    seconds: float  # of a processor, so that a busy machine changes nothing
    megabytes: float  # the most that it had in memory, what it shared with the process it was forked from included
    late: float  # seconds on the wall from the signal that it was sent to its end
    survivors: tuple[str, ...]  # processes of its group that still run

    @property
    def refused(self) -> bool:
        """Whether it said that it failed."""
        return self.code != 0


def attack(*arguments: str | Path, seconds: float = PATIENCE, sent: tuple[float, int] | None = None) -> Ended:
    """Run `zcc` in a fork; `sent` is a signal, and the seconds after which its group gets it, as from a terminal."""
    words = tuple(map(str, arguments))
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        begun, beginning = os.pipe()
        child = os.fork()
        if child == 0:
            _run(words, out.fileno(), err.fileno(), beginning)
        os.close(beginning)
        os.read(begun, 1)
        os.close(begun)
        code, usage, late = wait(child, time.perf_counter(), seconds, sent)
        said, complained = _content(out.fileno()), _content(err.fileno())
    spent = usage.ru_utime + usage.ru_stime
    return Ended(words, code, said, complained, spent, usage.ru_maxrss / 1024, late, tuple(_running(child)))


def complaints(
    ended: Ended, seconds: float = MOST_SECONDS, megabytes: float = MOST_MEGABYTES, codes: Sequence[int] = (0, 1, 2)
) -> list[str]:
    """What is wrong with how it ended."""
    errors = [line for line in ended.err.splitlines() if line.startswith("error: ")]
    told = f"code {ended.code}, {ended.err[-300:]!r}"
    checks = (
        (ended.code in codes, f"ended with {told}"),
        (not ended.refused or len(errors) == 1 or _reported(ended), f"not one line: {told}"),
        ("Traceback" not in ended.err and "unexpected" not in ended.err, f"not understood: {told}"),
        (not RAW.search(ended.out + ended.err), "raw control characters"),
        (ended.seconds <= seconds, f"{ended.seconds:.1f} s"),
        (ended.megabytes <= megabytes, f"{ended.megabytes:.0f} MB"),
    )
    return [f"zcc {' '.join(ended.arguments)}: {wrong}" for sound, wrong in checks if not sound]


def _reported(ended: Ended) -> bool:
    """Whether it is a command whose findings are its result, and it told them."""
    return ended.arguments[0] in REPORTS and bool(ended.out) and not ended.err


@cache
def prepare() -> None:
    """Import what commands import, and warm what they compute once, so that a fork costs milliseconds."""
    # But for TVM, which takes more memory than a command may that fails before it needs it.
    import zcc.compiler.adapting.adapt
    import zcc.compiler.quality.evaluate
    import zcc.compiler.quality.given
    import zcc.registry.bundle
    import zcc.runtime.detector
    import zcc.runtime.executors.cpu
    import zcc.runtime.feeds.pictures  # noqa: F401
    from tests.registry.samples import artifact
    from zcc.commands.main import cli
    from zcc.registry import Registry

    for name in cli.list_commands(None):  # type: ignore[arg-type]
        cli.get_command(None, name)  # type: ignore[arg-type]
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(StringIO()):
        home = f"{folder}/home"
        Registry.open(home).publish(*artifact(Path(folder) / "source"), tags=["prod"])
        for words in WARMING:
            cli.main([*words, "--registry", home], standalone_mode=False)
    gc.freeze()  # what is shared with forks stays so


def _run(arguments: Sequence[str], out: int, err: int, beginning: int) -> NoReturn:
    """The fork's own part; it never returns."""
    code = 99
    try:
        resource.setrlimit(resource.RLIMIT_AS, (MACHINE, MACHINE))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.setpgid(0, 0)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.dup2(out, 1)
        os.dup2(err, 2)
        os.write(beginning, b".")
        os.close(beginning)
        code = call(arguments)
    finally:
        os._exit(code)


def call(arguments: Sequence[str]) -> int:
    """Run `zcc` in this process, as its own program does; the code that it ends with."""
    import io
    import sys

    from zcc.__main__ import main

    sys.stdout = io.TextIOWrapper(io.FileIO(1, "w", closefd=False), "utf-8", "surrogateescape", line_buffering=True)
    sys.stderr = io.TextIOWrapper(io.FileIO(2, "w", closefd=False), "utf-8", "surrogateescape", line_buffering=True)
    sys.argv = ["zcc", *arguments]
    try:
        main()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 1 if ended.code else 0
    except BaseException:  # noqa: BLE001 - whatever it is, the one who judges must see it
        import traceback

        traceback.print_exc()
        return 98
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def wait(
    child: int, start: float, seconds: float, sent: tuple[float, int] | None
) -> tuple[int, resource.struct_rusage, float]:
    """Wait for the fork, and end it where it does not end; its code, what it used, and how late it was."""
    told = None
    while True:
        pid, status, usage = os.wait4(child, os.WNOHANG)
        now = time.perf_counter()
        if pid:
            return os.waitstatus_to_exitcode(status), usage, now - told if told else 0.0
        if sent is not None and told is None and now - start >= sent[0]:
            os.killpg(child, sent[1])
            told = now
        if now - start > seconds:
            os.killpg(child, signal.SIGKILL)
        time.sleep(0.002)


def _running(group: int) -> Iterator[str]:
    """The processes of a group that are no zombies."""
    for stat in PROC.glob("[0-9]*/stat"):
        try:
            name, _, fields = stat.read_text(errors="replace").rpartition(")")
        except OSError:  # it has just ended
            continue
        state, _, its_group = fields.split()[:3]
        if int(its_group) == group and state not in "ZX":
            yield name


def _content(descriptor: int) -> str:
    size = os.lseek(descriptor, 0, os.SEEK_END)
    return os.pread(descriptor, min(size, 1 << 22), 0).decode("utf-8", "surrogateescape")
