"""Arguments that commands share."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, TypeVar

import click

MOST_LEVEL = 1e4  # of a pixel, in units of any white

Command = TypeVar("Command", bound=Callable[..., Any])

registry_option = click.option(
    "--registry",
    envvar="ZCC_REGISTRY",
    metavar="URL",
    help="The registry: a folder or an SQLAlchemy URL; ZCC_REGISTRY or ./artifacts by default.",
)

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document and nothing else on stdout."
)

_dtype = click.option("--dtype", metavar="DTYPE", help="Of several variants, the one in this precision.")
_target = click.option("--target", metavar="TARGET", help="Of several variants, the one for this target.")

prefer_option = click.option(
    "--prefer",
    metavar="WISH",
    default="fastest",
    help="Of several variants that run here: fastest, most-accurate, or fastest-within:POINTS of mAP50-95 that it "
    "may lose against the most accurate.",
)


trials_option = click.option(
    "--trials", type=click.IntRange(min=1), metavar="N", help="Stop tuning after so many forms of kernels per dtype."
)


def read_duration(context: click.Context, option: click.Parameter, text: str | None) -> float | None:
    """`90`, `90s`, `10m` or `1.5h`, as seconds."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text.strip())
    if match is None or float(match[1]) == 0:
        raise click.BadParameter(f"{text!r} is not a time; write 90s, 10m or 1h")
    return float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2]]


budget_option = click.option(
    "--budget", callback=read_duration, metavar="TIME", help="Stop tuning after this time: 90s, 10m, 1h."
)


message_option = click.option("--message", "-m", metavar="TEXT", help="Why; it is kept with who and when.")


def read_passphrase(context: click.Context, option: click.Parameter, path: str | None) -> bytes | None:
    """The first line of a file."""
    if path is None:
        return None
    from zcc.runtime.regular import read_regular

    try:
        lines = read_regular(path, 1 << 16).splitlines()
    except OSError as error:
        raise click.BadParameter(f"{path} cannot be read: {error.strerror}") from None
    if not lines or not lines[0]:
        raise click.BadParameter(f"{path} has no first line")
    return lines[0]


passphrase_option = click.option(
    "--passphrase-file",
    "passphrase",
    callback=read_passphrase,
    metavar="FILE",
    help="The passphrase that the key is locked with, in the first line of a file.",
)


def variant_options(command: Command) -> Command:
    """Let a command that takes a reference choose among its variants by --dtype and --target."""
    return _dtype(_target(command))


def read_size(context: click.Context, option: click.Parameter, text: str | None) -> tuple[int, int] | None:
    """`640` or `480x640`, as (height, width)."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,5})(?:[x,](\d{1,5}))?", text)
    if match is None:
        raise click.BadParameter(f"{text!r} is not a size; write 640 or 480x640 (height x width)")
    return int(match[1]), int(match[2] or match[1])


def read_channels(
    context: click.Context, option: click.Parameter, text: str | None
) -> tuple[float, float, float] | None:
    """`0.485,0.456,0.406`, a number for each channel, or one for all."""
    if text is None:
        return None
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) not in (1, 3) or not all(0 <= number <= MOST_LEVEL for number in numbers):
        raise click.BadParameter(f"{text!r} is not three numbers of 0 to {MOST_LEVEL:g}; write 0.485,0.456,0.406")
    if option.name == "std" and min(numbers) < 1 / MOST_LEVEL:
        raise click.BadParameter(f"{text!r} divides by next to nothing; write 0.229,0.224,0.225")
    first, second, third = numbers if len(numbers) > 1 else numbers * 3
    return first, second, third


def refuse_nan(context: click.Context, option: click.Parameter, value: float | None) -> float | None:
    """A number or nothing; no range refuses the number that is none."""
    if value is not None and math.isnan(value):
        raise click.BadParameter("nan is not a number")
    return value


def read_words(context: click.Context, option: click.Parameter, texts: tuple[str, ...]) -> tuple[str, ...]:
    """Every word once, of an option that may be given several times and takes several words with commas between."""
    words = [word.strip() for text in texts for word in text.split(",")]
    if not all(words):
        raise click.BadParameter(f"{','.join(texts)!r} lacks a word; write them with commas between")
    return tuple(dict.fromkeys(words))


def read_numbers(context: click.Context, option: click.Parameter, text: str | None) -> tuple[int, ...]:
    """`1,4` as numbers of at least 1, each once; none where nothing is given."""
    words = [] if text is None else [word.strip() for word in text.split(",")]
    if not all(re.fullmatch(r"[1-9]\d{0,4}", word) for word in words):
        raise click.BadParameter(f"{text!r} are no numbers; write 1 or more, with commas between")
    return tuple(dict.fromkeys(map(int, words)))


def read_pair(context: click.Context, option: click.Parameter, text: str | None) -> tuple[str | None, str | None]:
    """`fp32,int8` as the words for a first and a second reference; a single word is for both."""
    if text is None:
        return None, None
    first, *others = (word.strip() for word in text.split(","))
    if not first or len(others) > 1 or not all(others):
        raise click.BadParameter(f"{text!r} is neither one word nor two with a comma between them")
    return first, others[0] if others else first


def tag_arguments(command: Command) -> Command:
    """Let a command take NAME:TAG, or NAME and TAG apart."""
    return click.argument("name", metavar="NAME:TAG")(click.argument("tag", required=False, metavar="")(command))


def split_tag(name: str, tag: str | None) -> tuple[str, str | None]:
    """The name and the tag that `tag_arguments` were given; None when there was no tag."""
    from zcc.registry.reference import check_name, check_tag

    if tag is None:
        name, _, tag = name.partition(":")
    return check_name(name), check_tag(tag) if tag else None


def need_tag(name: str, tag: str | None) -> tuple[str, str]:
    """As `split_tag`, where there must be a tag."""
    name, tag = split_tag(name, tag)
    if tag is None:
        raise click.UsageError(f"{name!r} names no tag; write {name}:TAG")
    return name, tag
