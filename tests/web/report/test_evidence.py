"""Documents of other commands are told apart, and what is none is refused by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.web.report.documents import ADAPT, COMPARE, bench, profile
from zcc.registry.kept_results import KeptResults
from zcc.runtime.errors import InputError
from zcc.web.report.evidence import read_evidence

DIGEST = "sha256:" + "1" * 64


def written(place: Path, document: Any) -> Path:
    """A document in a file."""
    path = place / f"{len(list(place.iterdir()))}.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def test_each_kind_is_known_by_what_is_in_it(tmp_path: Path) -> None:
    found = read_evidence(
        [written(tmp_path, each) for each in (ADAPT, COMPARE, bench(DIGEST), profile(DIGEST))],
        *(tmp_path, ()),
    )
    assert {kind: len(each) for kind, each in found.documents.items()} == dict.fromkeys(
        ("adapt", "compare", "bench", "profile"), 1
    )
    assert list(found.last("profile")) == [DIGEST]


@pytest.mark.parametrize(
    "document",
    [
        "",
        "[]",
        "{}",
        "nothing",
        {**ADAPT, "frames": -1},
        {**profile("x"), "kernels": [{"ms": "1"}]},
        {**COMPARE, "a": 1},
    ],
)
def test_what_is_none_is_refused(tmp_path: Path, document: Any) -> None:
    path = written(tmp_path, document)
    with pytest.raises(InputError, match=r"0\.json is no document for a report.*profile"):
        read_evidence([path], tmp_path, ())


def test_what_the_registry_keeps_is_found_and_files_go_before_it(tmp_path: Path) -> None:
    kept = KeptResults(tmp_path / "home")
    for document in (bench(DIGEST), {**bench(DIGEST), "energy": None}):
        kept.keep(DIGEST, "bench", document)
    kept.keep(DIGEST, "profile", {"digest": DIGEST, "kernels": "none"})
    kept.keep(DIGEST, "description", {"text": "for the <dock>"})
    found = read_evidence((), tmp_path / "home", [DIGEST])
    assert found.last("bench")[DIGEST]["energy"] is None, "the last counts"
    assert found.last("profile") == {}, "what is damaged is left out"
    assert found.descriptions == {DIGEST: "for the <dock>"}
    found = read_evidence([written(tmp_path, bench(DIGEST))], tmp_path / "home", [DIGEST])
    assert found.last("bench")[DIGEST]["energy"] is not None


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_evidence([tmp_path / "absent.json"], tmp_path, ())
