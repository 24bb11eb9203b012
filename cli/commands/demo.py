"""zcc demo: the whole way once, with the sample detector that comes with zcc."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from pathlib import Path

import click

from zcc.commands.options import registry_option
from zcc.commands.output import say, say_lines
from zcc.sample import IMAGES, MODELS

NEXT = ("show {name}", "run {name} YOUR-PICTURE --save out", "compile YOUR-MODEL.onnx")


@click.command()
@click.option(
    "--save",
    metavar="DIR",
    type=click.Path(path_type=Path),
    default=Path("demo-out"),
    help="Where the pictures go.",
)
@click.option("--task", type=click.Choice(list(MODELS)), default="detect", help="What the sample does.")
@registry_option
def demo(save: Path, task: str, registry: str | None) -> None:
    """Compile the sample detector, store it, list it, run it on the sample pictures.

    Every step is a command line that you could type; each is shown before it runs.
    """
    from zcc.commands.main import cli

    place = f" --registry {shlex.quote(registry)}" if registry else ""
    model = MODELS[task]
    for purpose, arguments in _steps(model, save, registry):
        say("")
        say(purpose, bold=True)
        say(f"$ zcc {shlex.join(arguments)}")
        cli.main(arguments, prog_name="zcc", standalone_mode=False)
    say("")
    say(f"The pictures with what was found lie in {save}.", bold=True)
    say_lines("\n".join(["Next:", *(f"  zcc {line.format(name=model.stem)}{place}" for line in NEXT)]))


def _steps(model: Path, save: Path, registry: str | None) -> Iterator[tuple[str, list[str]]]:
    pictures = [_short(path) for path in IMAGES]
    place = ["--registry", registry] if registry else []
    yield "1. Compile the sample detector into the registry", ["compile", _short(model), "--name", model.stem, *place]
    yield "2. List what the registry holds", ["list", *place]
    yield (
        "3. Load it through the runtime, and look at the sample pictures",
        ["run", model.stem, *pictures, "--save", str(save), *place],
    )


def _short(path: Path) -> str:
    """The path as one would type it here."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative
