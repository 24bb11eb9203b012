"""What lists are made of, in each kind of database: patterns, bounds, summaries, gates."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.registry.samples import artifact
from zcc.registry import Registry
from zcc.registry.listing import ListFilter
from zcc.runtime.errors import TrustError
from zcc.runtime.manifest import Measurement


def _names(registry: Registry, wanted: ListFilter) -> list[str]:
    return [f"{each.name} {each.dtype}" for each in registry.browse(wanted, "name").artifacts]


def test_it_is_the_same_in_every_database(registry: Registry, tmp_path: Path) -> None:
    assert registry.browse(ListFilter()).artifacts == []
    for seed, (name, dtype) in enumerate((("a_b", "fp32"), ("axb", "fp32"), ("a_b", "int8"), ("A_B", "int8"))):
        figure = Measurement("latency_ms", float(seed), "median")
        registry.publish(*artifact(tmp_path / str(seed), name, seed, dtype, measured=(figure,)))
    assert _names(registry, ListFilter(pattern="a_b")) == ["a_b fp32", "a_b int8"], "_ stands for itself"
    assert _names(registry, ListFilter(pattern="a?b", dtypes=("fp32",))) == ["a_b fp32", "axb fp32"]
    assert _names(registry, ListFilter(most_ms=1.0)) == ["a_b fp32", "axb fp32"]
    assert _names(registry, ListFilter(target="x86*", pattern="[A]*")) == ["A_B int8"]
    registry.publish(*artifact(tmp_path / "again", "axb", 9))
    shown = registry.browse(ListFilter(pattern="axb")).artifacts
    assert [bool(each.superseded) for each in shown] == [False, True]
    assert registry.verify().ok
    registry.remove(shown[0].digest)
    assert [bool(each.superseded) for each in registry.browse(ListFilter(pattern="axb")).artifacts] == [False]


def test_a_summary_that_is_not_its_manifests_is_found_and_mended(registry: Registry, tmp_path: Path) -> None:
    found = registry.publish(*artifact(tmp_path / "a"))
    with registry._index.writing() as changed:
        changed.do("UPDATE summaries SET created = '1999-01-01T00:00:00+00:00'")
    [bad] = registry.browse(ListFilter()).unreadable
    assert bad.digest == found.digest and "'1999-01-01T00:00:00+00:00' for created" in bad.why
    [problem] = registry.verify().problems
    assert problem.digest == found.digest and "another summary" in problem.what
    assert len(registry.reindex().mended) == 1 and registry.verify().ok


def test_gates_are_kept_in_every_database(registry: Registry, tmp_path: Path) -> None:
    registry.publish(*artifact(tmp_path / "a"))
    registry.protect("*", "prod", json.dumps({"policy": 1, "accuracy": {"data": "val"}}), "no guesses")
    with pytest.raises(TrustError, match="nobody measured map50_95 on val"):
        registry.tag("yolo", "prod")
    [gate] = registry.gates()
    assert gate.label == "*:prod" and gate.message == "no guesses"
