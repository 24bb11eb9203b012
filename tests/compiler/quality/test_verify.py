"""What was built is held against ONNX Runtime, by what its precision leaves open."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Tiny
from zcc.compiler.backends.common.relative_error import in_order_of
from zcc.compiler.backends.cpu.forms.find_records import NO_RECORDS
from zcc.compiler.backends.table import targets
from zcc.compiler.building.job import Job
from zcc.compiler.frontend.load import load_model
from zcc.compiler.importing.imported import Imported, import_model
from zcc.compiler.precision.table import PRECISIONS
from zcc.compiler.quality.verify import verify
from zcc.runtime.errors import BuildError
from zcc.runtime.library import WEIGHTS
from zcc.runtime.manifest import Manifest

BOUND = [name for name, precision in PRECISIONS.items() if precision.tolerance]


@pytest.fixture(scope="module")
def source(tiny_artifact: Tiny) -> Imported:
    return import_model(load_model(tiny_artifact.model), Manifest.read(tiny_artifact.folder).input, 300)


def job_of(source: Imported, manifest: Manifest, dtype: str) -> Job:
    return Job(manifest.name, source, targets()[manifest.target], PRECISIONS[dtype], NO_RECORDS)


def test_integers_alone_have_no_bound() -> None:
    assert set(PRECISIONS) - set(BOUND) == {"int8"}


@pytest.mark.parametrize("dtype", BOUND)
def test_what_is_right_passes_and_what_is_wrong_does_not(
    dtype: str, source: Imported, tiny_artifact: Tiny, tmp_path: Path
) -> None:
    """The network in float32 is right in every precision; with half of its weights it is in none."""
    manifest = Manifest.read(tiny_artifact.folder)
    figure = verify(tiny_artifact.folder, manifest, job_of(source, manifest, dtype))
    assert figure.metric == "relative_error" and figure.value < 1e-4
    assert ("of each attribute's range" in figure.how) == (dtype != "fp32")
    wrong = tmp_path / "wrong"
    shutil.copytree(tiny_artifact.folder, wrong)
    weights = wrong / WEIGHTS
    half = weights.read_bytes()[: weights.stat().st_size // 2]
    weights.chmod(0o600)
    weights.write_bytes(half + bytes(weights.stat().st_size - len(half)))
    with pytest.raises(BuildError, match="off ONNX Runtime, more than"):
        verify(wrong, manifest, job_of(source, manifest, dtype))


def test_answers_to_queries_that_changed_places_are_the_same_answers() -> None:
    """Each row counts once: what stands twice is not what stands once beside another."""
    rows = np.random.default_rng(5).random((1, 40, 9), np.float32) * 640
    moved = rows[:, np.random.default_rng(6).permutation(40)] + np.float32(1e-4)
    assert np.allclose(in_order_of(rows, moved), rows, atol=1e-3)
    twice = moved.copy()
    twice[0, 1] = twice[0, 0]
    assert not np.allclose(in_order_of(rows, twice), rows, atol=1)
