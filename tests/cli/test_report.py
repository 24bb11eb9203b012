"""`zcc report` as users call it."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.process import assert_one_line, run_zcc
from tests.conftest import Tiny


def test_it_writes_one_page_and_says_where(tiny_artifact: Tiny, tmp_path: Path) -> None:
    done = run_zcc("report", "tiny", "--registry", tiny_artifact.home, "--json", cwd=tmp_path)
    told = json.loads(done.stdout)
    assert (told["file"], told["variants"], told["names"]) == ("report.html", 1, ["tiny"])
    assert (tmp_path / "report.html").stat().st_size == told["bytes"]
    assert list(tmp_path.iterdir()) == [tmp_path / "report.html"]


def test_failures_are_one_line_that_names_the_way_out(tiny_artifact: Tiny, tmp_path: Path) -> None:
    home = ("--registry", tiny_artifact.home)
    assert_one_line(run_zcc("report", "nobody", *home, cwd=tmp_path), 1, "nothing called nobody", "zcc list")
    assert_one_line(run_zcc("report", *home, "-o", tmp_path / "no" / "r.html"), 1, "r.html", "-o")
    assert_one_line(run_zcc("report", *home, "--with", tmp_path / "no.json"), 1, "no.json cannot be read")
    assert list(tmp_path.iterdir()) == []


def test_it_needs_no_compiler(tiny_artifact: Tiny, tmp_path: Path) -> None:
    done = run_zcc("report", "--registry", tiny_artifact.home, cwd=tmp_path, PYTHONPROFILEIMPORTTIME="1")
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time")}
    assert "zcc.web.report.page" in loaded
    assert not {
        name for name in loaded if name.split(".")[0] in ("tvm", "onnx", "onnxruntime") or "zcc.compiler" in name
    }
