"""Searches on other machines: TVM's tracker and our servers on loopback, crashed and killed in the middle."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.cli.process import run_zcc
from tests.compiler.backends.cpu.tuning.kernels import TARGET, TILES, Sizes, direct, shaky, task
from tests.compiler.backends.cpu.tuning.machines import HOST, Machines, end, machines
from tests.compiler.backends.cpu.tuning.searching import Told, known_forms, search
from zcc.commands.tune_server import tune_server
from zcc.compiler.backends.common.measuring.addresses import find_addresses
from zcc.compiler.backends.common.measuring.device import Here
from zcc.compiler.backends.cpu.forms.records import read_records
from zcc.compiler.backends.cpu.forms.workload import workload_key
from zcc.compiler.backends.cpu.kernels.choices import write_choice
from zcc.compiler.backends.cpu.targets.table import TARGETS
from zcc.compiler.backends.cpu.tuning.kernel_task import CpuSearch, KernelTask
from zcc.runtime.errors import TuningError, UsageError


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    """A tracker with two servers."""
    with machines(tmp_path_factory.mktemp("logs")) as two:
        two.start()
        two.start()
        two.wait(2)
        yield two


class Killer(Told):
    """Ends one of the servers as soon as something was measured."""

    def __init__(self, machines: Machines) -> None:
        super().__init__()
        self.machines = machines

    def measured(self, search: CpuSearch, task: KernelTask) -> None:
        """The first time, a server goes with all its processes."""
        if not self.batches:
            end(self.machines.servers[1])
        super().measured(search, task)


@pytest.mark.waits
def test_a_search_goes_on_when_a_form_crashes_a_server_and_when_one_is_killed(served: Machines, tmp_path: Path) -> None:
    devices = find_addresses(served.runner, TARGET)
    assert len(devices) == 2
    crashing = shaky(Sizes()).faulty("crashes", TILES[1])
    sound = [task(direct(Sizes((1, 2), (5, 4 + number))), TILES[:2]) for number in range(3)]
    told = Killer(served)
    done = search(tmp_path, [*sound, task(crashing, TILES[:2])], told=told, devices=devices)
    assert (done.tried, done.left, done.failed) == (8, 0, 1)
    [note] = told.notes
    assert write_choice(TILES[1]) in note
    assert "the machine that measured it is gone" in note
    records = read_records(tmp_path)[workload_key(crashing)].records
    assert {choice: record.failed for choice, record in records.items()} == {
        write_choice(TILES[0]): False,
        write_choice(TILES[1]): True,
    }
    assert known_forms(tmp_path) == 8
    served.wait(1)
    assert "starting it anew" in served.log(0), "a server that crashed serves again"
    assert served.servers[0].poll() is None


def test_a_key_that_nobody_serves_is_told(served: Machines) -> None:
    with pytest.raises(
        TuningError, match=f"no machine serves other at {HOST}:{served.port}; start some: zcc tune-server"
    ):
        find_addresses(f"rpc://{HOST}:{served.port}/other", TARGET)


def test_a_tracker_that_is_not_there_is_told() -> None:
    with pytest.raises(TuningError, match=re.escape(f"no tracker answers at {HOST}:1 ")):
        find_addresses(f"rpc://{HOST}:1/here", TARGET)


@pytest.mark.parametrize("runner", ["", "here", "rpc://", "rpc://a/b", "rpc://a:b/c", "http://a:1/c", "rpc://a:1/c d"])
def test_what_is_no_url_of_machines_is_refused(runner: str) -> None:
    with pytest.raises(UsageError, match="write rpc://TRACKER:PORT/KEY"):
        find_addresses(runner, TARGET)


def test_without_a_runner_kernels_are_measured_here_or_not_at_all() -> None:
    [here] = find_addresses(None, TARGET)
    assert isinstance(here, Here)
    for target in TARGETS.values():
        if not target.runs_here():
            with pytest.raises(UsageError, match=f"kernels for {target.name} cannot be timed on this machine"):
                find_addresses(None, target)


@pytest.mark.parametrize("tracker", ["", "here", "here:", ":1", "here:there"])
def test_a_server_wants_the_address_of_a_tracker(tracker: str) -> None:
    done = CliRunner().invoke(tune_server, ["--tracker", tracker, "--key", "here"])
    assert done.exit_code == 2
    assert "write HOST:PORT" in done.output.splitlines()[-1]


def test_a_server_that_cannot_listen_says_so() -> None:
    done = run_zcc("tune-server", "--tracker", f"{HOST}:1", "--key", "here", "--host", "203.0.113.1")
    assert done.returncode == 1
    assert "203.0.113.1" in done.stderr.splitlines()[-1]
    assert "name others: --host, --port" in done.stderr.splitlines()[-1]
