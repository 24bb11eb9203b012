"""`zcc serve` as users call it."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import urllib.request

from tests.cli.process import assert_one_line, heed_ctrl_c, run_zcc
from tests.conftest import Tiny


def test_it_says_where_it_is_and_ends_on_ctrl_c(tiny_artifact: Tiny) -> None:
    command = [sys.executable, "-m", "zcc", "serve", "tiny", "--port", "0", "--registry", str(tiny_artifact.home)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, preexec_fn=heed_ctrl_c, **pipes) as server:
        assert server.stdout and server.stderr
        line = server.stdout.readline()
        found = re.match(r"(http://127\.0\.0\.1:\d+)  tiny: fp32; Ctrl-C ends it", line)
        assert found, line
        with urllib.request.urlopen(f"{found[1]}/healthz", timeout=30) as answer:
            assert answer.read() == b"ok\n"
        server.send_signal(signal.SIGINT)
        assert server.wait(120) == 130
        assert server.stderr.read() == "error: interrupted\n"


def test_failures_are_one_line_that_names_the_way_out(tiny_artifact: Tiny) -> None:
    home = ("--registry", tiny_artifact.home)
    assert_one_line(run_zcc("serve", "nobody", "--port", "0", *home), 1, "nobody")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert_one_line(
            run_zcc("serve", "tiny", "--port", str(port), *home), 2, f":{port} cannot be listened on", "--port"
        )
