"""The front door: the table of commands, exit codes, one-line errors, a clean stdout."""

from __future__ import annotations

import errno
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from tests.cli.process import assert_one_line, run_zcc
from zcc.commands.examples import EXAMPLES
from zcc.commands.main import COMMANDS, LazyGroup, Session, cli
from zcc.runtime.errors import BuildError, NotFound, UsageError
from zcc.version import __version__

NAMES = [name for names in COMMANDS.values() for name in names]
HEAVY = (
    "tvm",
    "tvm_ffi",
    "numpy",
    "onnx",
    "onnxruntime",
    "sqlalchemy",
    "rich",
    "PIL",
    "torch",
    "zcc.compiler",
    "zcc.registry",
)


def run_raising(error: BaseException, *arguments: str) -> Result:
    """Run a group whose one command raises `error`."""

    class OneCommand(LazyGroup):
        def list_commands(self, ctx: click.Context) -> list[str]:
            return ["fail"]

        def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
            def fail() -> None:
                raise error

            return click.Command("fail", callback=fail)

    group = OneCommand("zcc", params=[parameter for parameter in cli.params if parameter.name == "debug"])
    return CliRunner().invoke(group, [*arguments, "fail"], catch_exceptions=False)


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (BuildError("the pass broke", "report it"), 1, "error: the pass broke; report it"),
        (NotFound("no\nsuch\nthing"), 1, "error: no such thing"),
        (UsageError("--imgsz 33 is no multiple of 32"), 2, "error: --imgsz 33 is no multiple of 32"),
        (click.UsageError("Bad thing."), 2, "error: Bad thing; see zcc"),
        (click.ClickException("plain"), 1, "error: plain"),
        (KeyboardInterrupt(), 130, "error: interrupted"),
        (
            PermissionError(errno.EACCES, "Permission denied", "/x/y"),
            1,
            "error: /x/y: Permission denied;",
        ),
        (OSError(errno.ENOSPC, "No space left on device"), 1, "error: No space left on device; free"),
        (OSError(errno.ELOOP, "Too many links", "a"), 1, "error: a: Too many links"),
        (MemoryError(), 1, "error: out of memory"),
        (UnicodeEncodeError("utf-8", "a\udcff", 1, 2, "surrogates not allowed"), 2, r"error: 'a\udcff' is no text"),
        (UnicodeEncodeError("ascii", "é", 0, 1, "not in range"), 1, "error: unexpected UnicodeEncodeError"),
        (OSError("no errno here"), 1, "error: unexpected OSError: no errno here; run again with --debug"),
        (ZeroDivisionError("a\nb"), 1, "error: unexpected ZeroDivisionError: a; run again with --debug"),
        (RuntimeError(), 1, "error: unexpected RuntimeError: ; run again with --debug"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_every_failure_is_one_line_and_a_code(error: BaseException, code: int, line: str) -> None:
    result = run_raising(error)
    assert result.exit_code == code
    assert result.stderr.strip().startswith(line)
    assert len(result.stderr.strip().splitlines()) == 1
    assert result.stdout == ""


def test_debug_shows_the_traceback_and_still_ends_in_the_line() -> None:
    result = run_raising(ZeroDivisionError("inside"), "--debug")
    assert result.exit_code == 1
    assert "Traceback (most recent call last)" in result.stderr
    assert result.stderr.strip().splitlines()[-1].startswith("error: unexpected ZeroDivisionError")


def test_a_caller_that_asks_for_exceptions_gets_them() -> None:
    with pytest.raises(click.UsageError):
        cli.main(["no-such-command"], standalone_mode=False)


@pytest.mark.parametrize("name", NAMES)
def test_every_command_of_the_table_exists_and_is_described(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert command.name == name
    assert command.help
    assert command.get_short_help_str(200).endswith((".", ")"))
    assert [parameter.name for parameter in command.params].count("debug") == 1


def test_every_command_with_a_result_prints_json_and_takes_a_registry() -> None:
    for name in set(NAMES) - {"demo", "completion", "serve", "tune-server"}:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        options = {spelling for parameter in command.params for spelling in parameter.opts}
        assert "--json" in options, name
        # What an address names is in no registry of this machine.
        assert ("--registry" in options) == (name != "remote"), name


def test_the_front_door_imports_nothing_heavy() -> None:
    code = f"import sys, zcc.commands.main; print([name for name in {HEAVY!r} if name in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_the_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom zcc.commands.main import cli\ncli.main(['--help'], standalone_mode=False)\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    output = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert output.strip().splitlines()[-1] == "[]"


def test_version_and_help() -> None:
    assert run_zcc("--version").stdout == f"zcc {__version__}\n"
    bare, asked = run_zcc(), run_zcc("--help")
    assert bare.returncode == asked.returncode == 0
    assert bare.stdout == asked.stdout
    for name in NAMES:
        assert f"  {name} " in asked.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("no-such-command",),
        ("--no-such-option",),
        ("compile",),
        ("compile", "a.onnx", "--imgsz", "wide"),
        ("compile", "a.onnx", "--color", "cmyk"),
        ("run", "name"),
        ("run", "name", "a.jpg", "--conf", "2"),
        ("run", "name", "a.jpg", "--limit", "9" * 30),
        ("completion", "tcsh"),
    ],
)
def test_wrong_usage_exits_with_2_in_one_line(arguments: tuple[str, ...]) -> None:
    assert_one_line(run_zcc(*arguments), 2)


