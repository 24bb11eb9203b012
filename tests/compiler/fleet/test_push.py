"""What a matrix built is pushed, model by model, where nothing of it failed."""

from __future__ import annotations

from pathlib import Path

from tests.oci.server import OciServer
from tests.registry.samples import artifact
from zcc.compiler.fleet.build import BUILT, CANNOT, FAILED, THERE, CellOutcome, push_matrix
from zcc.compiler.fleet.matrix import Cell, Matrix
from zcc.registry import Registry
from zcc.registry.remotes.listing import list_tags


def test_models_without_a_failure_are_pushed(oci: OciServer, tmp_path: Path) -> None:
    registry = Registry.open(tmp_path / "ours")
    cells = {(name, dtype): Cell(tmp_path / name, name, dtype, "native") for name in "ab" for dtype in ("fp32", "int8")}
    outcomes = []
    for number, ((name, dtype), cell) in enumerate(cells.items()):
        made = registry.publish(*artifact(tmp_path / str(number), name=name, dtype=dtype, seed=number))
        outcomes.append(CellOutcome(cell, THERE if number % 2 else BUILT, made.digest))
    outcomes[2] = CellOutcome(cells["b", "fp32"], FAILED, reason="misses the bar")
    extra = Cell(tmp_path / "a", "a", "bf16", "native")
    outcomes.append(CellOutcome(extra, CANNOT, reason="no instructions"))
    matrix = Matrix((*cells.values(), extra), f"oci://{oci.host}/matrix/{{name}}:candidate")
    [pushed] = push_matrix(matrix, registry, outcomes)
    [tagged] = list_tags(pushed.address)
    assert (pushed.address.repository, tagged.tag) == ("matrix/a", "candidate")
    assert sorted(each["dtype"] for each in tagged.describe()["variants"]) == ["fp32", "int8"]
    assert push_matrix(Matrix(matrix.cells), registry, outcomes) == []
