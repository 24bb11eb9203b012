"""Tuning records: MetaSchedule's own database opens what zcc writes, zcc reads what it appends, and nothing is lost."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tvm.s_tir import Schedule

from tests.compiler.backends.cpu.tuning.databases import FAILED, append, content, open_database
from tests.compiler.backends.cpu.tuning.kernels import TARGET, TILES, Sizes, direct
from zcc.compiler.backends.cpu.forms.records import (
    RECORDS,
    WORKLOADS,
    Database,
    Kernel,
    Record,
    best_only,
    digest,
    merged,
    read_records,
    write_records,
)
from zcc.compiler.backends.cpu.forms.workload import chosen_in, describe_kernel, make_workload, workload_key
from zcc.compiler.backends.cpu.kernels.choices import write_choice
from zcc.runtime.errors import TuningError

ONE, OTHER, THIRD = direct(Sizes()), direct(Sizes((2, 1), (3, 4), 1)), direct(Sizes((1, 1), (6, 6), 3, 2))
A, B, C, D, E = map(write_choice, TILES)
TIMES = list(zip(TILES, (3e-3, 1e-3, FAILED, 2e-3), strict=False))


def seconds_of(database: Database, spec: Any) -> dict[str, float]:
    return {choice: record.seconds for choice, record in database[workload_key(spec)].records.items()}


@pytest.fixture
def known(tmp_path: Path) -> Path:
    """A folder with two kernels, as a search leaves it."""
    append(tmp_path / "known", ONE, TIMES)
    append(tmp_path / "known", OTHER, TIMES[:2])
    return tmp_path / "known"


def test_what_metaschedule_appends_is_read(known: Path) -> None:
    database = read_records(known)
    assert seconds_of(database, ONE) == {A: 3e-3, B: 1e-3, C: FAILED, D: 2e-3}
    assert seconds_of(database, OTHER) == {A: 3e-3, B: 1e-3}
    assert [kernel.description for kernel in database.values()] == [describe_kernel(ONE), describe_kernel(OTHER)]
    assert [record.failed for record in database[workload_key(ONE)].records.values()] == [False, False, True, False]


def test_metaschedule_opens_what_is_written(known: Path) -> None:
    write_records(known, read_records(known))
    opened = open_database(known)
    assert len(opened.get_all_tuning_records()) == 6
    for spec in (ONE, OTHER):
        assert opened.has_workload(make_workload(spec))
        best = opened.query_tuning_record(make_workload(spec), TARGET.tvm_target(), "kernel")
        assert [float(value) for value in best.run_secs] == [1e-3]
        sch = Schedule(best.workload.mod)
        best.trace.apply_to_schedule(sch, remove_postproc=False)
        assert chosen_in(sch.mod) == TILES[1]
    assert not opened.has_workload(make_workload(THIRD))


def test_metaschedule_goes_on_with_what_is_written(known: Path) -> None:
    write_records(known, read_records(known))
    append(known, OTHER, [(TILES[3], 5e-4)])
    append(known, THIRD, [(TILES[0], 7e-4)])
    database = read_records(known)
    assert seconds_of(database, ONE) == {A: 3e-3, B: 1e-3, C: FAILED, D: 2e-3}
    assert seconds_of(database, OTHER) == {A: 3e-3, B: 1e-3, D: 5e-4}
    assert seconds_of(database, THIRD) == {A: 7e-4}


def test_nothing_there_is_no_records(tmp_path: Path) -> None:
    assert read_records(tmp_path) == read_records(tmp_path / "absent") == {}


def test_writing_again_gives_the_same_bytes_and_no_draft_stays(known: Path) -> None:
    write_records(known, read_records(known))
    first = content(known)
    write_records(known, read_records(known))
    assert content(known) == first
    assert sorted(path.name for path in known.iterdir()) == [RECORDS, WORKLOADS]


def test_the_order_of_insertion_does_not_matter(tmp_path: Path) -> None:
    measured = [(spec, pair) for spec in (ONE, OTHER, THIRD) for pair in [*TIMES, (TILES[0], 4e-3)]]
    written = []
    for turn in range(3):
        random.Random(turn).shuffle(measured)
        folder = tmp_path / str(turn)
        for spec, pair in measured:
            append(folder, spec, [pair])
        write_records(folder, read_records(folder))
        written.append(content(folder))
    assert written[0] == written[1] == written[2]
    lines = [json.loads(line) for line in written[0][1].splitlines()]
    assert len(lines) == 12, "a form that was measured twice is kept once"
    order = [(index, line[1][0]) for index, line in lines]
    assert order == sorted(order)


def test_half_a_line_is_dropped_and_nothing_else(known: Path) -> None:
    """Wherever a killed search stopped writing."""
    write_records(known, read_records(known))
    whole = (known / RECORDS).read_bytes()
    lines = whole.splitlines(keepends=True)
    before = read_records(known)
    for cut in (1, 20, len(lines[-1]) // 2, len(lines[-1]) - 2):
        (known / RECORDS).write_bytes(whole[: len(whole) - len(lines[-1]) + cut])
        after = read_records(known)
        assert sum(len(kernel.records) for kernel in after.values()) == len(lines) - 1
        assert all(kernel.records.items() <= before[key].records.items() for key, kernel in after.items())
    (known / RECORDS).write_bytes(whole[:-1])
    assert read_records(known) == before, "a whole line counts, whether or not its end was written"


def test_half_a_kernel_is_dropped_and_nothing_else(known: Path) -> None:
    """A kernel is written before the first of its records."""
    append(known, THIRD, [])
    before = (known / WORKLOADS).read_bytes()
    (known / WORKLOADS).write_bytes(before[:-100])
    database = read_records(known)
    assert set(database) == {workload_key(ONE), workload_key(OTHER)}


@pytest.mark.parametrize(
    "damage",
    [
        *(b"", b"<<<<<<< HEAD", b"5", b"null", b"{}", b"[]", b"[0]", b"[0,5]", b'["0",[[],[1.0]]]', b"\xff\xfe\x00"),
        *(b"[99,[[[],[]],[1.0],{},null]]", b"[-1,[[[],[]],[1.0],{},null]]", b"[0,[[[],[]],[1.0],{},null]]"),
    ],
)
@pytest.mark.parametrize("name", [RECORDS, WORKLOADS])
def test_other_damage_is_an_error_that_names_the_line(known: Path, name: str, damage: bytes) -> None:
    """What cannot be read is not thrown away: it may be somebody's half-merged change."""
    lines = (known / name).read_bytes().splitlines()
    lines[1] = damage
    (known / name).write_bytes(b"\n".join(lines) + b"\n")
    kept = content(known)
    with pytest.raises(TuningError, match=f"line 2 of {known / name}"):
        read_records(known)
    assert content(known) == kept


