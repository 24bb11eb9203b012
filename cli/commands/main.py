"""The front door: one group, and a table of the commands behind it.

A command's module is imported when the command is asked for, and a module imports what is heavy inside its
function, so `zcc --version` costs nothing and `zcc list` does not load a compiler.
"""

from __future__ import annotations

import atexit
import errno
import gc
import importlib
import keyword
import sys
import traceback
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import click

from zcc.commands.complete import complete_words
from zcc.commands.examples import epilog
from zcc.commands.interrupts import INTERRUPTED, LINE, Interrupts, interruptible
from zcc.commands.output import say, say_lines
from zcc.commands.suggestions import near
from zcc.runtime.errors import ZccError
from zcc.version import __version__

# Command `x` is the function `x` of the module `zcc.commands.x`, shown under its heading in `zcc --help` and told in a
# line; where `x` is a keyword of Python's, both are `x_`, and a hyphen in `x` is an underscore in both.
COMMANDS: dict[str, dict[str, str]] = {
    "Build": {
        "compile": "Compile a YOLO ONNX file into the registry.",
        "build": "Build what a matrix of models, targets and dtypes lacks.",
        "tune": "Search for faster forms of a model's kernels.",
        "tune-server": "Measure kernels for searches on other machines.",
    },
    "Use": {
        "run": "Run a detector on pictures, folders, videos and cameras.",
        "eval": "Measure its mAP on labelled pictures.",
        "compare": "Put two detectors side by side.",
        "bench": "Time it, by itself and against other tools.",
        "profile": "Show what each of its kernels takes.",
        "adapt": "Tell what switching precision from frame to frame brings.",
        "report": "Write one page about every variant.",
        "serve": "Serve it over HTTP, with a page to try it on.",
    },
    "Registry": {
        "list": "List what the registry holds.",
        "show": "Show what an artifact is, and how to run it.",
        "describe": "Say in a line what an artifact is for.",
        "tag": "Move a tag to artifacts.",
        "untag": "Take a tag away.",
        "history": "Show every move of a tag, by whom and why.",
        "rollback": "Move a tag back to where it was.",
        "diff": "Tell in words what one artifact has otherwise than another.",
        "protect": "Let a tag take only what a policy lets through.",
        "keygen": "Make a key that signs artifacts.",
        "sign": "Sign artifacts.",
        "rm": "Remove an artifact.",
        "gc": "Free the files that nothing needs any more.",
        "verify": "Check every stored byte, or hold an artifact to a policy.",
        "reindex": "Make the index anew from the artifacts' folders.",
        "export": "Write variants to one file, with all it takes to run them.",
        "import": "Publish what such a file holds.",
        "push": "Send variants to an OCI registry.",
        "pull": "Fetch variants from an OCI registry.",
        "remote": "List what an OCI registry holds.",
    },
    "This machine": {
        "doctor": "Say what this machine can compile for and run.",
        "demo": "Compile, store, list and run the sample detector.",
        "completion": "Print a completion script for bash, zsh or fish.",
    },
}

# What other programs call what ours are called.
OTHER_WORDS = {
    **{"ls": "list", "info": "show", "inspect": "show", "remove": "rm", "delete": "rm"},
    **{"detect": "run", "predict": "run", "infer": "run", "val": "eval", "validate": "eval", "test": "eval"},
    **{"benchmark": "bench", "time": "bench", "perf": "profile", "log": "history", "prune": "gc", "fsck": "verify"},
    **{"convert": "compile", "optimize": "tune", "login": "remote"},
}

# errno -> the way out. An error outside this table is told with its file and cause alone.
OS_REMEDIES = {
    errno.ENOSPC: "free some space, or choose another disk with --registry",
    errno.EDQUOT: "free some of your quota, or choose another disk with --registry",
    errno.EACCES: "check the owner and the mode",
    errno.EPERM: "check the owner and the mode",
    errno.EROFS: "choose a writable place",
    errno.ENOENT: "check the path",
    errno.EISDIR: "name a file instead",
    errno.ENOTDIR: "name a directory instead",
    errno.EMFILE: "raise the limit on open files (ulimit -n)",
}


@dataclass
class Session:
    """What one call of the command line carries besides the arguments of its command."""

    debug: bool = False
    interrupts: Interrupts | None = None


