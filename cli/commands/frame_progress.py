"""How far a run over many pictures or frames is: a bar on a terminal, with frames a second and the time left."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from zcc.commands.inputs import Film, Picture

if TYPE_CHECKING:
    from zcc.commands.sightings import Sighting

WORTH_SHOWING = 3  # pictures; a video is always worth it


def with_progress(
    sightings: Iterable[Sighting], inputs: Sequence[Picture | Film], limit: int | None
) -> Iterator[Sighting]:
    """The same sightings, with a bar on a terminal; nothing is shown where stderr goes elsewhere."""
    films = any(isinstance(each, Film) for each in inputs)
    if not sys.stderr.isatty() or (not films and len(inputs) < WORTH_SHOWING):
        yield from sightings
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        *(BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"), TimeElapsedColumn()),
        *(TextColumn("left"), TimeRemainingColumn()),
    )
    # What is printed meanwhile stays above the bar; what is piped elsewhere is left alone.
    console, redirected = Console(stderr=True), sys.stdout.isatty()
    with Progress(*columns, console=console, transient=True, redirect_stdout=redirected) as display:
        task = display.add_task("", total=frames_in(inputs, limit), rate="")
        for sighting in sightings:
            yield sighting
            speed = display.tasks[0].speed
            display.update(task, advance=1, rate=f"{speed:.1f} a second" if speed else "")


def frames_in(inputs: Sequence[Picture | Film], limit: int | None) -> int | None:
    """How many frames there are, as far as that can be known before they are read."""
    from zcc.runtime.errors import InputError
    from zcc.runtime.feeds.video import video_facts

    total = 0
    for each in inputs:
        try:
            frames = 1 if isinstance(each, Picture) else None if each.live else video_facts(each.source).frames
        except InputError:
            frames = 0  # it is passed over, and told then
        if frames is None:
            return limit
        total += frames
    return total if limit is None else min(total, limit)
