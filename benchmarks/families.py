"""One table of model families: a frame of each, and its network alone, by zcc and by others.

python -m benchmarks.families MODEL.onnx... [--dtype fp32,int8] [--target T] [--calib DIR] [--against TOOLS]
                              [--frame 1080x1920] [--rounds N] [--registry HOME] [--keep FILE] [--write FILE.md]

Every model is compiled and raced as `python -m benchmarks.race` does it: in turns, medians of all counted runs, once
all are known to see the same. The ratio is to the faster of the others, above 1 zcc leads.

Where the target has fewer instructions than this machine, the others find no more than it has. With --keep, rows are
kept in a file, and printed and written together with those of earlier calls: a long table is made piece by piece.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.arguments import names, opened_registry, run, size
from benchmarks.hold import held_to
from benchmarks.processor import compile_for_processor
from zcc import sample
from zcc.commands.progress import open_progress
from zcc.compiler.backends.cpu.targets.table import TARGETS
from zcc.compiler.backends.table import NATIVE
from zcc.compiler.compile import CompileOptions, Result
from zcc.compiler.quality.comparison import POINTS
from zcc.compiler.racing.against import Lineup, race_against
from zcc.compiler.racing.race import TASKS, Rules
from zcc.compiler.racing.result import as_document
from zcc.compiler.racing.scenes import read_frames
from zcc.compiler.racing.table import PEERS, ZCC, matches
from zcc.registry import Registry
from zcc.runtime import host


@dataclass(frozen=True)
class Row:
    """Medians in milliseconds, by contestant, of one model."""

    family: str
    dtype: str
    target: str
    processor: str
    about: dict[str, str]
    frame: dict[str, float]
    network: dict[str, float]

    @property
    def key(self) -> tuple[str, ...]:
        """What a newer row replaces an older one of."""
        return self.family, self.dtype, self.target, self.processor

    def ratio(self, task: str) -> float:
        """How many times zcc's time the faster of the others takes."""
        times: dict[str, float] = getattr(self, task)
        return min(time for name, time in times.items() if name != ZCC) / times[ZCC]


def read_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", type=Path, metavar="MODEL.onnx")
    parser.add_argument("--dtype", type=names, default=["fp32"], metavar="DTYPE,DTYPE", help="a row for each")
    parser.add_argument("--target", default=NATIVE, help=f"{NATIVE} or one of {', '.join(TARGETS)}")
    parser.add_argument("--calib", type=Path, metavar="DIR", help="pictures that decide the scales of int8")
    parser.add_argument("--against", type=names, metavar="TOOLS", help=f"of {', '.join(PEERS)}")
    parser.add_argument("--frame", type=size, default=(1080, 1920), metavar="HxW")
    parser.add_argument("--rounds", type=int, default=10, help="turns of each contestant")
    parser.add_argument("--runs", type=int, default=5, help="counted runs in a turn")
    parser.add_argument("--registry", metavar="URL", help="where to compile into; a temporary one by default")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="JSON that rows are kept in between calls")
    parser.add_argument("--write", type=Path, metavar="FILE.md", help="a page to write the table into")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def measure(model: Path, dtype: str, options: argparse.Namespace, registry: Registry) -> Row:
    """Compile a model, and race it."""
    [result] = compile_for_processor(
        CompileOptions(model, dtypes=(dtype,), target=options.target, calib=options.calib, max_drop=POINTS),
        registry,
        open_progress(),
    )
    return row_of(model, result, options)


def row_of(model: Path, result: Result, options: argparse.Namespace) -> Row:
    """What a race of the artifact comes to."""
    manifest = result.manifest
    peers = tuple(matches(manifest.dtype) if options.against is None else options.against)
    frames = read_frames(sample.IMAGES, options.frame, manifest.input.color)
    rules = Rules(rounds=options.rounds, runs=options.runs, threads=host.worker_threads())
    outcome = race_against(
        Lineup(result.folder, model, peers, calib=options.calib, held=options.target != NATIVE),
        frames,
        rules,
        open_progress(),
    )
    figures = as_document(outcome)["contestants"]
    about = {name: figure["about"] for name, figure in figures.items()}
    times = {task: {name: figure[f"{task}_ms"]["median"] for name, figure in figures.items()} for task in TASKS}
    return Row(model.stem, manifest.dtype, manifest.target, processor(), about, **times)


def processor() -> str:
    """The name of this machine's processor, and how many of its cores are used."""
    lines = host.CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines()
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    values = {key.strip(): value.strip() for key, value in fields.items()}
    named = values.get("model name", host.architecture())
    return f"{named} (model {values.get('model', '?')}), {host.worker_threads()} cores"


def table(rows: list[Row]) -> Iterator[str]:
    """Markdown: a line for each row, under one title for each dtype, target and processor."""
    for group in sorted({(row.dtype, row.target, row.processor) for row in rows}):
        members = sorted((row for row in rows if (row.dtype, row.target, row.processor) == group), key=lambda r: r.key)
        peers = list(dict.fromkeys(name for row in members for name in row.frame if name != ZCC))
        yield f"\n## {group[0]} for {group[1]}\n\nOn {group[2]}. {'; '.join(members[-1].about.values())}.\n"
        titles = ["model", "zcc ms", *(f"{name} ms" for name in peers), "ratio"]
        titles += ["network: zcc", *peers, "ratio"]
        yield f"| {' | '.join(titles)} |\n|---|{'---:|' * (len(titles) - 1)}"
        for row in members:
            cells = [cell for task in TASKS[::-1] for cell in cells_of(row, task, peers)]
            yield f"| {row.family} | {' | '.join(cells)} |"


def cells_of(row: Row, task: str, peers: list[str]) -> list[str]:
    """A task's times and ratio."""
    times: dict[str, float] = getattr(row, task)
    return [f"{times[name]:.1f}" if name in times else "" for name in (ZCC, *peers)] + [f"{row.ratio(task):.2f}"]


def kept_rows(file: Path | None) -> list[Row]:
    """The rows of earlier calls."""
    return [Row(**row) for row in json.loads(file.read_text())] if file is not None and file.exists() else []


def page(rows: list[Row]) -> str:
    """The page of the documentation."""
    note = (
        "# Model families\n\nA frame of 1920x1080, from pixels to detections, and the network alone; medians in ms of"
        " runs in turns. The ratio is to\nthe faster of the others. Made by `python -m benchmarks.families`; how it"
        " measures is in [benchmarks.md](benchmarks.md)."
    )
    return "\n".join([note, *table(rows)]) + "\n"


def main() -> None:
    """Measure every model, and print or write the table."""
    options = read_arguments()
    rows = {row.key: row for row in kept_rows(options.keep)}
    with opened_registry(options.registry) as registry, held_to(options.target):
        for model in options.models:
            for dtype in options.dtype:
                row = measure(model, dtype, options, registry)
                rows[row.key] = row
                if options.keep is not None:
                    options.keep.write_text(json.dumps([asdict(row) for row in rows.values()], indent=1))
    if options.write is not None:
        options.write.write_text(page(list(rows.values())))
    documents: list[dict[str, Any]] = [asdict(row) for row in rows.values()]
    print(json.dumps(documents, indent=2) if options.json else "\n".join(table(list(rows.values()))))


if __name__ == "__main__":
    run(main)