def _set_debug(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        context.find_root().ensure_object(Session).debug = True


def debug_option() -> click.Option:
    """`--debug`, accepted by the group and by every command."""
    return click.Option(
        ["--debug"],
        is_flag=True,
        expose_value=False,
        callback=_set_debug,
        help="Show the traceback of an error.",
    )


class LazyGroup(click.Group):
    """A group that imports a command when it is asked for, and ends every failure in one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command, in the order of the table."""
        return [name for names in COMMANDS.values() for name in names]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        if cmd_name not in self.list_commands(ctx):
            return None
        word = cmd_name.replace("-", "_") + "_" * keyword.iskeyword(cmd_name)
        command: click.Command = getattr(importlib.import_module(f"zcc.commands.{word}"), word)
        if not any("--debug" in parameter.opts for parameter in command.params):
            command.params.append(debug_option())
            command.epilog = epilog(cmd_name)
            complete_words(command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is meant; for a word that is none, the one that somebody may have meant."""
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            instead = OTHER_WORDS.get(args[0])
            likely = [instead] if instead else near(args[0], self.list_commands(ctx))
            hint = f" (did you mean {' or '.join(likely)}?)" if likely else ""
            raise click.UsageError(f"there is no command {args[0]!r}{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands under their headings."""
        width = max(map(len, self.list_commands(ctx)))
        for heading, lines in COMMANDS.items():
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(width), line) for name, line in lines.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; click would put an empty line before what tells an interrupt."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise click.Abort from None

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run, and exit with 0, 1, 2 or 130; whatever fails is told in one line on stderr."""
        session = extra.setdefault("obj", Session())
        try:
            outcome = super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        except Exception as error:
            if not standalone_mode:
                raise
            _end(error, session)
        if not standalone_mode:
            return outcome
        sys.exit(outcome if isinstance(outcome, int) else 0)


def describe_error(error: Exception) -> tuple[str, int]:
    """The line that tells an error, and the exit code it ends in."""
    match error:
        case ZccError():
            return str(error), error.exit_code
        case click.UsageError():
            path = error.ctx.command_path if error.ctx else "zcc"
            return f"{error.format_message().rstrip('.')}; see {path} --help", error.exit_code
        case click.ClickException():
            return error.format_message(), error.exit_code
        case click.Abort():
            return LINE, INTERRUPTED
        case OSError() if error.errno is not None:
            place = f"{error.filename}: " if error.filename else ""
            remedy = OS_REMEDIES.get(error.errno)
            return f"{place}{error.strerror}" + (f"; {remedy}" if remedy else ""), 1
        case UnicodeEncodeError() if "surrogate" in error.reason:
            return f"{error.object!r} is no text in UTF-8; write it in characters that are", 2
        case MemoryError():
            return "out of memory; free some, or compile on a larger machine", 1
    first_line = next(iter(str(error).splitlines()), "")
    return f"unexpected {type(error).__name__}: {first_line}; run again with --debug for the traceback", 1


def _end(error: Exception, session: Session) -> NoReturn:
    line, code = describe_error(error)
    if session.debug:
        say_lines("".join(traceback.format_exception(error)).rstrip(), err=True)
    if session.interrupts is not None and session.interrupts.heard:
        session.interrupts.end()  # native code and other programs tell an interrupt in words of their own
    say(f"error: {' '.join(line.split())}", err=True)
    sys.exit(code)


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100, "show_default": True},
    params=[debug_option()],
    invoke_without_command=True,
)
@click.version_option(__version__, "--version", prog_name="zcc", message="%(prog)s %(version)s")
@click.pass_context
def cli(context: click.Context) -> None:
    """Compile YOLO detectors ahead of time, keep them in a registry, run them: camera frame in, boxes out."""
    if context.invoked_subcommand is None:
        say_lines(context.get_help())


def main() -> None:
    """The console script `zcc`."""
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # libraries warn programmers; `python -W default -m zcc` shows it
    # At its end Python looks for garbage in all that was imported, which takes half a second where TVM was.
    atexit.register(gc.freeze)
    with interruptible() as interrupts:
        cli(prog_name="zcc", obj=Session(interrupts=interrupts))
