"""Searches in processes that are interrupted, killed and run side by side: no record is lost, none is made twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.compiler.backends.cpu.tuning.databases import content, open_database
from tests.compiler.backends.cpu.tuning.searching import FORMS, KERNELS, known_forms
from zcc.compiler.backends.cpu.forms.records import read_records, write_records

ALL = KERNELS * len(FORMS)
PATIENCE = 180


@contextmanager
def searching(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A search in a process group of its own, as a terminal starts it."""
    command = [sys.executable, "-m", "tests.compiler.backends.cpu.tuning.searching", str(folder)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def wait_for(process: subprocess.Popen[str], word: str) -> str:
    """The next line that begins with the word."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(word):
            return line.strip()
    raise AssertionError(f"it never said {word!r}")


def assert_gone(processes: list[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(processes, timeout=PATIENCE)
    assert alive == []


@pytest.mark.waits
def test_ctrl_c_keeps_the_records_in_order_and_leaves_no_process(tmp_path: Path) -> None:
    with searching(tmp_path) as process:
        wait_for(process, "tried")
        workers = psutil.Process(process.pid).children(recursive=True)
        os.killpg(process.pid, signal.SIGINT)
        _, stderr = process.communicate(timeout=PATIENCE)
    assert process.returncode != 0
    assert stderr.strip().splitlines()[-1] == "KeyboardInterrupt"
    assert stderr.count("Traceback") == 1, "a process that measures says nothing of Ctrl-C"
    assert_gone(workers)
    kept = known_forms(tmp_path)
    assert len(FORMS) <= kept < ALL
    before = content(tmp_path)
    write_records(tmp_path, read_records(tmp_path))
    assert content(tmp_path) == before


def test_ctrl_c_before_anything_was_measured(tmp_path: Path) -> None:
    with searching(tmp_path) as process:
        deadline = time.monotonic() + PATIENCE
        while not psutil.Process(process.pid).children() and time.monotonic() < deadline:
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        _, stderr = process.communicate(timeout=PATIENCE)
    assert stderr.strip().splitlines()[-1] == "KeyboardInterrupt"
    assert stderr.count("Traceback") == 1
    assert known_forms(tmp_path) == 0


@pytest.mark.waits
def test_a_search_waits_for_another_and_goes_on_where_that_was_killed(tmp_path: Path) -> None:
    with searching(tmp_path) as first, searching(tmp_path) as second:
        told = {process: wait_for(process, "") for process in (first, second)}
        [waiting] = [process for process, line in told.items() if line.startswith("note")]
        [holder] = [process for process in told if process is not waiting]
        assert told[waiting] == "note another search writes to these records; waiting for it"
        assert told[holder].startswith("tried")
        workers = psutil.Process(holder.pid).children(recursive=True)
        assert psutil.Process(waiting.pid).children() == [], "it measures while it should wait"
        holder.kill()
        holder.wait()
        assert_gone(workers)
        rest, stderr = waiting.communicate(timeout=PATIENCE)
        assert waiting.returncode == 0, stderr
    *_, tried, done = rest.strip().splitlines()
    assert done == "done"
    assert known_forms(tmp_path) == ALL
    left = int(tried.removeprefix("tried "))
    assert 0 < left <= ALL - len(FORMS), "forms were measured twice"
    assert len(open_database(tmp_path).get_all_tuning_records()) == ALL
