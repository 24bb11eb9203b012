"""A plan that would read what is not there yet, or run over other memory, does not pass."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.runtime.executors.plans import BEGIN, END, LEFT, RIGHT, arena, launch, plan
from zcc.compiler.backends.cuda.check_plan import check_plan, find_faults
from zcc.runtime.errors import BuildError
from zcc.runtime.executors.plan import Launch, Place, Plan, Range

WRONG: dict[str, tuple[Plan, str]] = {
    "an edge is missing": (plan(BEGIN, replace(LEFT, after=()), RIGHT, END), "may run at once"),
    "a read without an edge to what wrote": (plan(BEGIN, LEFT, RIGHT, replace(END, after=(1,))), "may run at once"),
    "a read of what nobody wrote": (plan(BEGIN, replace(LEFT, reads=(arena(0, 260),)), RIGHT, END), "reads arena 256"),
    "a hole between two writes": (
        plan(BEGIN, LEFT, replace(RIGHT, writes=(arena(516, 768),)), END),
        "reads arena 512..516",
    ),
    "branches that share memory": (plan(BEGIN, LEFT, replace(RIGHT, writes=(arena(500, 768),)), END), "500..512"),
    "a write over what a branch still reads": (
        plan(BEGIN, LEFT, replace(RIGHT, writes=(arena(0, 16),)), replace(END, reads=(arena(256, 512),))),
        "0..16",
    ),
    "a write over what the beginning reads": (
        plan(BEGIN, replace(LEFT, writes=(Range("parameters", 0, 4),))),
        "not for",
    ),
    "a write into the weights": (plan(BEGIN, replace(LEFT, writes=(Range("weights", 0, 4),))), "not for launches"),
    "a circle": (
        plan(BEGIN, replace(LEFT, after=(2,)), replace(RIGHT, after=(1,)), END),
        "waits for itself or a later",
    ),
    "a wait for itself": (plan(replace(BEGIN, after=(0,))), "waits for itself"),
    "a read past the region": (plan(BEGIN, replace(LEFT, reads=(arena(0, 1025),))), "which has 1024 bytes"),
    "an empty range": (plan(BEGIN, replace(LEFT, reads=(arena(8, 8),))), "reads arena 8..8"),
    "a place past the region": (plan(BEGIN, replace(LEFT, arguments=(Place("arena", 2000),))), "is given arena"),
    "too many threads": (plan(replace(BEGIN, block=(1024, 2, 1))), "blocks of"),
    "too deep a block": (plan(replace(BEGIN, block=(1, 1, 65))), "blocks of"),
    "too high a grid": (plan(replace(BEGIN, grid=(1, 65536, 1))), "a grid of"),
    "too much shared memory": (plan(replace(BEGIN, shared_bytes=232449)), "232449 bytes of shared memory"),
    "too much for that architecture": (
        replace(plan(replace(BEGIN, shared_bytes=65537)), arch="sm_75"),
        "sm_75 has 65536",
    ),
    "an unknown module": (plan(replace(BEGIN, module="other")), "no module other"),
}


def test_a_right_plan_passes() -> None:
    check_plan(plan())


def test_an_order_by_way_of_others_is_one() -> None:
    last = launch("last", [arena(0, 256), Range("result", 0, 256)], [arena(0, 128)], (3,))
    check_plan(plan(BEGIN, LEFT, RIGHT, END, last))


def test_what_is_zero_from_the_start_may_be_read() -> None:
    counter = launch("count", [arena(1000, 1024)], [arena(1000, 1024)])
    check_plan(plan(counter))
    assert list(find_faults(replace(plan(counter), zeroed=())))


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_plan_fails(what: str) -> None:
    wrong, told = WRONG[what]
    with pytest.raises(BuildError, match="the launch plan is wrong") as raised:
        check_plan(wrong)
    assert told in str(raised.value)


def test_many_faults_are_counted() -> None:
    far: Launch = replace(LEFT, reads=tuple(arena(5000 + k, 5001 + k) for k in range(9)))
    with pytest.raises(BuildError, match=r"and \d+ more"):
        check_plan(plan(BEGIN, far))
