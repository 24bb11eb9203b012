"""zcc tune: search for faster forms of a model's kernels, and keep what was found."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zcc.commands.options import (
    budget_option,
    json_option,
    read_size,
    read_words,
    registry_option,
    trials_option,
)
from zcc.commands.output import print_json, reserved_stdout, say_lines

if TYPE_CHECKING:
    from zcc.compiler.backends.search import AnySearch, TunedNetwork
    from zcc.compiler.tuning.record_collections import TargetRecords


@click.command()
@click.argument("model", required=False, type=click.Path(path_type=Path))
@click.option(
    "--dtype",
    "dtypes",
    multiple=True,
    callback=read_words,
    metavar="DTYPE",
    help="Precision whose kernels to tune; several with commas between them, or the option several times.",
)
@click.option("--target", default="native", metavar="TARGET", help="Machine to tune for; `zcc doctor` lists them.")
@click.option("--imgsz", callback=read_size, metavar="HxW", help="Input size, for a model whose axes are dynamic.")
@trials_option
@budget_option
@click.option(
    "--runner",
    metavar="URL",
    help="Where to measure: rpc://TRACKER:PORT/KEY uses every machine that serves KEY there (see `zcc tune-server`). "
    "Without it, here.",
)
@click.option("--stats", is_flag=True, help="Tell what the records of each target know.")
@click.option(
    "--export",
    "export_to",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write the quickest form of each kernel of your own records to a folder, to be imported elsewhere.",
)
@click.option(
    "--import",
    "import_from",
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Add the records of such a folder to your own.",
)
@registry_option
@json_option
def tune(
    model: Path | None,
    dtypes: tuple[str, ...],
    target: str,
    imgsz: tuple[int, int] | None,
    trials: int | None,
    budget: float | None,
    runner: str | None,
    stats: bool,
    export_to: Path | None,
    import_from: Path | None,
    registry: str | None,
    as_json: bool,
) -> None:
    """Search for faster forms of MODEL's kernels, then of the network as a whole.

    Every compile into this registry takes the best forms known. Records are kept the moment they are made: a
    search that was ended, by Ctrl-C or by its budget, goes on where it was when it is asked for again.
    """
    began = time.monotonic()  # what is loaded now is part of the budget
    from zcc.compiler.quality.given import check_files

    chosen = [each for each in (model, stats, export_to, import_from) if each]
    if len(chosen) != 1:
        raise click.UsageError("give either a MODEL to tune, or one of --stats, --export and --import")
    if model is not None:
        check_files(model)
    from zcc.commands.progress import open_progress
    from zcc.compiler.backends.search import Limits
    from zcc.compiler.building.options import CompileOptions
    from zcc.compiler.building.tune_options import TuneOptions
    from zcc.compiler.tuning.record_collections import export_records, import_records, statistics
    from zcc.compiler.tuning.tune_model import tune_model
    from zcc.registry.location import locate

    home = locate(registry).home
    if model is not None:
        options = CompileOptions(model=model, dtypes=dtypes, target=target, imgsz=imgsz)
        with reserved_stdout():
            left = Limits(seconds=budget).after(time.monotonic() - began)
            searches = tune_model(options, TuneOptions(trials, left.seconds, runner), home, open_progress())
        print_json([_document(search) for search in searches]) if as_json else say_lines(_summary(searches))
        return
    if import_from is not None:
        import_records(import_from, home)
    told = export_records(home, export_to) if export_to is not None else statistics(home)
    print_json([vars(each) for each in told]) if as_json else say_lines(_statistics(told))


def _document(search: AnySearch) -> dict[str, Any]:
    return {
        "target": search.target.name,
        "cores": search.threads,
        "seconds": round(search.spent, 1),
        "tried": search.tried,
        "failed": search.failed,
        "left": search.left,
        "default_ms": round(1e3 * search.default_seconds, 4),
        "best_ms": round(1e3 * search.best_seconds, 4),
        "kernels": [
            {
                "name": task.name,
                "runs": task.count,
                "choices": task.forms,
                "left": task.left,
                "default_ms": _ms(task.default_seconds),
                "best_ms": _ms(task.best_seconds),
                "floor_ms": _ms(task.floor_seconds),
                "best": task.best,
            }
            for task in search.tasks
        ],
        "network": _network(search.network) if search.network else None,
    }


def _network(found: TunedNetwork) -> dict[str, Any]:
    return {
        "default": found.default_form,
        "best": found.best_form,
        "default_ms": _ms(found.default_seconds),
        "best_ms": _ms(found.best_seconds),
        "tried": found.tried,
        "failed": found.failed,
        "left": found.left,
        "forms_ms": {form: value if isinstance(value, str) else _ms(value) for form, value in found.forms.items()},
    }


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(1e3 * seconds, 5)


def _summary(searches: list[AnySearch]) -> str:
    from zcc.commands.tuning_table import network_line, whole_line

    lines = []
    for search in searches:
        lines.append(f"{search.target.name}: {whole_line(search)}")
        if search.network:
            lines.append(f"{search.target.name}, {network_line(search.network)}")
    return "\n".join(lines)


def _statistics(told: list[TargetRecords]) -> str:
    from zcc.commands.columns import columns

    if not told:
        return "there are no records; `zcc tune MODEL.onnx` makes some"
    head = ("TARGET", "WHOSE", "KERNELS", "FORMS", "FAILED", "NETWORKS")
    return columns([head, *(tuple(map(str, vars(each).values())) for each in told)])
