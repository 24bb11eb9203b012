"""A registry with a tag to follow."""

from __future__ import annotations

import pytest

from tests.runtime.conftest import FAST, Pair
from tests.runtime.following.tags import Looks, Stays
from zcc.registry import Registry
from zcc.runtime import Detector
from zcc.runtime.follow import Follower


@pytest.fixture
def prod(pair: Pair) -> Pair:
    """The pair, and a tag `prod` at the fast one."""
    Registry.open(pair.home).tag("tiny", "prod", target=FAST)
    return pair


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Looks:
    """The looks of the test's followers."""
    counted = Looks(Follower.look)
    monkeypatch.setattr(Follower, "look", lambda follower: counted(follower))
    return counted


@pytest.fixture
def stays(looks: Looks) -> Stays:
    """Asserts that a detector still runs that variant after several looks."""

    def check(detector: Detector, target: str) -> None:
        looks.more(3)
        assert detector.manifest.target == target

    return check
