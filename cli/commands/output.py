"""What commands print. Nothing else in this folder writes to stdout or stderr, so that no text from a file, a name or a
path reaches a terminal as it is; tools/check_output.py holds it.
"""

from __future__ import annotations

import json
import math
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

import click

from zcc.runtime.escaping import UNPRINTABLE, escaped

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text


def say(text: object, *, err: bool = False, newline: bool = True, file: TextIO | None = None, **style: Any) -> None:
    """Print one line, whatever is in it, with all that is not read escaped; `style` as click.style takes it."""
    safe = escaped(str(text))
    click.echo(click.style(safe, **style) if style else safe, file=file or _stream(err), nl=newline)


def say_lines(text: object, *, err: bool = False) -> None:
    """Print a text of several lines, that nothing from elsewhere has put line ends into; all else is escaped."""
    click.echo("\n".join(_TAB.sub(_escaped_between, line) for line in str(text).split("\n")), file=_stream(err))


def print_json(document: Any) -> None:
    """Print one JSON document: the values as they are, so escaped that nothing but a parser takes them for more."""
    text = json.dumps(_finite(document), indent=2, ensure_ascii=False)
    click.echo("\n".join(UNPRINTABLE.sub(_json_escape, line) for line in text.split("\n")))


def print_rich(renderable: RenderableType, console: Console | None = None) -> None:
    """Print what rich lays out; texts in it must come through `cells`."""
    from rich.console import Console

    (console or Console(highlight=False)).print(renderable)


def cells(texts: Iterable[str]) -> Iterator[Text]:
    """Texts for a row of rich's: escaped, and nothing in them taken for markup."""
    from rich.text import Text

    return (Text(escaped(text)) for text in texts)


def _stream(err: bool) -> TextIO:
    """Where it goes. By click's own choice it would go past what stands in for the stream while a bar is shown."""
    return sys.stderr if err else sys.stdout


_TAB = re.compile("[^\t]+")  # tabs lay out shell scripts


def _escaped_between(found: re.Match[str]) -> str:
    return escaped(found[0])


def _finite(value: Any) -> Any:
    """The document with null for numbers that JSON does not have."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(each) for key, each in value.items()}
    return [_finite(each) for each in value] if isinstance(value, list | tuple) else value


def _json_escape(found: re.Match[str]) -> str:
    return json.dumps(found[0])[1:-1] if ord(found[0]) > 0x7F else f"\\u{ord(found[0]):04x}"


@contextmanager
def reserved_stdout() -> Iterator[None]:
    """Send what native libraries print meanwhile to stderr, so that stdout carries the result alone."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)
