"""Which variant is taken, and what is said of those that cannot be."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from tests.registry.samples import artifact
from tests.runtime.samples import run_python
from zcc.runtime import host
from zcc.runtime.choice import Wish, choose, explain
from zcc.runtime.errors import IncompatibleHost, NotFound, UsageError
from zcc.runtime.manifest import Manifest, Measurement, Requirements
from zcc.runtime.obstacles import obstacle
from zcc.runtime.preference import Rated
from zcc.runtime.source import Candidate


@pytest.fixture
def runnable(tmp_path: Path) -> Manifest:
    """A manifest that this machine can run."""
    _, manifest = artifact(tmp_path / "a")
    return replace(manifest, requires=Requirements(host.system(), host.architecture(), (), version("apache-tvm")))


def rated(manifest: Manifest, dtype: str, ms: float, *figures: Measurement) -> Candidate:
    """A variant with a latency and these figures."""
    return candidate(manifest, dtype=dtype, measured=(latency(ms), *figures))


def labelled(value: float, pictures: str = "100 pictures of val") -> Measurement:
    return Measurement("map50_95", value, pictures)


def drop(value: float) -> Measurement:
    return Measurement("drop_map50_95", value, "points lost, fp32 has 0.8, 32 pictures of calib")


def candidate(manifest: Manifest, *later: float, features: int = 0, **changes: Any) -> Candidate:
    """A candidate, with latencies measured after it was published."""
    names = tuple(sorted(host.cpu_features()))[:features]
    changed = replace(manifest, requires=replace(manifest.requires, features=names), **changes)
    return Candidate(changed, Path("/nowhere"), tuple(latency(value) for value in later))


def latency(value: float) -> Measurement:
    return Measurement("latency_ms", value, "made up")


def test_the_fastest_is_taken_by_the_latest_figure(runnable: Manifest) -> None:
    once_slow = candidate(runnable, 9.0, 3.0, dtype="int8", measured=(latency(20.0),))
    once_fast = candidate(runnable, 5.0, dtype="fp32", measured=(latency(1.0),))
    steady = candidate(runnable, dtype="bf16", measured=(latency(4.0),))
    for order in itertools.permutations((once_slow, once_fast, steady)):
        assert choose("yolo", order) is once_slow
    assert choose("yolo", (once_fast, steady)) is steady


def test_a_tie_within_the_spread_goes_to_the_more_accurate(runnable: Manifest) -> None:
    def spread(value: float) -> Measurement:
        return Measurement("latency_spread_ms", value, "made up")

    quick = rated(runnable, "int8", 5.0, spread(0.2), labelled(0.50))
    near = rated(runnable, "fp32", 5.15, spread(0.4), labelled(0.60))
    far = rated(runnable, "bf16", 5.25, spread(0.4), labelled(0.70))
    for order in itertools.permutations((quick, near, far)):
        assert choose("yolo", order) is near, "half of the larger spread is 0.2 ms"
    told = explain("yolo", (quick, near), Wish())
    assert "as fast as int8 for" in told.verdicts[0].why and "more accurate" in told.verdicts[0].why
    assert choose("yolo", (quick, near, far), prefer="most-accurate") is far
    unknown = rated(runnable, "fp32", 5.15, labelled(0.60))
    assert choose("yolo", (quick, unknown)) is quick, "nobody knows its spread"
    unjudged = rated(runnable, "fp32", 5.15, spread(0.4))
    assert choose("yolo", (quick, unjudged)) is quick, "nobody knows what it loses"


def test_unmeasured_ones_come_last_the_most_capable_first(runnable: Manifest) -> None:
    plain, wide = candidate(runnable, target="v2", features=1), candidate(runnable, target="v4", features=3)
    slow = candidate(runnable, 1e6, target="v3")
    assert choose("yolo", (plain, wide, slow)) is slow
    assert choose("yolo", (plain, wide)) is wide


def test_cards_and_processors_are_compared(runnable: Manifest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zcc.runtime.executors.cuda_obstacle.capabilities", lambda: [("a card", (9, 0))])
    built = replace(runnable, executor="cuda", requires=Requirements("any", "sm_90", (), "plan-1"))
    card = candidate(built, target="cuda:sm_90")
    wide = candidate(runnable, features=3)
    assert choose("yolo", (wide, card)) is card  # nobody measured either
    assert choose("yolo", (rated(runnable, "fp32", 5.0), card)).manifest.executor == "cpu"
    quick = candidate(built, 0.2, target="cuda:sm_90")
    assert choose("yolo", (rated(runnable, "fp32", 5.0), quick)) is quick
    assert choose("yolo", (rated(runnable, "fp32", 0.1), quick)).manifest.executor == "cpu"
    monkeypatch.setattr("zcc.runtime.executors.cuda_obstacle.capabilities", lambda: [])
    assert choose("yolo", (wide, card)) is wide


def test_equals_are_told_apart_whatever_their_order(runnable: Manifest) -> None:
    equals = [candidate(runnable, 5.0, dtype=dtype, target=target) for dtype in ("a", "b") for target in ("x", "y")]
    assert {id(choose("yolo", order)) for order in itertools.permutations(equals)} == {id(equals[0])}


def test_only_what_was_asked_for_is_taken(runnable: Manifest) -> None:
    variants = [candidate(runnable, dtype=dtype, target=target) for dtype in ("a", "b") for target in ("x", "y")]
    assert choose("yolo", variants, dtype="b").manifest.dtype == "b"
    assert choose("yolo", variants, target="y").manifest.target == "y"
    assert choose("yolo", variants, "b", "x") is variants[2]
    with pytest.raises(NotFound, match="a for x, a for y, b for x, b for y"):
        choose("yolo", variants, dtype="c")


@pytest.mark.parametrize(
    ("needs", "reason"),
    [
        ({"os": "plan9"}, f"it is for plan9, this is {host.system()}"),
        ({"arch": "riscv64"}, "it is for riscv64 processors"),
        ({"features": ("warp_drive", "fpu2")}, "this processor lacks fpu2, warp_drive"),
    ],
)
def test_what_cannot_run_is_refused_with_the_reason(runnable: Manifest, needs: dict[str, Any], reason: str) -> None:
    foreign = replace(runnable, dtype="int8", requires=replace(runnable.requires, **needs))
    assert reason in str(obstacle(foreign))
    with pytest.raises(IncompatibleHost, match=reason):
        choose("yolo", [Candidate(foreign, Path())])
    own = candidate(runnable, 1e9)
    assert choose("yolo", [Candidate(foreign, Path()), own]) is own
    with pytest.raises(IncompatibleHost, match="int8 for"):
        choose("yolo", [Candidate(foreign, Path()), own], dtype="int8")


def test_what_cannot_run_tells_what_the_host_is_and_has(runnable: Manifest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "cpu_features", lambda: frozenset({"avx2", "fma", "sse"}))
    requires = replace(runnable.requires, features=("avx2", "avx512f", "fma"))
    found = [Candidate(replace(runnable, dtype=dtype, target="x", requires=requires), Path()) for dtype in ("a", "b")]
    with pytest.raises(IncompatibleHost) as refused:
        choose("yolo", found)
    here = f"this host is {host.system()} on {host.architecture()} with avx2, fma"
    reasons = "; ".join(f"{dtype} for x: this processor lacks avx512f" for dtype in "ab")
    assert refused.value.problem == f"yolo cannot run here: {reasons}; {here}"


def test_of_two_wishes_the_preference_comes_second(runnable: Manifest) -> None:
    exact, quick = rated(runnable, "fp32", 9.0), rated(runnable, "int8", 3.0, drop(0.3))
    for order in itertools.permutations((exact, quick)):
        assert choose("yolo", order) is quick
        assert choose("yolo", order, prefer="most-accurate") is exact
        assert choose("yolo", order, "int8", prefer="most-accurate") is quick


@pytest.mark.parametrize(("points", "dtype"), [("0", "fp32"), ("0.1", "bf16"), ("0.29", "bf16"), ("0.3", "int8")])
def test_the_fastest_within_a_drop(runnable: Manifest, points: str, dtype: str) -> None:
    variants = [
        rated(runnable, "fp32", 9.0, drop(0.0)),
        rated(runnable, "bf16", 6.0, drop(0.1)),
        rated(runnable, "int8", 3.0, drop(0.3)),
        rated(runnable, "fp16", 1.0),  # nobody knows what it loses
    ]
    for order in itertools.permutations(variants):
        assert choose("yolo", order, prefer=f"fastest-within:{points}").manifest.dtype == dtype


def test_what_was_measured_on_the_same_pictures_is_compared_and_nothing_else(runnable: Manifest) -> None:
    """The int8 variant looks best, but was measured on easier pictures."""
    easy = rated(runnable, "int8", 3.0, labelled(0.99, "10 easy pictures"), labelled(0.80))
    other = rated(runnable, "bf16", 5.0, labelled(0.83))
    exact = rated(runnable, "fp32", 9.0, labelled(0.84))
    assert choose("yolo", [easy, other, exact], prefer="most-accurate") is exact
    lost = {each.candidate.manifest.dtype: each.lost for each in explain("yolo", [easy, other, exact], Wish()).verdicts}
    assert lost == pytest.approx({"int8": 4.0, "bf16": 1.0, "fp32": 0.0})
    only_easy = rated(runnable, "int8", 3.0, labelled(0.99, "10 easy pictures"))
    assert choose("yolo", [only_easy, other, exact], prefer="most-accurate") is exact
    with pytest.raises(NotFound, match=r"int8 for .*: nobody measured what it loses"):
        choose("yolo", [only_easy, other, exact], "int8", prefer="fastest-within:1")


def test_the_only_one_that_runs_is_the_most_accurate(runnable: Manifest) -> None:
    alone = rated(runnable, "int8", 3.0)
    assert choose("yolo", [alone], prefer="most-accurate") is alone
    assert choose("yolo", [alone], prefer="fastest-within:0") is alone


@pytest.mark.parametrize(
    "wish", ["", "best", "fastest:1", "fastest-within", "fastest-within:", "fastest-within:-1", "fastest-within:nan"]
)
def test_a_preference_that_means_nothing_is_refused(runnable: Manifest, wish: str) -> None:
    with pytest.raises(UsageError, match="write one of fastest, most-accurate, fastest-within:POINTS"):
        choose("yolo", [candidate(runnable)], prefer=wish)


def test_a_preference_may_be_of_the_users_own(runnable: Manifest) -> None:
    class Smallest:
        first = "the smallest"

        def objection(self, rated: Rated) -> str | None:
            return "too many" if rated.candidate.manifest.dtype == "fp32" else None

        def rank(self, rated: Rated) -> tuple[int]:
            return (rated.candidate.manifest.sizes["total"],)

    files = runnable.files
    small = candidate(runnable, dtype="int8", files=(replace(files[0], size=1), *files[1:]))
    large, refused = candidate(runnable, dtype="bf16"), candidate(runnable, dtype="fp32", files=())
    told = explain("yolo", [large, refused, small], Wish(prefer=Smallest()))
    assert [each.why for each in told.verdicts] == ["the smallest", f"{small.label} is the smallest", "too many"]
    assert told.chosen is small


def test_every_variant_is_explained(runnable: Manifest) -> None:
    foreign = replace(runnable.requires, features=("warp_drive",))
    variants = [
        rated(runnable, "fp32", 9.0, labelled(0.84)),
        Candidate(replace(runnable, dtype="bf16", requires=foreign), Path()),
        rated(runnable, "fp16", 5.0),
        rated(runnable, "int8", 3.0, labelled(0.80)),
    ]
    told = explain("yolo", variants, Wish(prefer="fastest-within:1"))
    assert {each.candidate.manifest.dtype: each.why for each in told.verdicts} == {
        "fp32": "the fastest within 1 points of the most accurate",
        "int8": "it loses 4.00 points",
        "fp16": "nobody measured what it loses",
        "bf16": "this processor lacks warp_drive",
    }
    lines = str(told).splitlines()
    assert lines[1].split() == ["*", "fp32", "x86-64-v4", "9.0", "0.840", "0.00", *told.verdicts[0].why.split()]
    assert len({line.rindex(each.why) for line, each in zip(lines[1:], told.verdicts, strict=True)}) == 1, "aligned"
    described = json.loads(json.dumps(told.describe()))
    assert described["chosen"] == variants[0].manifest.digest
    assert [each["taken"] for each in described["variants"]] == [True, False, False, False]
    assert {each["dtype"]: each["points_lost"] for each in described["variants"]} == pytest.approx(
        {"fp32": 0.0, "int8": 4.0, "fp16": None, "bf16": None}
    )
    only = explain("yolo", variants, Wish(dtype="bf16"))
    assert only.chosen is None
    assert {each.why for each in only.verdicts} == {"bf16 was asked for", "this processor lacks warp_drive"}


def test_what_does_not_fit_into_memory_is_passed_over(runnable: Manifest, tmp_path: Path) -> None:
    large = replace(runnable, dtype="fp32", workspace={"detect": 1 << 60})
    assert "MB of memory, and" in str(obstacle(large))
    assert obstacle(runnable) is None
    with pytest.raises(IncompatibleHost, match="free some memory"):
        choose("yolo", [Candidate(large, tmp_path)])


def test_a_process_holds_one_runtime(runnable: Manifest) -> None:
    """In a process of its own, which holds none at first, and then the one of the compiler's TVM."""
    code = """
import sys
from zcc.runtime.manifest import Manifest
from zcc.runtime.obstacles import obstacle
other = Manifest.from_json(sys.argv[1])
print(obstacle(other))
assert "tvm_ffi" not in sys.modules, "asking loads nothing"
import tvm
print(obstacle(other).reason)
"""
    other = replace(runnable, requires=replace(runnable.requires, runtime="9.9"))
    first, second = run_python(code, other.to_json()).splitlines()
    assert first == "None"
    assert second == f"it needs TVM's runtime 9.9, and this process has loaded {version('apache-tvm')}"


