"""Records of whole networks: files that can be read, merged and trusted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from zcc.compiler.backends.cpu.forms.network_form import (
    NetworkForm,
    default_form,
    dimensions,
    possible_forms,
    write_form,
)
from zcc.compiler.backends.cpu.forms.networks import (
    NETWORKS,
    NetworkRecord,
    merged_networks,
    networks_digest,
    read_networks,
    write_networks,
)
from zcc.compiler.backends.cpu.targets.table import TARGETS
from zcc.compiler.backends.cpu.targets.target import CpuTarget
from zcc.compiler.precision.table import PRECISIONS
from zcc.runtime.errors import TuningError

DEFAULT, WIDE, PLAIN = "block=16 winograd=1 threads=2", "block=32 winograd=1 threads=2", "block=16 winograd=0 threads=2"
OFFERED = {DEFAULT, WIDE, PLAIN}


def record(kernels: str = "k", **forms: float | str) -> NetworkRecord:
    names = {"default": DEFAULT, "wide": WIDE, "plain": PLAIN}
    return NetworkRecord("a network", kernels, {names[name]: value for name, value in forms.items()})


def test_round_trip_sorted_and_the_same_bytes_in_any_order(tmp_path: Path) -> None:
    networks = {"b.fp32": record(default=0.1, wide="failed: it hung"), "a.int8": record(wide=0.2, default=0.3)}
    write_networks(tmp_path, networks)
    first = (tmp_path / NETWORKS).read_bytes()
    assert read_networks(tmp_path) == networks
    write_networks(tmp_path, dict(reversed(networks.items())))
    assert (tmp_path / NETWORKS).read_bytes() == first
    assert list(json.loads(first)) == ["a.int8", "b.fp32"]
    assert first.count(b"\n") > 10, "a form has a line of its own, so that a diff can be read"


def test_nothing_known_is_no_file(tmp_path: Path) -> None:
    write_networks(tmp_path, {})
    assert not list(tmp_path.iterdir())
    assert read_networks(tmp_path) == {}


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "3",
        '{"a.fp32": 1}',
        '{"a.fp32": {"network": "x", "kernels": "k"}}',
        '{"a.fp32": {"network": "x", "kernels": "k", "forms": {"f": -1}}}',
        '{"a.fp32": {"network": "x", "kernels": "k", "forms": {"f": NaN}}}',
        '{"a.fp32": {"network": "x", "kernels": "k", "forms": {"f": null}}}',
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / NETWORKS).write_text(text)
    with pytest.raises(TuningError, match=str(tmp_path / NETWORKS)):
        read_networks(tmp_path)


def test_the_best_form_is_sound_offered_and_noticeably_quicker() -> None:
    assert record(default=1.0, wide=0.8, plain=0.7).best(DEFAULT, OFFERED) == PLAIN
    assert record(default=1.0, wide=0.99).best(DEFAULT, OFFERED) == DEFAULT
    assert record(default=1.0, wide="failed: wrong", plain=1.2).best(DEFAULT, OFFERED) == DEFAULT
    assert record(default=1.0, wide=0.5).best(DEFAULT, {DEFAULT}) == DEFAULT
    assert record(default="failed: hung", wide=5.0).best(DEFAULT, OFFERED) == WIDE
    assert record().best(DEFAULT, OFFERED) == DEFAULT


def test_merging_keeps_ratios_by_the_clock_of_the_first() -> None:
    ours, theirs = record(default=1.0, wide=0.9), record(default=2.0, plain=1.0)
    merged = merged_networks({"n": ours}, {"n": theirs, "m": theirs})
    assert merged == {"n": record(default=1.0, wide=0.9, plain=0.5), "m": theirs}
    other_kernels = {"n": record("other", default=2.0, plain=1.0)}
    assert merged_networks({"n": ours}, other_kernels) == {"n": ours}, "times with other kernels say nothing"


def test_the_digest_changes_with_what_is_known() -> None:
    known = [{}, {"n": record(default=1.0)}, {"n": record(default=1.1)}, {"m": record(default=1.0)}]
    assert len({networks_digest(networks) for networks in known}) == len(known)


def block_of(target: CpuTarget, dtype: str) -> int:
    """Channels side by side: a register of floats on x86, a register of whatever is stored on ARM."""
    if target.arch == "x86_64":
        return target.unit.lanes
    return {"int8": 16, "bf16": 8, "fp16": 8 if target.halves else 4, "fp32": 4}[dtype]


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
@pytest.mark.parametrize("dtype", ["fp32", "fp16", "bf16", "int8"])
def test_forms_of_every_target(target: object, dtype: str) -> None:
    target = TARGETS[target.name].with_threads(8)  # type: ignore[attr-defined]
    default, forms = default_form(target, dtype), possible_forms(target, PRECISIONS[dtype])
    assert forms[write_form(default)] == default == NetworkForm(block_of(target, dtype), True, 8)
    assert {form.threads for form in forms.values()} == {1, 2, 4, 6, 7, 8}
    blocks = {form.block for form in forms.values()}
    assert blocks == ({16} if dtype == "bf16" and target.unit.lanes == 16 else blocks)
    assert all(block % 4 == 0 for block in blocks)
    for form in forms.values():
        assert form.unit(target.unit).lanes <= target.unit.lanes


def test_a_machine_with_one_core_has_no_choice_of_threads() -> None:
    target = TARGETS["x86-64-v3"].with_threads(1)
    assert list(dimensions(target, PRECISIONS["fp32"]))[-1] == []
