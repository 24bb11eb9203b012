"""Real races of a small artifact against the tools that are installed."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest

from tests.conftest import Tiny
from tests.onnx_models import build
from tests.runtime.samples import changed_copy
from zcc.compiler.backends.cpu.targets.table import TARGETS
from zcc.compiler.building.progress import Silent
from zcc.compiler.racing import table
from zcc.compiler.racing.against import Lineup, race_against, race_alone
from zcc.compiler.racing.race import Rules
from zcc.compiler.racing.result import as_document
from zcc.runtime.errors import BenchmarkError, ModelError, UsageError

RULES = Rules(rounds=2, runs=2, threads=2)
FRAMES = [np.random.default_rng(seed).integers(0, 256, (90, 120, 3), np.uint8) for seed in range(3)]
INSTALLED = [name for name, peer in table.PEERS.items() if not peer.missing()]


@pytest.mark.parametrize("peer", [name for name in (*table.matches("fp32"), "torch") if name in INSTALLED])
def test_a_peer_sees_the_same_and_is_timed(tiny_artifact: Tiny, tmp_path: Path, peer: str) -> None:
    model = Path(shutil.copy(tiny_artifact.model, tmp_path / "moved.onnx"))
    outcome = race_against(Lineup(tiny_artifact.folder, model, (peer,), held=True), FRAMES, RULES, Silent())
    ours, theirs = outcome.records
    assert (ours.name, theirs.name) == ("zcc", peer)
    for record in outcome.records:
        assert [len(turn) for turn in record.network] == [len(turn) for turn in record.frame] == [2, 2]
        assert all(seconds > 0 for turn in (*record.network, *record.frame) for seconds in turn)
    assert [list(steps) for steps in theirs.steps] == [["pre", "network", "post"]] * 4
    [agreement] = outcome.agreements
    assert agreement.error < 1e-3
    assert agreement.detections > 0
    assert agreement.share >= 0.98
    assert ("held to" in theirs.about) == (peer == "openvino")
    assert set(as_document(outcome)["ratios"]["frame"]) == {peer, "faster"}


def test_openvino_can_be_held_to_every_target() -> None:
    pytest.importorskip("openvino")
    from zcc.compiler.racing.peer_openvino import INSTRUCTIONS

    assert set(INSTRUCTIONS) == {name for name, target in TARGETS.items() if target.arch == "x86_64"}


@pytest.mark.parametrize(
    ("dtype", "target", "hint"),
    [("int8", "x86-64-v3", "f32"), ("int8", "x86-64-v4-bf16", None), ("int8", "", None), ("bf16", "", "bf16")],
)
def test_openvino_takes_bfloat16_only_where_it_can(dtype: str, target: str, hint: str | None) -> None:
    pytest.importorskip("openvino")
    from zcc.compiler.racing.peer_openvino import precision_hint

    assert precision_hint(dtype, target).get("INFERENCE_PRECISION_HINT") == hint


def test_who_runs_on_cards_alone_is_not_raced_against_a_processor(
    tiny_artifact: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    lineup = Lineup(tiny_artifact.folder, tiny_artifact.model, ("tensorrt",))
    with pytest.raises(BenchmarkError, match="tensorrt cannot take part: tensorrt not installed"):
        race_against(lineup, FRAMES, RULES, Silent())
    monkeypatch.setattr(table.Peer, "missing", lambda peer: [])
    with pytest.raises(BenchmarkError, match="tensorrt runs on a card alone, and this artifact on a cpu"):
        race_against(lineup, FRAMES, RULES, Silent())


def test_alone_needs_no_model(tiny_artifact: Tiny) -> None:
    outcome = race_alone(tiny_artifact.folder, FRAMES, RULES, Silent())
    assert [record.name for record in outcome.records] == ["zcc"]
    assert outcome.agreements == []


def test_an_artifact_that_computes_something_else_is_not_raced(tiny_artifact: Tiny, tmp_path: Path) -> None:
    other = changed_copy(tiny_artifact.folder, tmp_path / "other", 0.9)
    with pytest.raises(BenchmarkError, match="zcc and onnxruntime compute different things"):
        race_against(Lineup(other, tiny_artifact.model, ("onnxruntime",)), FRAMES, RULES, Silent())


def test_another_model_file_is_refused(tiny_artifact: Tiny, tmp_path: Path) -> None:
    onnx.save(build("yolov8", seed=1), tmp_path / "other.onnx")
    with pytest.raises(ModelError, match=r"other\.onnx is not the model that tiny was compiled from"):
        race_against(Lineup(tiny_artifact.folder, tmp_path / "other.onnx", ("onnxruntime",)), FRAMES, RULES, Silent())


def test_an_unknown_peer_and_one_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="there is no 'darknet' to race against"):
        table.find_peers(["darknet"])
    monkeypatch.setitem(table.PEERS, "elsewhere", table.Peer("nowhere:None", ("json", "surely_absent"), ()))
    with pytest.raises(BenchmarkError, match=r"surely_absent not installed; .*pip install '.\[bench\]'"):
        table.find_peers(["elsewhere"])
