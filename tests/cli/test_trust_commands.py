"""keygen, sign, verify, protect and diff, as they are typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.registry.samples import artifact
from zcc.commands.main import cli
from zcc.registry import Registry
from zcc.runtime.manifest import Measurement

pytest.importorskip("cryptography")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a registry of one variant in two precisions."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ZCC_REGISTRY", raising=False)
    registry = Registry.open("artifacts")
    for seed, (dtype, ms) in enumerate((("fp32", 20.0), ("int8", 8.0))):
        figures = (Measurement("latency_ms", ms, "median of 15 frames"), Measurement("map50_95", 0.6, "val"))
        registry.publish(*artifact(tmp_path / dtype, "door", seed, dtype, measured=figures))
    return tmp_path


def zcc(*arguments: str, code: int = 0) -> Result:
    """Run a command, which ends with the code."""
    done = CliRunner().invoke(cli, arguments)
    assert done.exit_code == code, done.output
    return done


def _write_policy(folder: Path, key: str = "release", **more: object) -> None:
    known = [{"name": key, "public": (folder / f"{key}.pub").read_text()}]
    (folder / "policy.json").write_text(json.dumps({"policy": 1, "signatures": 1, "keys": known, **more}))


def test_sign_and_verify(folder: Path) -> None:
    assert "release.key signs" in zcc("keygen", "release").stdout
    _write_policy(folder)
    assert "nobody signed it" in zcc("verify", "door", "--policy", "policy.json", code=1).stdout
    assert zcc("sign", "door", "--key", "release.key").stdout.count("signed door") == 2
    done = zcc("verify", "door", "--policy", "policy.json")
    assert done.stdout.count("as the policy asks, signed by release") == 2
    told = json.loads(zcc("verify", "door", "--dtype", "int8", "--policy", "policy.json", "--json").stdout)
    assert [(each["ok"], each["signed_by"], each["objections"]) for each in told] == [(True, ["release"], [])]
    assert len(json.loads(zcc("list", "--signed", "--json").stdout)) == 2
    zcc("keygen", "other")
    _write_policy(folder, "other")
    assert "no trusted key" in zcc("verify", "door", "--policy", "policy.json", code=1).stdout
    assert "go together" in zcc("verify", "door", code=2).stderr
    assert zcc("verify").stdout.endswith("all sound\n")


def test_what_is_damaged_is_neither_signed_nor_verified(folder: Path) -> None:
    zcc("keygen", "release")
    _write_policy(folder)
    zcc("sign", "door", "--key", "release.key")
    weights = Registry.open("artifacts").resolve("door", dtype="int8").folder / "weights.bin"
    weights.chmod(0o644)
    weights.write_bytes(b"changed")
    assert "weights.bin" in zcc("verify", "door", "--policy", "policy.json", code=1).stderr
    assert "its bytes have changed" in zcc("sign", "door", "--key", "release.key", code=1).stderr


def test_protect_is_told_and_held(folder: Path) -> None:
    zcc("keygen", "release")
    _write_policy(folder)
    assert "no tag is protected" in zcc("protect").stdout
    zcc("protect", "door:prod", "--policy", "policy.json", "-m", "only what we signed")
    assert "door:prod, by " in zcc("protect").stdout and ": only what we signed" in zcc("protect").stdout
    assert "nobody signed it" in zcc("tag", "door", "prod", code=1).stderr
    zcc("sign", "door", "--key", "release.key")
    zcc("tag", "door", "prod", "--message", "they are good")
    assert ": they are good" in zcc("history", "door:prod").stdout
    _write_policy(folder, latency={"machine": "nowhere"})
    zcc("protect", "door:prod", "--policy", "policy.json")
    refused = zcc("show", "door:prod", "--dtype", "int8").stdout
    assert "refused" in refused and "nobody measured latency_ms on nowhere" in refused
    zcc("protect", "door:prod", "--off")
    assert "refused" not in zcc("show", "door:prod", "--dtype", "int8").stdout
    assert zcc("protect", "door", code=2) and zcc("protect", "--off", code=2)


def test_show_is_a_page(folder: Path) -> None:
    Registry.open("artifacts").publish(
        *artifact(folder / "x", "many", head=_head(80), classes=tuple(f"class{n}" for n in range(80)))
    )
    page = zcc("show", "many").stdout
    lines = page.splitlines()
    assert len(lines) < 30 and max(map(len, lines)) <= 100
    assert "class11 and 68 more" in page and "zcc run many PICTURE" in page and "by nobody" in page
    page = zcc("show", "door", "--dtype", "int8").stdout
    assert "a frame 8.0 ms" in page and "median of 15 frames" in page and "mAP50-95 0.600" in page
    zcc("export", "door", "door.zcc")
    assert "8.0 ms" in zcc("show", "./door.zcc", "--dtype", "int8").stdout


def test_diff_tells_in_words(folder: Path) -> None:
    told = zcc("diff", "door", "door", "--dtype", "fp32,int8").stdout
    assert "fp32 became int8" in told and "latency_ms 20 became 8 (-60%)" in told and "map50" not in told
    assert "the same artifact" in zcc("diff", "door", "door", "--dtype", "int8").stdout
    read = json.loads(zcc("diff", "door", "door", "--dtype", "fp32,int8", "--json").stdout)
    assert {each["what"] for each in read["differences"]} == {"dtype", "size", "latency_ms"} - _same_size()


def _same_size() -> set[str]:
    registry = Registry.open("artifacts")
    one, other = (registry.resolve("door", dtype=dtype).manifest.sizes["total"] for dtype in ("fp32", "int8"))
    return {"size"} if one == other else set()


def _head(classes: int) -> object:
    from zcc.runtime.manifest import HeadInfo

    return HeadInfo("v8", (1, classes + 4, 8400), 8400, classes, 300)
