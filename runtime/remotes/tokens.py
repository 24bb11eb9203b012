"""Tokens of registries that give them out: what is asked for, and what comes back."""

from __future__ import annotations

import http.client
import re
from collections.abc import Mapping
from urllib.parse import SplitResult, urlencode

from zcc.runtime import limits
from zcc.runtime.errors import RegistryError
from zcc.runtime.remotes.credentials import Credentials
from zcc.runtime.rules import strict_json

AGENT = "zcc"


def ask_for_token(
    connection: http.client.HTTPConnection, realm: SplitResult, wanted: Mapping[str, str], known: Credentials | None
) -> None:
    """Ask at a realm, as whoever is known there."""
    if known and known.token:
        form = {**wanted, "grant_type": "refresh_token", "refresh_token": known.token, "client_id": AGENT}
        headers = {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": AGENT}
        connection.request("POST", realm.path or "/", urlencode(form).encode(), headers)
        return
    headers = {"Authorization": f"Basic {known.basic}"} if known else {}
    query = "&".join(filter(None, (realm.query, urlencode(wanted))))
    connection.request("GET", f"{realm.path or '/'}?{query}", headers={"User-Agent": AGENT, **headers})


def token_in(content: bytes, host: str) -> str:
    """The token in what a realm answers."""
    try:
        raw = strict_json(content.decode(), limits.REMOTE_DOCUMENT)
        token = raw.get("token") or raw.get("access_token")
        if isinstance(token, str) and re.fullmatch(r"[\x21-\x7e]{1,65536}", token):
            return token
    except (ValueError, AttributeError):
        token = None
    raise RegistryError(f"{host} gives out no token that can be read", "name another registry")
