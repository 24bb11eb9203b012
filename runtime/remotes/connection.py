"""One connection to a registry's host: over TLS, and without it to this machine itself or where the user says so."""

from __future__ import annotations

import http.client
import ipaddress
import os
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from zcc.runtime.errors import RegistryError, Unavailable

BLOCK = 1 << 20  # bytes that are sent at once
LOOPBACK = 3  # the nearness of this machine
CONNECTING = 10.0  # seconds until a host that does not answer counts as not there
SECONDS = 60.0  # without a byte, after which a host counts as gone
# What OpenSSL says when the other side does not speak TLS.
_NO_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "UNKNOWN_PROTOCOL", "PACKET_LENGTH_TOO_LONG")
# Where docker and podman keep the certificates of private authorities, by host.
_CERTIFICATES = ("/etc/docker/certs.d", "/etc/containers/certs.d", "~/.config/containers/certs.d")


class Broken(Unavailable):
    """The connection ended before its time; what was asked may be asked again."""


def connect(host: str, plain: bool, seconds: float = SECONDS) -> http.client.HTTPConnection:
    """A connection to `host:port`; a registry on this very machine may do without TLS."""
    with failures(host):
        if plain:
            return _opened(http.client.HTTPConnection(_of(host, 80), blocksize=BLOCK), seconds)
        context = _context(host)
        try:
            return _opened(http.client.HTTPSConnection(_of(host, 443), context=context, blocksize=BLOCK), seconds)
        except ssl.SSLError as error:
            if error.reason not in _NO_TLS:
                raise
            return _on_loopback(host, seconds)


def nearness(connection: http.client.HTTPConnection) -> int:
    """How near the other end is: anywhere, in a network that is not public, beside this machine, this machine."""
    address = ipaddress.ip_address(connection.sock.getpeername()[0].split("%")[0])
    near = (not address.is_global, address.is_link_local, address.is_loopback)
    return max((rank for rank, applies in enumerate(near, 1) if applies), default=0)


@contextmanager
def failures(host: str) -> Iterator[None]:
    """Tell what goes wrong on the way to a host."""
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        problem = f"{host} has no certificate that is trusted here: {error.verify_message}"
        folder = f"{_CERTIFICATES[0]}/{host}"
        remedy = f"put its authority's certificate into {folder}/ca.crt, or name it in SSL_CERT_FILE"
        raise Unavailable(problem, remedy) from error
    except ssl.SSLError as error:
        raise Broken(f"{host} does not speak TLS as it should: {error.reason or error}", _REMEDY) from error
    except socket.gaierror as error:
        raise Unavailable(f"there is no host {host}: {error.strerror}", "check its name and the network") from error
    except TimeoutError as error:
        raise Broken(f"{host} does not answer", _REMEDY) from error
    except http.client.IncompleteRead as error:
        raise Broken(f"{host} ended the connection in the middle of an answer", _REMEDY) from error
    except (http.client.HTTPException, ValueError) as error:
        raise Broken(f"{host} does not answer as HTTP does ({type(error).__name__})", _REMEDY) from error
    except OSError as error:
        raise Broken(f"{host} cannot be reached: {error.strerror or error}", _REMEDY) from error


_REMEDY = "try again, or check that the registry runs"


def _of(host: str, port: int) -> str:
    """The host with a port, as http.client reads it."""
    return host if host.rpartition("]")[2].count(":") == 1 else f"{host}:{port}"


def _opened(connection: http.client.HTTPConnection, seconds: float) -> http.client.HTTPConnection:
    connection.timeout = min(seconds, CONNECTING)
    connection.connect()
    connection.sock.settimeout(seconds)
    return connection


def _on_loopback(host: str, seconds: float) -> http.client.HTTPConnection:
    connection = _opened(http.client.HTTPConnection(_of(host, 443), blocksize=BLOCK), seconds)
    if nearness(connection) < LOOPBACK:
        connection.close()
        raise RegistryError(
            f"{host} does not speak TLS, and nothing is sent in the clear to another machine",
            "write oci+http:// in the place of oci:// if that is what you want",
        )
    return connection


def _context(host: str) -> ssl.SSLContext:
    """Who is trusted: the system's authorities, and those that docker and podman keep for this host."""
    own = [path for folder in _CERTIFICATES for path in _certificates(os.path.expanduser(folder), host)]  # noqa: PTH111
    system = ssl.get_default_verify_paths()
    return _trusting(_stamps(*filter(None, (system.cafile, system.capath))), _stamps(*own))


def _certificates(folder: str, host: str) -> list[str]:
    return sorted(map(str, Path(folder, host).glob("*.crt")))


Stamps = tuple[tuple[str, int, int], ...]


def _stamps(*paths: str) -> Stamps:
    """Files, and what changes with what is in them; what is not there has nothing that could."""
    found = ((path, Path(path).stat() if Path(path).exists() else None) for path in paths)
    return tuple((path, state.st_mtime_ns, state.st_size) if state else (path, 0, 0) for path, state in found)


@lru_cache(maxsize=8)  # reading the system's authorities takes tens of milliseconds, and a push opens five connections
def _trusting(system: Stamps, own: Stamps) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    for path, *_ in own:
        try:
            context.load_verify_locations(path)
        except (OSError, ssl.SSLError) as error:
            raise RegistryError(f"the certificate {path} cannot be read", "mend it or remove it") from error
    return context