def test_json_is_the_only_thing_on_stdout(tmp_path: Path) -> None:
    done = run_zcc("list", "--json", "--registry", str(tmp_path / "registry"))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []


def test_a_failure_under_json_leaves_stdout_empty(tmp_path: Path) -> None:
    done = run_zcc("show", "nothing", "--json", "--registry", str(tmp_path / "registry"))
    assert_one_line(done, 1, "nothing")


def test_native_output_does_not_reach_a_reserved_stdout() -> None:
    code = (
        "import os, subprocess\nfrom zcc.commands.output import print_json, reserved_stdout\n"
        "with reserved_stdout():\n"
        "    print('python'); os.write(1, b'native'); subprocess.run(['echo', 'child'])\n"
        "print_json({'is': 'clean'})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {"is": "clean"}
    assert all(word in done.stderr for word in ("python", "native", "child"))


def test_what_libraries_warn_of_is_shown_only_to_those_who_ask() -> None:
    code = (
        "import sys, warnings, zcc.commands.main as m, zcc.commands.completion as c\n"
        "c.completion.callback = lambda shell: warnings.warn('odd EXIF')\n"
        "sys.argv[1:] = ['completion', 'bash']\nm.main()"
    )
    for flags, seen in (([], False), (["-W", "default"], True)):
        done = subprocess.run([sys.executable, *flags, "-c", code], capture_output=True, text=True, check=True)
        assert ("odd EXIF" in done.stderr) == seen


def test_a_reader_that_leaves_causes_no_traceback() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "zcc", "--help"], stdout=writing, stderr=subprocess.PIPE, text=True, timeout=60
    )
    os.close(writing)
    assert "Traceback" not in done.stderr


def test_ctrl_c_exits_with_130() -> None:
    code = (
        "import signal, time, zcc.commands.main as m, zcc.commands.completion as c\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a background job ignores it from birth
        "def wait(shell): print('up', flush=True); time.sleep(60)\n"
        "c.completion.callback = wait\nm.cli(['completion', 'bash'])"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    process.send_signal(signal.SIGINT)
    _, complaint = process.communicate(timeout=30)
    assert process.returncode == 130
    assert complaint.strip() == "error: interrupted"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script_is_sound(shell: str) -> None:
    done = run_zcc("completion", shell)
    assert done.returncode == 0
    assert "_ZCC_COMPLETE" in done.stdout
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=done.stdout, text=True, check=True)


def test_completion_offers_commands_and_options() -> None:
    commands = run_zcc(_ZCC_COMPLETE="bash_complete", COMP_WORDS="zcc comp", COMP_CWORD="1").stdout
    assert set(commands.split()) == {"plain,compare", "plain,compile", "plain,completion"}
    options = run_zcc(_ZCC_COMPLETE="bash_complete", COMP_WORDS="zcc compile --co", COMP_CWORD="2").stdout
    assert options.split() == ["plain,--color"]


@pytest.mark.parametrize(
    ("typed", "likely"), [("compil", "compile"), ("ls", "list"), ("predict", "run"), ("xyzzy", "")]
)
def test_a_word_that_is_no_command_has_a_suggestion(typed: str, likely: str) -> None:
    hint = f" (did you mean {likely}?)" if likely else ""
    done = CliRunner().invoke(cli, [typed], prog_name="zcc")
    assert (done.exit_code, done.stderr) == (2, f"error: there is no command {typed!r}{hint}; see zcc --help\n")


@pytest.mark.parametrize("name", NAMES)
def test_every_help_ends_with_examples_that_are_understood(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("pictures", "labelled"):
        (tmp_path / folder).mkdir()
    help_text = CliRunner().invoke(cli, [name, "--help"]).stdout
    assert help_text.splitlines()[-1].strip() == EXAMPLES[name][-1]
    for example in EXAMPLES[name]:
        [line] = re.findall(r"zcc [^|)]*", example)
        _, command, *arguments = shlex.split(line)
        assert command == name
        found = cli.get_command(click.Context(cli), name)
        assert found is not None
        found.make_context(name, arguments, parent=click.Context(cli, obj=Session()))
