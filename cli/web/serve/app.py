"""The routes of a server, and what each answers."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import anyio
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from zcc.runtime.errors import NotFound, ZccError
from zcc.runtime.tasks.rows import result_rows
from zcc.version import __version__
from zcc.web.serve import kserve
from zcc.web.serve.detecting import Detecting
from zcc.web.serve.metrics import TEXT, Metrics
from zcc.web.serve.offer import Answer, Offer
from zcc.web.serve.page import page
from zcc.web.serve.receiving import Receiving, decoded
from zcc.web.serve.refusals import Refusal
from zcc.web.serve.settings import Settings

Handler = Callable[[Request], Awaitable[Response]]
GONE = 499  # a client that went away is not answered; this is what is counted
SAFE = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}


def make_app(offer: Offer, settings: Settings, hosts: list[str]) -> Starlette:
    """The application; `hosts` are the names by which it may be called, so that no other page can pose as it."""
    metrics = Metrics()
    serving = Serving(offer, settings, metrics)
    model = "/v2/models/{name}"
    version = model + "/versions/{version}"
    routes: Mapping[str, tuple[str, Handler]] = {
        "/": ("GET", serving.page),
        "/detect": ("POST", serving.detect),
        "/healthz": ("GET", serving.health),
        "/metrics": ("GET", serving.metrics),
        "/v2": ("GET", serving.server),
        "/v2/health/live": ("GET", serving.health),
        "/v2/health/ready": ("GET", serving.health),
        model: ("GET", serving.model),
        version: ("GET", serving.model),
        f"{model}/ready": ("GET", serving.model),
        f"{version}/ready": ("GET", serving.model),
        f"{model}/infer": ("POST", serving.infer),
        f"{version}/infer": ("POST", serving.infer),
    }
    return Starlette(
        routes=[
            Route(path, _bounded(path, handler, settings, metrics), methods=[method])
            for path, (method, handler) in routes.items()
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=hosts)],
        exception_handlers={HTTPException: _told},
    )


class Serving:
    """What the routes answer."""

    def __init__(self, offer: Offer, settings: Settings, metrics: Metrics) -> None:
        self._offer, self._settings, self._metrics = offer, settings, metrics
        self._receiving = Receiving(settings)
        self._detecting = Detecting(offer, settings, metrics)
        self._page = page(offer, settings)
        metrics.gauge("zcc_received_bytes", "Bytes of requests that are held now.", lambda: self._receiving.bytes_held)

    async def page(self, request: Request) -> Response:
        """The page to try variants on."""
        return HTMLResponse(self._page)

    async def health(self, request: Request) -> Response:
        """Whether it runs: what answers does."""
        return PlainTextResponse("ok\n")

    async def metrics(self, request: Request) -> Response:
        """Counters for Prometheus."""
        return PlainTextResponse(self._metrics.text(), media_type=TEXT)

    async def detect(self, request: Request) -> Response:
        """The detections in the picture that is the body."""
        begin = time.perf_counter()
        async with self._receiving.body(request) as body:
            found = await self._detecting.run(request, lambda: self._decoded(body), dict(request.query_params))
        return JSONResponse(_document(found, 1e3 * (time.perf_counter() - begin)))

    async def server(self, request: Request) -> Response:
        """What a client of KServe's protocol asks first."""
        return JSONResponse({"name": "zcc", "version": __version__, "extensions": list(kserve.names())})

    async def model(self, request: Request) -> Response:
        """What the model takes and gives."""
        self._check(request)
        return JSONResponse(kserve.metadata(self._offer.manifest, self._offer.choices))

    async def infer(self, request: Request) -> Response:
        """The detections in a frame, as tensors."""
        self._check(request)
        async with self._receiving.body(request) as body:
            length, most = request.headers.get(kserve.HEAD_LENGTH), self._settings.most_bytes
            wanted = kserve.read_request(body, length, most, self._offer.manifest)
            picture = wanted.picture
            decode = wanted.decode or (lambda: self._decoded(picture or b""))
            asked = {**wanted.parameters, "variant": request.path_params.get("version")}
            found = await self._detecting.run(request, decode, asked)
            content, head = kserve.answer(wanted, found.manifest, found.found)
        if head is None:
            return Response(content, media_type="application/json")
        return Response(content, media_type="application/octet-stream", headers={kserve.HEAD_LENGTH: str(head)})

    def _decoded(self, body: bytes | bytearray) -> Any:
        return decoded(body, self._offer.manifest.input.color, self._settings.most_pixels)

    def _check(self, request: Request) -> None:
        name, version = request.path_params["name"], request.path_params.get("version")
        if name != self._offer.manifest.name:
            raise Refusal(404, f"there is no model {name!r} here, but {self._offer.manifest.name}")
        if version is not None and version not in self._offer.choices:
            raise Refusal(404, f"there is no version {version!r} here, but {', '.join(self._offer.choices)}")


def _document(answer: Answer, whole: float) -> dict[str, Any]:
    found, manifest = answer.found, answer.manifest
    return {
        "name": manifest.name,
        "dtype": manifest.dtype,
        "target": manifest.target,
        "digest": manifest.digest,
        "frame": list(answer.size),
        "edges": found.edges,
        "ms": {"detector": round(answer.milliseconds, 3), "request": round(whole, 3)},
        "detections": result_rows(found, manifest.classes),
    }


def _bounded(route: str, handler: Handler, settings: Settings, metrics: Metrics) -> Handler:
    """A handler with a time limit, whose failures are answers, and which is counted."""

    async def answered(request: Request) -> Response:
        begin, response = time.perf_counter(), Response(status_code=500)
        try:
            with anyio.fail_after(settings.seconds):
                response = await handler(request)
        except ClientDisconnect:
            response = Response(status_code=GONE)
        except TimeoutError:
            response = _error(408, f"the request took more than {settings.seconds:g} s")
        except Refusal as refusal:
            response = _error(refusal.status, refusal.why)
        except NotFound as error:
            response = _error(404, str(error))
        except ZccError as error:
            response = _error(400, str(error))
        finally:
            metrics.answered(route, response.status_code, time.perf_counter() - begin)
        response.headers.update(SAFE)
        return response

    return answered


def _error(status: int, why: str) -> Response:
    return JSONResponse({"error": why}, status, {"Retry-After": "1"} if status == 503 else None)


async def _told(request: Request, error: Exception) -> Response:
    """Starlette's own refusals, in the form of ours."""
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)
