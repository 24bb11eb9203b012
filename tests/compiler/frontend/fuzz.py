"""Feed damaged models to the front end and judge how each attempt ended."""

from __future__ import annotations

import os
import random
import resource
import signal
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.compiler.frontend.mutations import base_models, damaged
from zcc.compiler.frontend.load import load_model, prepare
from zcc.compiler.frontend.operators import supported_operators
from zcc.runtime.errors import InputError, UsageError

ACCEPTED, REFUSED, BUG, SLOW = 0, 10, 20, 30
SECONDS_EACH = 60
MEMORY_EACH = 8 << 30


class Fuzzer:
    """Tries damaged models one by one.

    Each is tried in a fork, which costs milliseconds. Where that dies of a signal, the same file goes through
    `load_model` too, which has to turn the death into a refusal.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self.path = folder / "damaged.onnx"
        self.rng = random.Random(seed)
        self.models = base_models()
        self.supported = supported_operators()
        self.outcomes: Counter[str] = Counter()
        self.failures: list[str] = []

    def step(self) -> None:
        """Try one damaged model."""
        self.path.write_bytes(damaged(self.rng, self.models))
        status = self.in_fork()
        if os.WIFSIGNALED(status):
            name = signal.Signals(os.WTERMSIG(status)).name
            self.outcomes[f"died of {name}"] += 1
            self.judge(self.in_sandbox(), name)
        else:
            code = os.WEXITSTATUS(status)
            self.outcomes[{ACCEPTED: "accepted", REFUSED: "refused"}.get(code, "failed")] += 1
            self.judge("" if code in (ACCEPTED, REFUSED) else f"exit status {code}", "fork")

    def judge(self, problem: str, where: str) -> None:
        """Keep a failure and the file that caused it."""
        if problem:
            kept = self.path.with_name(f"failure{len(self.failures)}.onnx")
            kept.write_bytes(self.path.read_bytes())
            log = self.path.with_suffix(".log")
            reason = log.read_text().strip().splitlines()[-1:] if log.exists() else []
            self.failures.append(f"{kept} ({where}): {problem} {' '.join(reason)}")

    def in_fork(self) -> int:
        """The wait status of a child that tries the file."""
        self.path.with_suffix(".log").unlink(missing_ok=True)
        child = os.fork()
        if child == 0:
            os._exit(self.attempt())
        deadline = time.monotonic() + SECONDS_EACH
        while time.monotonic() < deadline:
            finished, status = os.waitpid(child, os.WNOHANG)
            if finished:
                return status
            time.sleep(0.002)
        os.kill(child, signal.SIGKILL)
        return os.waitpid(child, 0)[1]

    def attempt(self) -> int:
        """In the child: try the file and say how it went."""
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_EACH, MEMORY_EACH))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        try:
            with silence():
                prepare(self.path, None, None, self.supported)
            return ACCEPTED
        except (InputError, UsageError, MemoryError):
            return REFUSED
        except BaseException:  # noqa: BLE001 - the parent judges whatever it is
            self.path.with_suffix(".log").write_text(traceback.format_exc())
            return BUG

    def in_sandbox(self) -> str:
        """What is wrong with how `load_model` takes a file that kills a process; nothing, hopefully."""
        try:
            load_model(self.path)
        except (InputError, UsageError):
            return ""
        except Exception as error:  # noqa: BLE001 - reported with the file that caused it
            return f"{type(error).__name__}: {error}"
        return ""


@contextmanager
def silence() -> Iterator[None]:
    """Native libraries write to the terminal; here to nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    yield


def fuzz(folder: Path, seed: int, seconds: float, most: int) -> Fuzzer:
    """Try damaged models until the time or the number is used up."""
    fuzzer = Fuzzer(folder, seed)
    deadline = time.monotonic() + seconds
    for _ in range(most):
        if time.monotonic() > deadline:
            break
        fuzzer.step()
    return fuzzer
