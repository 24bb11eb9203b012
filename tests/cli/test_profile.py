"""zcc profile: kernel by kernel."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Demo
from tests.cli.process import assert_one_line, run_zcc


def test_json_holds_every_kernel_and_the_shares_add_up(demo: Demo) -> None:
    done = run_zcc("profile", "shapes", "--rounds", "3", "--top", "1", "--json", "--registry", demo.registry)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    shown = json.loads(run_zcc("show", "shapes", "--json", "--registry", demo.registry).stdout)
    kernels = document["kernels"]
    assert document["digest"] == shown["digest"]
    assert len(kernels) == document["total"]["kernels"] == len(shown["kernels"]["calls"])
    assert sum(kernel["share"] for kernel in kernels) == pytest.approx(1, abs=1e-3)
    assert [kernel["ms"] for kernel in kernels] == sorted((kernel["ms"] for kernel in kernels), reverse=True)
    assert sum(kernel["ms"] for kernel in kernels) == pytest.approx(document["total"]["ms"], abs=1e-3)


def test_the_table_is_cut_at_the_top(demo: Demo) -> None:
    done = run_zcc("profile", "shapes", "--rounds", "3", "--top", "4", "--registry", demo.registry)
    title, heading, *rows, rest, total = done.stdout.splitlines()
    assert title.startswith("shapes fp32 for ")
    assert heading.split()[:2] == ["share", "ms"]
    assert len(rows) == 4
    assert rest.endswith("more")
    assert total.startswith("network ")


@pytest.mark.parametrize(("arguments", "code"), [(("absent",), 1), (("shapes", "--top", "0"), 2)])
def test_what_cannot_be_profiled_is_one_line(demo: Demo, arguments: tuple[str, ...], code: int) -> None:
    assert_one_line(run_zcc("profile", *arguments, "--registry", demo.registry), code)