def test_a_form_that_ever_failed_is_not_to_be_trusted(tmp_path: Path) -> None:
    for folder, times in (("before", (FAILED, 1e-3)), ("after", (1e-3, FAILED))):
        append(tmp_path / folder, ONE, [(TILES[1], seconds) for seconds in times])
        assert seconds_of(read_records(tmp_path / folder), ONE) == {B: FAILED}


def kernel(**seconds: float) -> Kernel:
    """A kernel with records of forms a to e, as if read from a file."""
    return Kernel("", {name: Record(name, value, ([], [value], {}, None)) for name, value in seconds.items()})


def test_merging_keeps_the_ratios_of_both() -> None:
    """The second was measured on a machine, or a day, half as quick."""
    database = merged({"1": kernel(a=1.0, b=2.0)}, {"1": kernel(a=2.0, b=4.0, c=1.0), "2": kernel(a=8.0)})
    found = {record.choice: record.seconds for record in database["1"].records.values()}
    assert found == pytest.approx({"a": 1.0, "b": 2.0, "c": 0.5})
    assert [record.line[1] for record in database["1"].records.values()] == [[1.0], [2.0], [0.5]]
    assert database["2"].records["a"].seconds == 8.0


def test_merging_without_a_form_in_common_takes_seconds_as_they_are() -> None:
    database = merged({"1": kernel(a=1.0, b=FAILED)}, {"1": kernel(c=3.0, b=5.0)})
    found = {record.choice: record.seconds for record in database["1"].records.values()}
    assert found == {"a": 1.0, "b": FAILED, "c": 3.0}


