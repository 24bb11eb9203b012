"""Who we are to a registry: what `docker login` and `podman login` left, in their files or with their helpers."""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zcc.runtime import limits
from zcc.runtime.errors import RegistryError
from zcc.runtime.regular import read_text

TOKEN_USER = "<token>"  # the user that helpers name when the secret is a token
HELPER_SECONDS = 60  # it may have to ask a person
NOTHING_KEPT = "credentials not found"  # what helpers say of a host that nobody logged in to
_HELPER = re.compile(r"[A-Za-z0-9._-]{1,64}")
DOCKER_HUB = ("docker.io", "registry-1.docker.io")
_HUB_KEYS = ("https://index.docker.io/v1/", "docker.io", "index.docker.io", "registry-1.docker.io")


@dataclass(frozen=True)
class Credentials:
    """A user and a password, or a token that is exchanged for another one."""

    user: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)

    @property
    def basic(self) -> str:
        """As the Basic scheme writes them."""
        return base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


def find_credentials(host: str, repository: str = "") -> Credentials | None:
    """Those for a registry, from the first login file that knows it; podman keeps some for single repositories."""
    for path in login_files():
        config = _read(path)
        found = config and _in_file(config, path, _keys(host, repository), _server(host))
        if found:
            return found
    return None


def login_files() -> Iterator[Path]:
    """Podman's file, then docker's, each where its own tool looks for it."""
    settings = os.environ
    if settings.get("REGISTRY_AUTH_FILE"):
        yield Path(settings["REGISTRY_AUTH_FILE"])
    if settings.get("XDG_RUNTIME_DIR"):
        yield Path(settings["XDG_RUNTIME_DIR"]) / "containers" / "auth.json"
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 - without a home it stays as it is, and is not there
    configured = settings.get("XDG_CONFIG_HOME")
    yield (Path(configured) if configured else home / ".config") / "containers" / "auth.json"
    yield Path(settings.get("DOCKER_CONFIG") or home / ".docker") / "config.json"


def _keys(host: str, repository: str) -> list[str]:
    """What a file may call it, the most exact first."""
    parts = repository.split("/") if repository else []
    inner = [f"{host}/{'/'.join(parts[:count])}" for count in range(len(parts), 0, -1)]
    hosts = _HUB_KEYS if host in DOCKER_HUB else (host, f"https://{host}", f"https://{host}/v1/", f"https://{host}/v2/")
    return [*inner, *hosts]


def _server(host: str) -> str:
    """What helpers call it."""
    return _HUB_KEYS[0] if host in DOCKER_HUB else host


def _read(path: Path) -> dict[str, Any] | None:
    try:
        config = json.loads(read_text(path, limits.POLICY))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else type(error).__name__
        raise RegistryError(f"the login file {path} cannot be read: {reason}", "mend it, or log in anew") from error
    return config if isinstance(config, dict) else None


def _in_file(config: Mapping[str, Any], path: Path, keys: list[str], server: str) -> Credentials | None:
    helpers, auths = (_table(config.get(name)) for name in ("credHelpers", "auths"))
    for key in keys:
        if isinstance(helpers.get(key), str):
            return _ask(helpers[key], key, path)
    for key in keys:
        if key in auths and (found := _kept(_table(auths[key]), key, path)):
            return found
    store = config.get("credsStore")
    return _ask(store, server, path) if isinstance(store, str) else None


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _kept(entry: Mapping[str, Any], key: str, path: Path) -> Credentials | None:
    """What stands in the file itself; an entry without anything says that a helper has it."""
    if isinstance(entry.get("identitytoken"), str) and entry["identitytoken"]:
        return Credentials(token=entry["identitytoken"])
    if not isinstance(entry.get("auth"), str) or not entry["auth"]:
        return None
    try:
        user, _, password = base64.b64decode(entry["auth"], validate=True).decode().partition(":")
    except (binascii.Error, ValueError) as error:
        raise RegistryError(f"{path} holds no login for {key} that can be read", "log in anew") from error
    return Credentials(user, password.rstrip("\0"))


def _ask(helper: str, key: str, path: Path) -> Credentials | None:
    """What a helper keeps, a program of the user's own choosing."""
    if not _HELPER.fullmatch(helper):
        raise RegistryError(f"{path} names no helper that can be: {helper!a}", "mend it, or log in anew")
    program = f"docker-credential-{helper}"
    try:
        done = subprocess.run(
            [program, "get"], input=key, capture_output=True, text=True, timeout=HELPER_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError) as error:
        problem = f"{program}, which {path} names, cannot be asked: {error}"
        raise RegistryError(problem, "install it, or log in without it") from error
    if done.returncode:
        if NOTHING_KEPT in done.stdout + done.stderr:
            return None
        reason = (done.stderr or done.stdout).strip()[:200]
        raise RegistryError(f"{program} failed: {reason or done.returncode}", "log in anew")
    try:
        said = json.loads(done.stdout)
        user, secret = str(said["Username"]), str(said["Secret"])
    except (ValueError, KeyError, TypeError) as error:
        raise RegistryError(f"{program} answers in no way that is known", "log in anew") from error
    return Credentials(token=secret) if user == TOKEN_USER else Credentials(user, secret)
