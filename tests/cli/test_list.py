"""zcc list: what it is narrowed down by, in which order, and in which form."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.registry.samples import artifact
from zcc.commands import columns
from zcc.commands.main import cli
from zcc.registry import Registry
from zcc.runtime.manifest import Measurement


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """Four variants of two names, one of them built twice, measured here and there."""
    registry = Registry.open(tmp_path / "registry")
    monkeypatch.setenv("ZCC_REGISTRY", str(registry.home))
    made = (
        ("door", "fp32", "x86-64-v4", 50.0, 0.61, "2026-11-01T00:00:00+00:00"),
        ("door", "fp32", "x86-64-v4", 40.0, 0.62, "2026-11-20T00:00:00+00:00"),
        ("door", "int8", "x86-64-v4", 12.0, 0.60, "2026-11-20T00:00:00+00:00"),
        ("gate", "int8", "aarch64", None, None, "2026-11-21T00:00:00+00:00"),
    )
    for seed, (name, dtype, target, ms, score, created) in enumerate(made):
        figures = [Measurement("latency_ms", ms, "median")] if ms else []
        figures += [Measurement("map50_95", score, "val")] if score else []
        folder = tmp_path / str(seed)
        changes = {"target": target, "created": created, "model_sha256": str(seed) * 64}
        registry.publish(
            *artifact(folder, name, seed, dtype, size=1000 * (seed + 1), measured=tuple(figures), **changes)
        )
    registry.tag("door", "prod", dtype="int8")
    return registry


def listed(*arguments: str) -> list[str]:
    """The artifacts that are listed, by name, dtype and the seed that they were made from."""
    done = CliRunner().invoke(cli, ["list", "--json", *arguments])
    assert done.exit_code == 0, done.output
    return [f"{each['name']} {each['dtype']} {each['model_sha256'][0]}" for each in json.loads(done.stdout)]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], ["gate int8 3", "door int8 2", "door fp32 1", "door fp32 0"]),
        (["do*"], ["door int8 2", "door fp32 1", "door fp32 0"]),
        (["g?te"], ["gate int8 3"]),
        (["DOOR"], []),
        (["d[aou]or"], ["door int8 2", "door fp32 1", "door fp32 0"]),
        (["--dtype", "int8"], ["gate int8 3", "door int8 2"]),
        (["--dtype", "int8,fp32", "--target", "x86*"], ["door int8 2", "door fp32 1", "door fp32 0"]),
        (["--tag", "prod"], ["door int8 2"]),
        (["--since", "2026-11-21"], ["gate int8 3"]),
        (["--until", "2026-11-10"], ["door fp32 0"]),
        (["--min-map", "0.605"], ["door fp32 1", "door fp32 0"]),
        (["--max-ms", "40"], ["door int8 2", "door fp32 1"]),
        (["--model", "sha256:22"], ["door int8 2"]),
        (["--superseded"], ["door fp32 0"]),
        (["--current", "--dtype", "fp32"], ["door fp32 1"]),
        (["--signed"], []),
        (["--unsigned", "--tag", "prod"], ["door int8 2"]),
        (["--sort", "ms"], ["door int8 2", "door fp32 1", "door fp32 0", "gate int8 3"]),
        (["--sort", "map", "--reverse"], ["door int8 2", "door fp32 0", "door fp32 1", "gate int8 3"]),
        (["--sort", "size", "--reverse", "--dtype", "fp32"], ["door fp32 1", "door fp32 0"]),
        (["--sort", "name"], ["door fp32 1", "door fp32 0", "door int8 2", "gate int8 3"]),
    ],
)
def test_a_list_is_narrowed_down_and_sorted(registry: Registry, arguments: list[str], expected: list[str]) -> None:
    assert listed(*arguments) == expected


def test_a_figure_of_here_goes_before_one_of_the_build(registry: Registry) -> None:
    digest = registry.resolve("door", dtype="fp32").digest
    registry.record_measurement(digest, Measurement("latency_ms", 5.0, "median"))
    registry.record_measurement(digest, Measurement("latency_ms", 1.0, "elsewhere"), origin="import")
    assert listed("--max-ms", "6") == ["door fp32 1"] and listed("--max-ms", "2") == []


def test_csv_is_read_by_any_reader(registry: Registry) -> None:
    done = CliRunner().invoke(cli, ["list", "--csv", "--sort", "ms"])
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [row["latency_ms"] for row in rows] == ["12.0", "40.0", "50.0", ""]
    assert rows[0]["tags"] == "prod" and rows[2]["superseded"] == "1" and rows[3]["target"] == "aarch64"


@pytest.mark.parametrize("arguments", [["--since", "yesterday"], ["--sort", "beauty"], ["--max-ms", "nan"]])
def test_what_cannot_be_meant_is_wrong_usage(registry: Registry, arguments: list[str]) -> None:
    assert CliRunner().invoke(cli, ["list", *arguments]).exit_code == 2


def test_on_a_terminal_what_is_too_wide_is_cut_in_its_middle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "room", lambda: 30)
    rows = [("a-name-that-is-very-long-indeed", "12", "x")]
    lines = list(columns.table(("name", "ms", "empty"), rows, right=("ms",), yielding=("name",)))
    assert max(map(len, lines)) <= 30 and "…" in lines[1]
    assert lines[1].startswith("a-name") and lines[1].endswith("x")
    monkeypatch.setattr(columns, "room", lambda: None)
    assert rows[0][0] in list(columns.table(("name", "ms", "empty"), rows))[1]
    assert list(columns.table(("name", "ms"), [("a", "")])) == ["name", "a"], "a column of nothing is left out"