def test_merging_changes_neither() -> None:
    one, other = {"1": kernel(a=1.0)}, {"1": kernel(a=2.0, b=1.0)}
    before = digest(one), digest(other)
    merged(one, other)
    assert (digest(one), digest(other)) == before


times = st.one_of(st.floats(1e-6, 1e-2), st.just(FAILED))
kernels = st.dictionaries(st.sampled_from("abcde"), times, min_size=1).map(lambda known: kernel(**known))
databases = st.dictionaries(st.sampled_from("123"), kernels)


@given(databases, databases)
def test_merging_loses_no_form_and_invents_none(one: Database, other: Database) -> None:
    result = merged(one, other)
    assert set(result) == set(one) | set(other)
    for key, found in result.items():
        sources = [database[key].records for database in (one, other) if key in database]
        assert set(found.records) == {name for source in sources for name in source}
        for name, record in found.records.items():
            assert record.failed == any(source[name].failed for source in sources if name in source)


@given(databases)
def test_merging_with_itself_or_nothing_changes_nothing(database: Database) -> None:
    assert digest(merged(database)) == digest(merged(database, {})) == digest(merged({}, database)) == digest(database)
    for key, found in merged(database, database).items():
        for name, record in found.records.items():
            assert record.seconds == pytest.approx(database[key].records[name].seconds)


OFFERED = "abcde"


def test_the_quickest_form_is_best_but_never_a_failed_one() -> None:
    assert kernel(a=3.0, b=1.0, c=FAILED).best("a", OFFERED) == "b"
    assert kernel(a=3.0, b=FAILED).best("a", OFFERED) is None
    assert kernel(a=FAILED, b=FAILED).best("a", OFFERED) is None
    assert kernel(a=FAILED, b=3.0).best("a", OFFERED) == "b"
    assert kernel(b=3.0).best("a", OFFERED) == "b", "the default need not be known"
    assert kernel(a=1.0, b=3.0).best("a", OFFERED) is None


def test_what_is_hardly_quicker_than_the_default_is_not_taken() -> None:
    assert kernel(a=1.0, b=0.995).best("a", OFFERED) is None
    assert kernel(a=1.0, b=0.98).best("a", OFFERED) == "b"


def test_forms_that_the_template_does_not_offer_any_more_are_passed_over() -> None:
    assert kernel(a=3.0, b=2.0, z=1.0).best("a", OFFERED) == "b"
    assert kernel(z=1.0).best("a", OFFERED) is None
    assert kernel(b=2.0, z=1.0).best("a", OFFERED) is None, "the default may be what z has become"
    assert kernel(b=1.0, z=2.0).best("a", OFFERED) == "b"


def test_best_only_keeps_what_a_compile_needs() -> None:
    slim = best_only({"1": kernel(a=3.0, b=1.0, c=FAILED), "2": kernel(a=FAILED), "3": kernel(a=1.0)})
    assert {key: list(found.records) for key, found in slim.items()} == {"1": ["b"], "3": ["a"]}


def test_the_digest_tells_content_and_nothing_else(known: Path, tmp_path: Path) -> None:
    first = digest(read_records(known))
    write_records(known, read_records(known))
    assert digest(read_records(known)) == first
    append(tmp_path / "reversed", OTHER, TIMES[1::-1])
    append(tmp_path / "reversed", ONE, TIMES[::-1])
    assert digest(read_records(tmp_path / "reversed")) == first
    changed = {digest(merged(read_records(known), {"1": kernel(a=1.0)})), digest(best_only(read_records(known)))}
    append(known, OTHER, [(TILES[4], 1e-3)])
    changed.add(digest(read_records(known)))
    append(known, OTHER, [(TILES[4], 9e-4)])
    changed.add(digest(read_records(known)))
    assert len(changed | {first}) == 5