def foreign(
    manifest: Manifest, dtype: str, claim: float, *here: float, figures: tuple[Measurement, ...] = ()
) -> Candidate:
    """A variant that was built and measured elsewhere, perhaps here as well."""
    built = replace(manifest, dtype=dtype, measured=(latency(claim), *figures))
    return Candidate(built, Path("/nowhere"), tuple(map(latency, here)), claimed=(latency(claim / 2),), foreign=True)


def test_what_is_said_elsewhere_does_not_beat_what_was_measured_or_built_here(runnable: Manifest) -> None:
    own, unmeasured = rated(runnable, "fp32", 50.0), candidate(runnable, dtype="bf16")
    claiming, tried = foreign(runnable, "int8", 0.01), foreign(runnable, "fp16", 0.01, 90.0)
    for order in itertools.permutations((own, unmeasured, claiming, tried)):
        assert choose("yolo", order) is own
    assert choose("yolo", [claiming, unmeasured]) is unmeasured
    assert choose("yolo", [claiming, tried]) is tried, "90 ms here say more than 0.01 elsewhere"
    assert choose("yolo", [own, foreign(runnable, "fp16", 90.0, 5.0)]).manifest.dtype == "fp16"


def test_where_everything_is_from_elsewhere_its_figures_decide(runnable: Manifest) -> None:
    slow, fast = foreign(runnable, "fp32", 9.0), foreign(runnable, "int8", 3.0)
    for order in itertools.permutations((slow, fast)):
        assert choose("yolo", order) is fast


