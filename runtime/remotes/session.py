"""Requests to one registry, as one user: authorisation, redirects, answers of which no more is read than allowed."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Mapping
from http.client import HTTPResponse
from typing import Any, Protocol
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from zcc.runtime import limits
from zcc.runtime.errors import NotFound, RegistryError
from zcc.runtime.remotes.address import HOST, RemoteAddress
from zcc.runtime.remotes.connection import SECONDS, Broken, connect, failures, nearness
from zcc.runtime.remotes.credentials import DOCKER_HUB, Credentials, find_credentials
from zcc.runtime.remotes.tokens import AGENT, ask_for_token, token_in
from zcc.runtime.rules import brief

REDIRECTS = (301, 302, 303, 307, 308)
MOST_REDIRECTS = 5  # registries send blobs to a store, some by way of another
ERROR_BODY = 64 << 10  # bytes of an error that are looked at for its message


class Readable(Protocol):
    """A body that is read as it is sent."""

    def read(self, length: int = ..., /) -> bytes:
        """The next bytes, none at the end."""
        ...

    def rewind(self) -> None:
        """Begin again."""
        ...


Body = bytes | Readable | None
_PARAMETER = re.compile(r'([A-Za-z_]+)\s*=\s*(?:"([^"]{0,4096})"|([^\s,]{1,4096}))')


class HttpAnswer:
    """A status, headers, and a body that is read once."""

    def __init__(self, host: str, response: HTTPResponse) -> None:
        self._host, self._response = host, response
        self.status = response.status

    def header(self, name: str) -> str | None:
        """One header."""
        return self._response.getheader(name)

    def challenges(self) -> list[str]:
        """How the registry wants to be told who asks."""
        return self._response.headers.get_all("WWW-Authenticate") or []

    @property
    def length(self) -> int | None:
        """How many bytes the body is said to have."""
        said = self.header("Content-Length") or ""
        return int(said) if said.isascii() and said.isdigit() and len(said) < 19 else None

    @property
    def left(self) -> int | None:
        """How many bytes of it are still to be read, where that is known; none of an answer that has no body."""
        return self._response.length

    def read(self, most: int) -> bytes:
        """The whole body, refused when it has more than so many bytes."""
        with failures(self._host):
            content = self._response.read(most + 1)
        if len(content) > most or (self.length or 0) > most:
            raise RegistryError(f"{self._host} answers with more than {most} bytes", "name another registry")
        if len(content) < (self.length or 0):
            raise Broken(f"{self._host} ended the connection in the middle of an answer", "try again")
        return content

    def some(self, most: int) -> bytes:
        """The next bytes, none at the end."""
        with failures(self._host):
            return self._response.read(most)

    def into(self, room: memoryview) -> int:
        """The next bytes, read into the room; how many they are, none at the end."""
        with failures(self._host):
            return self._response.readinto(room)


class RemoteSession:
    """Requests about one repository, or about the host as a whole; for one thread at a time."""

    def __init__(self, address: RemoteAddress, actions: str = "pull", seconds: float = SECONDS) -> None:
        self.address = address
        self._host = DOCKER_HUB[1] if address.host in DOCKER_HUB else address.host
        self._scope = f"repository:{address.repository}:{actions}" if address.repository else "registry:catalog:*"
        self._seconds = seconds
        self._connection: http.client.HTTPConnection | None = None
        self._abroad: http.client.HTTPConnection | None = None  # to where the registry keeps its blobs
        self._secure, self._nearness = True, 0
        self._authorization: str | None = None
        self._fresh = True  # whether the connection has answered nothing yet

    def __enter__(self) -> RemoteSession:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def beside(self) -> RemoteSession:
        """Another session about the same, which the registry knows as it knows this one."""
        other = RemoteSession(self.address, seconds=self._seconds)
        other._scope, other._authorization = self._scope, self._authorization
        return other

    def close(self) -> None:
        """End the connections; the next request opens another one."""
        for connection in (self._connection, self._abroad):
            if connection is not None:
                connection.close()
        self._connection = self._abroad = None

    def path(self, *parts: str) -> str:
        """Where something of the repository is."""
        return f"/v2/{'/'.join((self.address.repository, *(quote(part, safe=':/') for part in parts)))}"

    def ask(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, body: Body = None, again: bool = True
    ) -> HttpAnswer:
        """One request and its answer, whatever its status; once more with authorisation where that is asked for.

        What a server closed while nobody asked is opened `again`, unless it matters that it hears nothing twice.
        """
        answer = self._send(method, path, headers or {}, body, again)
        if answer.status == 401:
            challenges = answer.challenges()
            self.forget(answer)
            self._authorization = self._authorise(challenges)
            if not (body is None or isinstance(body, bytes)):
                body.rewind()
            answer = self._send(method, path, headers or {}, body, again)
        return answer

    def follow(self, path: str, headers: Mapping[str, str]) -> HttpAnswer:
        """A GET that may lead to another host, as registries keep blobs elsewhere; who we are is not told there."""
        answer = self.ask("GET", path, headers)
        place = f"{self._base}{path}"
        for _ in range(MOST_REDIRECTS):
            if answer.status not in REDIRECTS:
                return answer
            place = _joined(place, answer.header("Location") or "", self._host).geturl()
            self.close()
            answer = self._elsewhere(place, headers)
        raise RegistryError(f"{self._host} leads from one place to another without end", "name another registry")

    def own_path(self, location: str | None, base: str) -> str:
        """The path of a location that must be this host's: what is sent there is for nobody else."""
        place = _joined(f"{self._base}{base}", location or "", self._host)
        if location is None or f"{place.scheme}://{place.netloc}".lower() != self._base.lower():
            problem = f"{self._host} wants what is pushed to go to {brief(location)}"
            raise RegistryError(problem, "push to that host itself, if you trust it")
        return _target(place)

    def done(self, answer: HttpAnswer, what: str, *statuses: int) -> HttpAnswer:
        """The answer, when its status is one of these."""
        if answer.status in statuses:
            return answer
        raise self._refusal(answer, what)

    def forget(self, answer: HttpAnswer) -> None:
        """Read what little there is of an answer nobody needs, so that the connection can be used again."""
        if (answer.left or 0) > ERROR_BODY or len(answer.some(ERROR_BODY)) == ERROR_BODY:
            self.close()

    @property
    def _base(self) -> str:
        return f"{'https' if self._secure else 'http'}://{self._host}"

    def _connected(self) -> http.client.HTTPConnection:
        if self._connection is None or self._connection.sock is None:
            connection = connect(self._host, self.address.plain, self._seconds)
            self._secure = isinstance(connection, http.client.HTTPSConnection)
            self._nearness = nearness(connection)
            self._connection, self._fresh = connection, True
        return self._connection

    def _send(self, method: str, path: str, headers: Mapping[str, str], body: Body, again: bool) -> HttpAnswer:
        connection, fresh = self._connected(), self._fresh
        known = {"Authorization": self._authorization} if self._authorization else {}
        try:
            with failures(self._host):
                connection.request(method, path, body=body, headers={"User-Agent": AGENT, **headers, **known})
                self._fresh = False
                return HttpAnswer(self._host, connection.getresponse())
        except Broken:
            self.close()
            if fresh or not again:
                raise
            return self._send(method, path, headers, body, again=False)

    def _elsewhere(self, place: str, headers: Mapping[str, str]) -> HttpAnswer:
        """A GET at a place that the registry named."""
        url = urlsplit(place)
        connection = self._abroad = self._reach(url)
        with failures(url.netloc):
            connection.request("GET", _target(url), headers={"User-Agent": AGENT, **headers})
            return HttpAnswer(url.netloc, connection.getresponse())

    def _reach(self, url: SplitResult) -> http.client.HTTPConnection:
        """A connection to where the registry leads: no less safe, and no nearer to us, than the registry itself is."""
        leads = f"{self._host} leads to {brief(url.geturl())}"
        plain = url.scheme == "http"
        if (url.scheme != "https" and not plain) or (plain and self._secure) or not re.fullmatch(HOST, url.netloc):
            raise RegistryError(f"{leads}, which is no https address", "name another registry")
        connection = connect(url.netloc, plain, self._seconds)
        if nearness(connection) > self._nearness:
            connection.close()
            raise RegistryError(f"{leads}, which is nearer to this machine than itself", "name another registry")
        return connection

    def _authorise(self, challenges: list[str]) -> str | None:
        """What the next request carries."""
        known = find_credentials(self.address.host, self.address.repository)
        for challenge in challenges:
            scheme, _, rest = challenge.partition(" ")
            if scheme.lower() == "bearer":
                parameters = {found[1].lower(): found[2] or found[3] or "" for found in _PARAMETER.finditer(rest)}
                return f"Bearer {self._token(parameters, known)}"
            if scheme.lower() == "basic" and known and known.user:
                return f"Basic {known.basic}"
        return None

    def _token(self, challenge: Mapping[str, str], known: Credentials | None) -> str:
        """A token for what we want to do, from where the registry says that they are given out."""
        realm = _joined(self._base, challenge.get("realm", ""), self._host)
        wanted = {"service": challenge.get("service", ""), "scope": self._scope}
        connection = self._reach(realm)
        try:
            with failures(realm.netloc):
                ask_for_token(connection, realm, wanted, known)
                answer = HttpAnswer(realm.netloc, connection.getresponse())
            if answer.status != 200:
                raise self._refusal(answer, "log in")
            return token_in(answer.read(limits.REMOTE_DOCUMENT), self._host)
        finally:
            connection.close()

    def _refusal(self, answer: HttpAnswer, what: str) -> RegistryError:
        """What a status that is not wanted means."""
        told = _told(answer)
        self.close()
        problem = f"{self.address.place or self._host} refuses to {what}: {told}"
        match answer.status:
            case 401 | 403:
                return RegistryError(problem, f"log in with docker login {self.address.host}, or podman login")
            case 404:
                return NotFound(f"{self.address.place}: there is nothing to {what}", "zcc remote list shows what is")
            case 429 | 502 | 503 | 504:
                return Broken(problem, "try again later")
        return RegistryError(problem, "see what its log says")


def _joined(base: str, location: str, host: str) -> SplitResult:
    try:
        return urlsplit(urljoin(base, location))
    except ValueError as error:
        raise RegistryError(f"{host} leads to {brief(location)}, which is no address", "name another") from error


def _target(url: SplitResult) -> str:
    return f"{url.path or '/'}?{url.query}" if url.query else url.path or "/"


def _told(answer: HttpAnswer) -> str:
    """The reason in the body of an error, else the status."""
    try:
        first: Any = json.loads(answer.some(ERROR_BODY))["errors"][0]
        reason = f"{first['code']} {first.get('message', '')}"
    except (ValueError, LookupError, TypeError, RecursionError):
        reason = ""
    return f"status {answer.status} {brief(reason.strip())[1:-1]}".strip()
