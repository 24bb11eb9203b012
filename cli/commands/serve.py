"""zcc serve: a detector behind HTTP, with a page to try it on."""

from __future__ import annotations

import importlib.util

import click

from zcc.commands.options import prefer_option, registry_option, variant_options
from zcc.commands.output import say

NEEDED = ("starlette", "uvicorn", "PIL")


@click.command()
@click.argument("ref")
@variant_options
@prefer_option
@click.option("--host", default="127.0.0.1", metavar="ADDRESS", help="The address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8080, metavar="PORT", help="The port; 0 takes a free one."
)
@click.option("--only", is_flag=True, help="Load the one variant that is meant, and none to compare it with.")
@click.option(
    "--max-mb", type=click.FloatRange(0, 1024, min_open=True), default=32, metavar="MB", help="Most bytes of a request."
)
@click.option(
    "--timeout",
    type=click.FloatRange(0, min_open=True),
    default=30,
    metavar="S",
    help="Most time that a request takes.",
)
@registry_option
def serve(
    ref: str,
    dtype: str | None,
    target: str | None,
    prefer: str,
    host: str,
    port: int,
    only: bool,
    max_mb: float,
    timeout: float,
    registry: str | None,
) -> None:
    """Serve the detector REF over HTTP until Ctrl-C: a page to try it on, and endpoints for programs.

    POST /detect takes a picture and answers in JSON; /v2/models/NAME/infer speaks KServe's protocol, /metrics
    Prometheus's, /healthz says that it runs. It listens on this machine alone unless --host says otherwise: whoever
    reaches the port can use it, and there is no password. Frames are not kept.
    """
    from zcc.runtime.choice import Wish
    from zcc.runtime.distribution import how_to_install
    from zcc.runtime.errors import UsageError

    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise UsageError(f"a server needs {', '.join(missing)}, which are not here", how_to_install("serve"))
    from zcc.web.serve.offer import load_offer
    from zcc.web.serve.server import listen
    from zcc.web.serve.server import serve as run
    from zcc.web.serve.settings import MB, Settings

    listening = listen(host, port)
    offer = load_offer(ref, Wish(dtype, target, prefer), registry, every=not only)
    settings = Settings(most_bytes=int(max_mb * MB), seconds=timeout)
    address = f"[{host}]" if ":" in host else host
    offered = f"{offer.manifest.name}: {', '.join(offer.choices)}"
    say(f"http://{address}:{listening.getsockname()[1]}  {offered}; Ctrl-C ends it")
    run(offer, settings, listening, host)
