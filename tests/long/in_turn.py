"""Commands of zcc one after another in one fork, each judged by itself: most of them take less time than a fork."""

from __future__ import annotations

import json
import os
import resource
import signal
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from tests.long.attack import MACHINE, PATIENCE, Ended, call, wait

Words = tuple[str, ...]


def attack_in_turn(commands: Sequence[Sequence[str | Path]]) -> list[Ended]:
    """How each ended; where one takes the fork along, those behind it run in another one."""
    left = [tuple(map(str, words)) for words in commands]
    ended: list[Ended] = []
    while left:
        told = _in_one_fork(left)
        ended, left = ended + told, left[len(told) :]
    return ended


def _in_one_fork(commands: Sequence[Words]) -> list[Ended]:
    """Those that were begun: all of them, or up to the one that ended the fork."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        child = os.fork()
        if child == 0:
            _run(commands, folder)
        code, usage, _ = wait(child, time.perf_counter(), PATIENCE * len(commands), None)
        told = list[Ended]()
        for number, words in enumerate(commands):
            out, err = ((folder / f"{number}.{name}").read_bytes().decode(errors="surrogateescape") for name in STREAMS)
            result = folder / f"{number}.json"
            if not result.exists():
                return [
                    *told,
                    Ended(words, code, out, err, usage.ru_utime + usage.ru_stime, _megabytes(usage), 0.0, ()),
                ]
            told.append(Ended(words, out=out, err=err, late=0.0, survivors=(), **json.loads(result.read_text())))
        return told


STREAMS = ("out", "err")


def _run(commands: Sequence[Words], folder: Path) -> NoReturn:
    """The fork's own part; it never returns."""
    code = 99
    try:
        resource.setrlimit(resource.RLIMIT_AS, (MACHINE, MACHINE))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.setpgid(0, 0)
        environment, temporary = dict(os.environ), tempfile.tempdir
        for number, words in enumerate(commands):
            # As a process finds it that has just been started.
            signal.signal(signal.SIGINT, signal.default_int_handler)
            os.environ.clear()
            os.environ.update(environment)
            tempfile.tempdir = temporary
            _one(words, folder, number)
        code = 0
    finally:
        os._exit(code)


def _one(words: Words, folder: Path, number: int) -> None:
    for descriptor, name in enumerate(STREAMS, 1):
        opened = os.open(folder / f"{number}.{name}", os.O_WRONLY | os.O_CREAT)
        os.dup2(opened, descriptor)
        os.close(opened)
    before = time.process_time()
    code = call(words)
    told = {"code": code, "seconds": time.process_time() - before}
    told["megabytes"] = _megabytes(resource.getrusage(resource.RUSAGE_SELF))
    (folder / f"{number}.json").write_text(json.dumps(told))


def _megabytes(usage: resource.struct_rusage) -> float:
    return usage.ru_maxrss / 1024
