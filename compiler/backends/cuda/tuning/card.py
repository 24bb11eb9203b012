"""Where tiles are timed: on a card of this machine, or of one that serves its measurements over the network."""

from __future__ import annotations

import json
import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Protocol

from zcc.compiler.backends.common.measuring.device import MeasuringDeviceLost
from zcc.compiler.ir.tensors import Array
from zcc.runtime.errors import TuningError, ZccError
from zcc.runtime.executors.cuda import CudaExecutor
from zcc.runtime.executors.cuda_program import Program
from zcc.runtime.executors.cuda_timing import in_a_row, replay

FIRST = "cuda:0"
TIMES = 9  # how often each launch is timed, many of them in a row
REPLAYS, TOGETHER = 15, 20  # the same of the network
TIME_ON_CARD = "zcc.time_on_card"  # what a machine with a card is asked
TRIES = 3  # a machine that was taken, or whose session broke off, is asked again


@dataclass(frozen=True)
class Trial:
    """A network's kernels as a program, what its input holds, and the launches to time alone; of none, the network."""

    program: Program
    image: Array
    launches: tuple[int, ...] = ()


class Card(Protocol):
    """A card that times programs."""

    def time(self, trial: Trial) -> Sequence[float]:
        """Seconds of each launch, repeated in a row; of no launches, of the network as a graph."""
        ...


@dataclass(frozen=True)
class CardHere:
    """A card of this machine."""

    device: str = FIRST

    def time(self, trial: Trial) -> list[float]:
        """As the contract says, behind one run of the network: numbers are as they would be, none is zero for ever."""
        executor = CudaExecutor(trial.program, self.device)
        try:
            executor.write("input", trial.image)
            replay(executor, ("network",), 1)
            if not trial.launches:
                return [median(replay(executor, ("network",), REPLAYS, TOGETHER).tolist())]
            launches = trial.program.plan.launches
            return [in_a_row(executor, launches[number], TIMES) for number in trial.launches]
        finally:
            executor.close()


@dataclass(frozen=True)
class CardElsewhere:
    """A card of whichever machine of a runner is free."""

    address: Any  # an RpcAddress; TVM's RPC needs packages of its own

    def time(self, trial: Trial) -> list[float]:
        """As the contract says, by the machine's own clock."""
        asked = bytearray(pickle.dumps(trial))
        for left in reversed(range(TRIES)):
            try:
                told = json.loads(self.address.connect().ask(TIME_ON_CARD, asked))
            except MeasuringDeviceLost as lost:
                if not left:
                    raise TuningError(str(lost), "look at what `zcc tune-server` says there") from lost
                continue
            if "error" in told:
                raise TuningError(f"the machine that measures says: {told['error']}", "name another with --runner")
            return [float(seconds) for seconds in told["seconds"]]
        raise AssertionError("the last try returns or raises")


def time_on_card(asked: bytes) -> str:
    """What a machine with a card answers: seconds as JSON, or what went wrong.

    Whoever can ask it can run code here anyway (`zcc tune-server`), so what is asked is unpickled.
    """
    trial: Trial = pickle.loads(bytes(asked))
    try:
        return json.dumps({"seconds": CardHere().time(trial)})
    except ZccError as error:
        return json.dumps({"error": str(error)})
