"""Addresses of OCI registries."""

from __future__ import annotations

import pytest

from zcc.runtime.errors import UsageError
from zcc.runtime.remotes.address import RemoteAddress, is_address, parse, parse_host

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("oci://ghcr.io/me/yolo", RemoteAddress("ghcr.io", "me/yolo")),
        ("oci://ghcr.io/me/yolo:v1.2", RemoteAddress("ghcr.io", "me/yolo", "v1.2")),
        ("oci://localhost:5000/a/b-c__d:prod", RemoteAddress("localhost:5000", "a/b-c__d", "prod")),
        (f"oci://[::1]:5000/a@{DIGEST}", RemoteAddress("[::1]:5000", "a", digest=DIGEST)),
        (f"oci+http://10.0.0.7/a:v1@{DIGEST}", RemoteAddress("10.0.0.7", "a", "v1", DIGEST, plain=True)),
    ],
)
def test_what_an_address_says(text: str, meant: RemoteAddress) -> None:
    assert is_address(text)
    assert parse(text) == meant
    assert parse(str(meant)).reference == meant.reference


def test_a_digest_comes_before_a_tag_and_a_tag_is_latest() -> None:
    assert parse("oci://h/r").reference == "latest"
    assert parse(f"oci://h/r:v1@{DIGEST}").reference == DIGEST


@pytest.mark.parametrize(
    "text",
    [
        *("oci://", "oci:///r", "oci://h/R", "oci://h/../r", "oci://h/r:", "oci://h/r:a b", "oci://u:p@h/r", "h/r"),
        *("oci://h/r@sha256:12", "oci://h//r", "oci://h/r?x", "oci://h/r#x", "oci://h:99x/r", f"oci://h/{'a' * 256}"),
    ],
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(UsageError, match="no address"):
        parse(text)


def test_a_host_alone() -> None:
    assert parse_host("oci://ghcr.io") == RemoteAddress("ghcr.io")
    with pytest.raises(UsageError, match="names a host and no repository"):
        parse("oci://ghcr.io")
