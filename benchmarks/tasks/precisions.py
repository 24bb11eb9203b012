"""A model in every precision on every CPU target that runs here, by what its task is measured by.

    python -m benchmarks.tasks.precisions MODEL.onnx --data DIR --calib DIR [--targets x86-64-v3,…] [--json FILE]

A variant that loses more than is allowed by default is refused; its row has the reason instead of figures.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from zcc.compiler.backends.cpu.targets.table import TARGETS
from zcc.compiler.compile import CompileOptions, compile_model
from zcc.registry import Registry
from zcc.runtime.errors import ZccError

DTYPES = ("fp32", "fp16", "bf16", "int8")
FIGURES = ("map50", "map50_95", "top1", "drop_map50_95", "relative_error")


def main() -> None:
    """Print a row for each target and precision."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="labelled pictures that accuracy is measured on")
    parser.add_argument("--calib", type=Path, required=True, help="pictures that int8 is calibrated on")
    parser.add_argument("--targets", default=",".join(name for name, target in TARGETS.items() if target.runs_here()))
    parser.add_argument("--dtypes", default=",".join(DTYPES))
    parser.add_argument("--json", type=Path, help="where the rows are kept, too")
    options = parser.parse_args()
    rows = []
    for row in measured(options):
        rows.append(row)
        print("  ".join(str(value) for value in row.values()), flush=True)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def measured(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """The rows, each variant compiled and held to the bar."""
    with tempfile.TemporaryDirectory() as scratch:
        registry = Registry.open(scratch)
        for target in options.targets.split(","):
            for dtype in options.dtypes.split(","):
                yield {"target": target, "dtype": dtype, **_figures(options, target, dtype, registry)}


def _figures(options: argparse.Namespace, target: str, dtype: str, registry: Registry) -> dict[str, Any]:
    asked = CompileOptions(
        options.model, dtypes=(dtype,), target=target, calib=options.calib, data=options.data, strict=True
    )
    try:
        [made] = compile_model(asked, registry)
    except ZccError as error:
        return {"refused": str(error)}
    found = {each.metric: round(each.value, 6) for each in made.manifest.measured}
    return {name: found[name] for name in FIGURES if name in found}


if __name__ == "__main__":
    main()
