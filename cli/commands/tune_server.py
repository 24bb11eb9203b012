"""zcc tune-server: measure kernels for searches on other machines."""

from __future__ import annotations

import click

from zcc.commands.output import say


@click.command(name="tune-server")
@click.option("--tracker", required=True, metavar="HOST:PORT", help="The RPC tracker that searches ask for machines.")
@click.option("--key", required=True, metavar="KEY", help="What kind of machine this is, for `--runner rpc://…/KEY`.")
@click.option("--host", default="127.0.0.1", metavar="ADDRESS", help="The address to listen on.")
@click.option("--port", type=click.IntRange(1, 65000), default=9090, metavar="PORT", help="The first port to try.")
def tune_server(tracker: str, key: str, host: str, port: int) -> None:
    """Measure kernels for searches elsewhere (`zcc tune --runner`), until Ctrl-C.

    A tracker is started with `python -m tvm.exec.rpc_tracker --host ADDRESS --port PORT`. Whoever reaches the port can
    run code on this machine: listen only where you trust everybody.
    """
    from zcc.compiler.tuning.server import serve

    name, _, number = tracker.rpartition(":")
    if not name or not number.isdigit():
        raise click.BadParameter(f"{tracker!r} is no address; write HOST:PORT", param_hint="--tracker")
    serve(key, tracker, host, port, lambda text: say(text, err=True))
