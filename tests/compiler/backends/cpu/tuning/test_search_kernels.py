"""Searches on this machine: they finish, keep to their limits, go on where they were, and never choose what failed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.compiler.backends.cpu.tuning.databases import append, content, open_database
from tests.compiler.backends.cpu.tuning.kernels import TILES, Sizes, direct, shaky, task, task_of_all
from tests.compiler.backends.cpu.tuning.searching import Nowhere, Steady, Told, known_forms, search
from zcc.compiler.backends.cpu.forms.records import read_records
from zcc.compiler.backends.cpu.forms.workload import workload_key
from zcc.compiler.backends.cpu.kernels.choices import write_choice
from zcc.compiler.backends.search import Limits
from zcc.runtime.errors import TuningError

SMALL, LARGE = Sizes(), Sizes((2, 2), (20, 20))


def assert_measures_nothing(folder: Path, tasks: list[Any]) -> None:
    before = content(folder)
    told = Told()
    search(folder, tasks, told=told, devices=[Nowhere()])
    assert told.batches == told.notes == []
    assert content(folder) == before


@pytest.mark.parametrize("order", [1, -1])
def test_of_equally_quick_forms_the_best_is_the_same_in_any_order(order: int) -> None:
    """A clock may tell two alike, and records are recalled in an order of their own."""
    learning = task_of_all(direct(SMALL))
    forms = sorted(map(write_choice, learning.choices))[:3]
    for form in forms[::order]:
        learning.learn(form, 2e-6)
    assert learning.best == forms[0]


def test_a_search_measures_every_form_and_the_next_one_nothing(tmp_path: Path) -> None:
    told = Told()
    tasks = [task_of_all(direct(SMALL)), task(direct(LARGE), count=3)]
    done = search(tmp_path, tasks, told=told)
    assert (done.tried, done.left, done.failed) == (sum(len(each.choices) for each in tasks), 0, 0)
    assert told.notes == []
    assert [tried for _, tried in told.batches][-1] == done.tried
    database = read_records(tmp_path)
    for each in tasks:
        records = database[workload_key(each.spec)].records
        assert set(records) == set(map(write_choice, each.choices))
        assert each.default_seconds == records[write_choice(each.choices[0])].seconds
        assert each.best_seconds == min(record.seconds for record in records.values())
        assert each.best and records[each.best].seconds == each.best_seconds
        assert each.best_seconds > 0
    assert done.best_seconds <= done.default_seconds
    assert len(open_database(tmp_path).get_all_tuning_records()) == done.tried
    again = [task_of_all(direct(SMALL)), task(direct(LARGE), count=3)]
    assert_measures_nothing(tmp_path, again)
    assert [each.best for each in again] == [each.best for each in tasks]
    assert [each.default_seconds for each in again] == [each.default_seconds for each in tasks]


@pytest.mark.parametrize("trials", [1, 3, 9])
def test_as_many_trials_as_were_asked_for(tmp_path: Path, trials: int) -> None:
    tasks = [task_of_all(direct(SMALL)), task(direct(LARGE))]
    assert search(tmp_path, tasks, Limits(trials=trials)).tried == trials
    assert known_forms(tmp_path) == trials


def test_a_search_ends_with_its_time(tmp_path: Path) -> None:
    slow = [task(shaky(Sizes((1, 2), (3, 4 + number))).faulty("is slow", *TILES)) for number in range(5)]
    done = search(tmp_path, slow, Limits(seconds=0.5))
    assert done.left > 0
    assert known_forms(tmp_path) == done.tried


def test_what_failed_is_recorded_not_chosen_and_not_tried_again(tmp_path: Path) -> None:
    spec = shaky(SMALL).faulty("refuses", TILES[1]).faulty("lies", TILES[2]).faulty("crashes", TILES[3])
    told = Told()
    done = search(tmp_path, [task(spec), task(direct(LARGE), TILES[:2])], told=told)
    assert (done.tried, done.failed) == (7, 3)
    reasons = ("cannot be built: ValueError", "off by up to", "brought the process down (SIGSEGV)")
    assert [any(reason in note for note in told.notes) for reason in reasons] == [True] * 3
    records = read_records(tmp_path)[workload_key(spec)].records
    failed = {name for name, record in records.items() if record.failed}
    assert failed == {write_choice(tile) for tile in TILES[1:4]}
    assert done.tasks[0].best not in failed
    again = task(spec)
    assert_measures_nothing(tmp_path, [again])
    assert again.best == done.tasks[0].best


def test_a_search_in_which_everything_fails_ends_with_the_reason(tmp_path: Path) -> None:
    specs = [shaky(Sizes((1, 1), (4, 4 + number))).faulty("refuses", *TILES) for number in range(4)]
    with pytest.raises(TuningError, match=r"no kernel can be measured: it cannot be built: ValueError: no such tile"):
        search(tmp_path, [task(spec) for spec in specs])
    assert 8 <= known_forms(tmp_path) < 20
    assert all(record.failed for kernel in read_records(tmp_path).values() for record in kernel.records.values())


def test_a_few_forms_that_all_fail_are_as_hopeless(tmp_path: Path) -> None:
    spec = shaky(SMALL).faulty("refuses", *TILES)
    with pytest.raises(TuningError, match="no kernel can be measured: it cannot be built"):
        search(tmp_path, [task(spec, TILES[:2])])


def test_a_rest_that_fails_is_no_reason_to_despair(tmp_path: Path) -> None:
    """Earlier searches measured the forms of another kernel."""
    search(tmp_path, [task(direct(LARGE), TILES[:1])])
    spec = shaky(SMALL).faulty("refuses", *TILES)
    done = search(tmp_path, [task(direct(LARGE), TILES[:1]), task(spec)])
    assert (done.tried, done.failed, done.left) == (5, 5, 0)


def test_forms_measured_later_are_set_against_the_same_form(tmp_path: Path) -> None:
    """The template prefers a form that takes a tenth of the time of the one that all are set against."""
    spec = replace(direct(LARGE), tile=TILES[0])
    choices = tuple(reversed(TILES))
    append(tmp_path, spec, [(choices[0], 1e-6), (TILES[0], 1e-5)])
    later = replace(task(spec), choices=choices)
    later.spec = spec
    search(tmp_path, [later], devices=[Steady()])
    records = read_records(tmp_path)[workload_key(spec)].records
    for tile in TILES[1:4]:
        assert records[write_choice(tile)].seconds == pytest.approx(1e-5), "as quick as the one they are set against"
