"""Variants whose figures are of other machines are tried at load, once: by injected times and by real processes."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.runtime.conftest import FAST, SLOW, Pair
from tests.runtime.samples import edit_manifest, run_python
from zcc.registry import Registry
from zcc.registry.bundle import export_bundle
from zcc.runtime import Detector, host
from zcc.runtime.choice import Wish, choose, explain
from zcc.runtime.kept_trials import KeptTrials, LoadTrial
from zcc.runtime.manifest import Measurement
from zcc.runtime.places import find_source
from zcc.runtime.trials import LEAST_FRAMES, MOST_SECONDS, PENDING, SECONDS, WARM_UP, known_trials, tried, try_out
from zcc.runtime.variant import Variant

SLOWEST_HERE = {FAST: 9.0, SLOW: 3.0}  # the other way round than the figures that came along


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    monkeypatch.setenv("ZCC_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def bundle(pair: Pair, tmp_path: Path) -> str:
    """Both variants with figures of elsewhere, by which FAST is the faster."""
    export_bundle(Registry.open(pair.home), ["tiny"], tmp_path / "pair.zcc")
    return str(tmp_path / "pair.zcc")


class Trials:
    """Takes the times from a table, and counts."""

    def __init__(self, times: dict[str, float]) -> None:
        self.times, self.seen = times, list[str]()

    def __call__(self, variant: Variant) -> LoadTrial:
        """The time of the variant's target."""
        target = variant.manifest.target
        self.seen.append(target)
        return LoadTrial(self.times[target], 0.1, f"least of 7 frames of 64x64 on {host.machine()}, 2 threads")


def chosen(reference: str, trials: Callable[[Variant], LoadTrial]) -> str:
    """The target that a load takes."""
    source = find_source(reference, None)
    return choose(reference, tried(source.variants(reference), Wish(), source, trials)).manifest.target


def test_figures_of_another_machine_are_not_believed_and_each_is_tried_once(bundle: str) -> None:
    trials = Trials(SLOWEST_HERE)
    assert chosen(bundle, trials) == SLOW
    assert sorted(trials.seen) == sorted(SLOWEST_HERE)
    assert chosen(bundle, trials) == SLOW
    assert len(trials.seen) == 2, "the second load goes by what is kept"


def test_a_registry_that_came_from_another_machine_is_seen_by_the_name_in_its_figures(pair: Pair) -> None:
    source = find_source("tiny", str(pair.home))
    trials = Trials(SLOWEST_HERE)
    own = source.variants("tiny")
    assert tried(own, Wish(), source, trials) is own, "figures of this registry that name no machine are its own"
    for name, number in ((host.machine(), 0), ("another", 2)):
        how = f"median of 15 frames of 1920x1080 noise on {name}, 2 threads"
        named = [replace(each, measured=(Measurement("latency_ms", 5.0, how),)) for each in own]
        tried(named, Wish(), source, trials)
        assert len(trials.seen) == number


def test_what_nobody_measured_is_tried(pair: Pair) -> None:
    for folder in pair.folders.values():
        edit_manifest(folder, measured=[])
    source = find_source(str(pair.folders[FAST]), None)
    both = [find_source(str(folder), None).variants("")[0] for folder in pair.folders.values()]
    trials = Trials(SLOWEST_HERE)
    assert choose("tiny", tried(both, Wish(), source, trials)).manifest.target == SLOW


def test_beside_one_that_was_measured_here_what_nobody_measured_is_not_tried(pair: Pair) -> None:
    edit_manifest(pair.folders[SLOW], measured=[])
    both = [find_source(str(folder), None).variants("")[0] for folder in pair.folders.values()]
    assert tried(both, Wish(), find_source("tiny", str(pair.home)), Trials(SLOWEST_HERE)) is both


def test_nothing_is_tried_where_nothing_is_to_be_chosen_by_it(bundle: str) -> None:
    source, trials = find_source(bundle, None), Trials(SLOWEST_HERE)
    variants = source.variants(bundle)
    for wish in (Wish(target=FAST), Wish(prefer="most-accurate")):
        assert tried(variants, wish, source, trials) is variants
    source.distant = True  # type: ignore[attr-defined]
    assert tried(variants, Wish(), source, trials) is variants, "no files are fetched for a trial alone"
    assert not trials.seen


def test_another_kind_of_host_tries_again(bundle: str, monkeypatch: pytest.MonkeyPatch) -> None:
    trials = Trials(SLOWEST_HERE)
    chosen(bundle, trials)
    threads = host.worker_threads()
    monkeypatch.setattr(host, "worker_threads", lambda: threads + 1)
    chosen(bundle, trials)
    monkeypatch.setattr(host, "processor", lambda: "Another(R) Processor")
    chosen(bundle, trials)
    assert len(trials.seen) == 6


