"""int8 on CUDA has the bytes of int8 on CPUs: whole random networks, whose maps both make."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.compiler.backends.cuda.interpreter import Machine
from tests.compiler.backends.cuda.random_bytes import bytes_network
from zcc.compiler.backends.cuda.pipeline import lower_network
from zcc.compiler.backends.cuda.targets import Capability


@pytest.mark.parametrize("seed", range(4))
def test_bytes_are_those_of_the_cpu(seed: int, tmp_path: Path) -> None:
    case = bytes_network(seed, tmp_path)
    case.assert_equal(Machine(lower_network(case.network, Capability(90), "int8")).run(case.image)[0])
