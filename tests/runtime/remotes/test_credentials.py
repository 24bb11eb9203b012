"""Logins as docker and podman keep them."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from zcc.runtime.errors import RegistryError
from zcc.runtime.remotes.credentials import Credentials, find_credentials


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nobody's login but the test's."""
    for name in ("REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "DOCKER_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def _entry(user: str, password: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


def _write(path: Path, config: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(config if isinstance(config, str) else json.dumps(config))


def _helper(folder: Path, name: str, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "bin" / f"docker-credential-{name}"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", str(path.parent), prepend=":")


def test_docker_s_file(home: Path) -> None:
    _write(home / ".docker" / "config.json", {"auths": {"h:5000": _entry("me", "a:b"), "other": _entry("x", "y")}})
    assert find_credentials("h:5000") == Credentials("me", "a:b")
    assert find_credentials("nowhere") is None


def test_podman_s_file_comes_first_and_knows_repositories(home: Path) -> None:
    _write(home / ".docker" / "config.json", {"auths": {"h": _entry("docker", "p")}})
    _write(home / ".config/containers/auth.json", {"auths": {"h/team": _entry("team", "p"), "h": _entry("pod", "p")}})
    assert find_credentials("h", "team/yolo") == Credentials("team", "p")
    assert find_credentials("h", "other/yolo") == Credentials("pod", "p")


def test_the_hub_s_old_name(home: Path) -> None:
    _write(home / ".docker" / "config.json", {"auths": {"https://index.docker.io/v1/": _entry("me", "p")}})
    assert find_credentials("docker.io", "me/yolo") == Credentials("me", "p")


def test_a_token_is_exchanged(home: Path) -> None:
    _write(home / ".docker" / "config.json", {"auths": {"h": {"identitytoken": "refresh"}}})
    assert find_credentials("h") == Credentials(token="refresh")


def test_helpers_for_a_host_and_for_all(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = json.dumps({"ServerURL": "h", "Username": "<token>", "Secret": "refresh"})
    _helper(home, "one", f"test \"$(cat)\" = h && echo '{said}'", monkeypatch)
    _helper(home, "all", "echo 'credentials not found in native keychain'; exit 1", monkeypatch)
    _write(home / ".docker" / "config.json", {"credsStore": "all", "credHelpers": {"h": "one"}, "auths": {"g": {}}})
    assert find_credentials("h") == Credentials(token="refresh")
    assert find_credentials("g") is None


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("{", "cannot be read"),
        ({"auths": {"h": {"auth": "%%"}}}, "no login for h"),
        ({"credsStore": "../../bin/sh"}, "no helper that can be"),
        ({"credsStore": "that-is-not-there"}, "cannot be asked"),
    ],
)
def test_what_cannot_be_read_is_told(home: Path, config: Any, words: str) -> None:
    _write(home / ".docker" / "config.json", config)
    with pytest.raises(RegistryError, match=words):
        find_credentials("h")


def test_no_secret_is_shown() -> None:
    assert "secret" not in repr(Credentials("me", "secret", "secret"))
