"""What a shell may put in where a word is begun: references and tags of the registry, dtypes, targets, wishes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import click
from click.shell_completion import CompletionItem

MOST = 200  # words that a shell is handed
WISHES = ("fastest", "most-accurate", "fastest-within:0.5", "fastest-within:1")
PAIR = ","  # between the words of an option that takes several


def complete_words(command: click.Command) -> None:
    """Let the shell complete the parameters of a command whose words are known."""
    for parameter in command.params:
        if parameter.name in WORDS:
            # The parameter's own method knows nothing of them; only a parameter of ours could be given another.
            vars(parameter)["shell_complete"] = partial(_completed, WORDS[parameter.name])


def _completed(
    words: Callable[[click.Context, str], Iterable[str]], ctx: click.Context, begun: str
) -> list[CompletionItem]:
    """Those of the words that begin so. A shell that completes can be told no error: then there is nothing."""
    try:
        fitting = [word for word in words(ctx, begun) if word.startswith(begun)]
    except Exception:  # noqa: BLE001 - whatever is wrong with the registry, the command itself will tell it
        return []
    return [CompletionItem(word) for word in fitting[:MOST]]


def _references(ctx: click.Context, begun: str) -> list[str]:
    """Names, and behind a colon the tags of a name."""
    from zcc.registry.browsing import Browsing
    from zcc.registry.listing import ListFilter

    listed = Browsing.open(ctx.params.get("registry")).browse(ListFilter()).artifacts
    names = list(dict.fromkeys(each.name for each in listed))
    tagged = list(dict.fromkeys(f"{each.name}:{tag}" for each in listed for tag in each.tags))
    name, colon, _ = begun.partition(":")
    if colon:
        return [word for word in tagged if word.startswith(f"{name}:")]
    return names if len(names) > 1 else [*names, *tagged]


def _dtypes(ctx: click.Context, begun: str) -> list[str]:
    """Those that are known, behind others that were typed before a comma, too."""
    before, comma, _ = begun.rpartition(PAIR)
    return [f"{before}{comma}{dtype}" for dtype in DTYPES]


def _targets(ctx: click.Context, begun: str) -> list[str]:
    """Those that the registry has artifacts for; where something is compiled, all that are known."""
    if ctx.info_name in ("compile", "tune"):
        from zcc.compiler.backends.table import NATIVE, targets

        return [NATIVE, *targets()]
    from zcc.registry.browsing import Browsing
    from zcc.registry.listing import ListFilter

    return sorted({each.target for each in Browsing.open(ctx.params.get("registry")).browse(ListFilter()).artifacts})


def _wishes(ctx: click.Context, begun: str) -> tuple[str, ...]:
    return WISHES


DTYPES = ("fp32", "fp16", "bf16", "int8", "tf32")  # of zcc.compiler.precision, which takes a second to import
# Parameters by name -> the words that they take.
WORDS: dict[str | None, Callable[[click.Context, str], Iterable[str]]] = {
    **dict.fromkeys(("ref", "refs", "a", "b", "against", "diff"), _references),
    **dict.fromkeys(("dtype", "dtypes", "against_dtype", "diff_dtype"), _dtypes),
    **dict.fromkeys(("target", "targets"), _targets),
    "prefer": _wishes,
}