def test_what_is_said_elsewhere_of_accuracy_does_not_win_either(runnable: Manifest) -> None:
    own, also = rated(runnable, "fp32", 9.0, labelled(0.8)), rated(runnable, "bf16", 5.0, labelled(0.79))
    claiming = foreign(runnable, "int8", 0.01, 0.5, figures=(labelled(0.99), drop(-20.0)))
    exact = foreign(runnable, "fp32", 0.01, figures=(labelled(0.99),))
    for order in itertools.permutations((own, also, claiming, exact)):
        assert choose("yolo", order, prefer="most-accurate") is own
        assert choose("yolo", order, prefer="fastest-within:2") is also
    both = [
        foreign(runnable, "fp32", 9.0, figures=(labelled(0.8),)),
        foreign(runnable, "int8", 3.0, figures=(labelled(0.7),)),
    ]
    assert choose("yolo", both, prefer="most-accurate") is both[0]


def test_an_explanation_tells_whose_figures_they_are(runnable: Manifest) -> None:
    told = explain("yolo", [rated(runnable, "fp32", 50.0), foreign(runnable, "int8", 4.0)], Wish())
    own, claiming = told.verdicts
    assert claiming.why == "fp32 for x86-64-v4 is the fastest that runs here, and was measured here"
    assert "(2.0)" in str(told).splitlines()[2] and " 50.0 " in str(told).splitlines()[1]
    assert (own.describe()["latency_here"], claiming.describe()["latency_here"]) == (True, False)