def test_explain_says_that_a_load_would_try_and_later_what_it_found(bundle: str) -> None:
    told = Detector.explain(bundle)
    assert told.note == PENDING and str(told).endswith(PENDING)
    assert told.chosen is not None and told.chosen.manifest.target == FAST, "by the figures that came along"
    chosen(bundle, Trials(SLOWEST_HERE))
    told = Detector.explain(bundle)
    assert told.note == "" and told.chosen is not None and told.chosen.manifest.target == SLOW
    first = told.describe()["variants"][0]
    assert (first["latency_ms"], first["latency_here"], first["latency_tried"]) == (3.0, True, True)
    assert "tried on this host" in first["why"]


def test_a_swap_goes_by_what_a_load_found_out_and_tries_nothing(bundle: str) -> None:
    detector = Detector.load(bundle, target=FAST)
    detector.swap(prefer="fastest")
    assert detector.manifest.target == FAST, "by the figures that came along"
    chosen(bundle, Trials(SLOWEST_HERE))
    detector.swap(prefer="fastest")
    assert detector.manifest.target == SLOW


def test_a_damaged_cache_is_tried_anew(bundle: str, cache: Path) -> None:
    trials = Trials(SLOWEST_HERE)
    chosen(bundle, trials)
    kept = sorted(cache.glob("trials/*/*.json"))
    assert len(kept) == 2
    for number, text in enumerate(("", "[1]", '{"latency_ms": 1}', '{"latency_ms": NaN, "spread_ms": 0, "how": ""}')):
        kept[number % 2].write_text(text)
        assert chosen(bundle, trials) == SLOW
        assert len(trials.seen) == 3 + number
        assert json.loads(kept[number % 2].read_text())["latency_ms"] in SLOWEST_HERE.values()


def test_without_a_place_to_keep_it_the_choice_is_right_and_the_log_says_so(
    bundle: str, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    find_source(bundle, None).folder(find_source(bundle, None).variants(bundle)[0])
    (cache / "trials").write_text("a file where a folder should be")
    trials = Trials(SLOWEST_HERE)
    with caplog.at_level(logging.WARNING, "zcc.runtime"):
        assert chosen(bundle, trials) == SLOW
    assert "without a lock" in caplog.text and "is not kept" in caplog.text


def test_one_that_cannot_be_loaded_is_passed_over_with_the_reason(pair: Pair, bundle: str, cache: Path) -> None:
    source = find_source(bundle, None)
    variants = source.variants(bundle)

    def fail(variant: Variant) -> LoadTrial:
        return Trials({SLOW: 3.0})(variant) if variant.manifest.target == SLOW else variant.run(0, 0.5, 0.5)

    found = tried(variants, Wish(), source, fail)
    told = explain(bundle, found, Wish())
    assert told.chosen is not None and told.chosen.manifest.target == SLOW
    assert "could not be tried here" in told.verdicts[1].why
    assert len(list(cache.glob("trials/*/*.json"))) == 1


def test_two_loads_at_once_try_once(bundle: str) -> None:
    begun, go = threading.Event(), threading.Event()
    trials = Trials(SLOWEST_HERE)

    def slow(variant: Variant) -> LoadTrial:
        begun.set()
        go.wait(60)
        return trials(variant)

    threads = [threading.Thread(target=chosen, args=(bundle, slow)) for _ in range(2)]
    threads[0].start()
    begun.wait(60)
    threads[1].start()
    go.set()
    for thread in threads:
        thread.join(60)
    assert sorted(trials.seen) == sorted(SLOWEST_HERE)


def test_a_trial_is_the_least_of_enough_frames() -> None:
    class Paced:
        """Frames of given times on a clock that only they move."""

        def __init__(self, *seconds: float) -> None:
            self.now, self.frames, self._seconds = 0.0, 0, seconds
            self.threads = 2

        manifest = type("M", (), {"input": type("I", (), {"height": 8, "width": 8})()})()

        def run(self, *_: object) -> None:
            self.now += self._seconds[self.frames % len(self._seconds)]
            self.frames += 1

    quick = Paced(0.010, 0.020)
    trial = try_out(quick, lambda: quick.now)  # type: ignore[arg-type]
    assert trial.latency_ms == 10.0 and trial.spread_ms == 10.0
    assert quick.frames - WARM_UP >= max(LEAST_FRAMES, SECONDS / 0.015 - 1)
    slow = Paced(MOST_SECONDS)
    assert try_out(slow, lambda: slow.now).latency_ms == 1e3 * MOST_SECONDS  # type: ignore[arg-type]
    assert slow.frames == WARM_UP + 1
    assert Measurement("latency_ms", 1.0, trial.how).machine == host.machine()


def test_processes_that_load_at_once_agree(bundle: str, cache: Path) -> None:
    """Real times, whatever they are: the first measures, and every other goes by it."""
    code = """
import sys
from zcc.runtime import Detector
print(Detector.load(sys.argv[1]).manifest.target)
"""
    first = run_python(code, bundle)
    assert {run_python(code, bundle) for _ in range(2)} == {first}
    source = find_source(bundle, None)
    variants, note = known_trials(source.variants(bundle), Wish(), source)
    assert note == "" and choose(bundle, variants).manifest.target == first.strip()
    assert len(KeptTrials.of(None, False).read(variants)) == 2
