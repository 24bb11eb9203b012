"""A card that is asked over the network: a tracker and a server on loopback, real kernels behind a pretended driver."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from tests.compiler.backends.cpu.tuning.machines import Machines, machines
from tests.compiler.backends.cuda.host_device import needs_compiler
from tests.runtime.executors.pretended import SPEC, driver_library, program
from zcc.compiler.backends.cuda.targets import TARGETS
from zcc.compiler.backends.cuda.tuning.card import CardElsewhere, Trial
from zcc.compiler.backends.cuda.tuning.tuner import CudaTuner
from zcc.runtime.errors import TuningError
from zcc.runtime.executors.cuda_timing import IN_A_ROW

pytestmark = needs_compiler
TARGET = TARGETS["cuda:sm_90"]
PRETENDED = 0.5e-3  # seconds that the driver says have passed between any two events


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    """A tracker with one server, which has a card."""
    folder = tmp_path_factory.mktemp("card")
    with machines(folder, "card") as one:
        one.start(LD_LIBRARY_PATH=str(driver_library()))
        one.wait(1)
        yield one


@pytest.fixture(scope="module")
def trial() -> Trial:
    """The program of the pretended card: a letterbox, a network of one launch, and what is behind it."""
    return Trial(program(), np.zeros((SPEC.height, SPEC.width, 4), np.float16))


def test_a_machine_with_a_card_times_launches_and_the_network(served: Machines, trial: Trial) -> None:
    [card] = CudaTuner().devices(TARGET, served.runner)
    [network] = trial.program.plan.indices_of(("network",))
    assert list(card.time(replace(trial, launches=(network,)))) == [pytest.approx(PRETENDED / IN_A_ROW)]
    assert 0 < card.time(trial)[0] < PRETENDED


def test_what_the_machine_cannot_do_is_said_in_its_words(served: Machines, trial: Trial) -> None:
    [card] = CudaTuner().devices(TARGET, served.runner)
    younger = replace(trial, program=replace(trial.program, plan=replace(trial.program.plan, arch="sm_120")))
    with pytest.raises(TuningError, match=r"the machine that measures says: .*sm_120.*--runner"):
        card.time(younger)


def test_a_session_that_breaks_off_is_begun_anew_and_given_up_at_last(served: Machines, trial: Trial) -> None:
    [card] = CudaTuner().devices(TARGET, served.runner)
    assert isinstance(card, CardElsewhere)
    with pytest.raises(TuningError, match="gone"):
        card.time("no trial")  # type: ignore[arg-type]
    assert card.time(trial), "the machine still answers"
