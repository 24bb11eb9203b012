"""Random walks through tagging, rolling back and removing, against a model in plain Python."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.registry.samples import artifact
from zcc.registry import Registry
from zcc.runtime.errors import NotFound, RegistryError

SEEDS = st.integers(0, 3)
TAGS = st.sampled_from(["prod", "next"])


class TagsModel(RuleBasedStateMachine):
    """A tag is a stack of places: tagging and untagging push, rolling back pops."""

    @initialize()
    def start(self) -> None:
        self.root = Path(tempfile.mkdtemp())
        self.registry = Registry.open(self.root / "registry")
        self.digests: dict[int, str] = {}
        self.present: list[int] = []  # the last published first
        self.stacks: dict[str, list[frozenset[int]]] = {"prod": [], "next": []}
        self.moves = dict.fromkeys(self.stacks, 0)

    def teardown(self) -> None:
        shutil.rmtree(self.root)

    def _held(self, tag: str) -> frozenset[int]:
        return self.stacks[tag][-1] if self.stacks[tag] else frozenset()

    def _push(self, tag: str, place: frozenset[int]) -> None:
        if self.stacks[tag] and self.stacks[tag][-1] == place:
            return
        self.stacks[tag].append(place)
        self.moves[tag] += 1

    @rule(seed=SEEDS)
    def publish(self, seed: int) -> None:
        # Even and odd seeds are two variants of one name.
        source, manifest = artifact(self.root / "source", seed=seed, size=50, dtype=("fp32", "int8")[seed % 2])
        self.digests[seed] = self.registry.publish(source, manifest).digest
        self.present = [seed, *(other for other in self.present if other != seed)]

    @rule(seed=SEEDS, tag=TAGS)
    def tag_one(self, seed: int, tag: str) -> None:
        if seed in self.present:
            self.registry.tag(self.digests[seed], tag)
            self._push(tag, frozenset({seed}))

    @rule(tag=TAGS)
    def tag_the_name(self, tag: str) -> None:
        newest = [next((seed for seed in self.present if seed % 2 == kind), None) for kind in (0, 1)]
        if self.present:
            self.registry.tag("yolo", tag)
            self._push(tag, frozenset(seed for seed in newest if seed is not None))

    @rule(tag=TAGS)
    def untag(self, tag: str) -> None:
        try:
            self.registry.untag("yolo", tag)
        except NotFound:
            assert not self._held(tag)
        else:
            assert self._held(tag)
            self._push(tag, frozenset())

    @rule(tag=TAGS)
    def roll_back(self, tag: str) -> None:
        stack = self.stacks[tag]
        possible = len(stack) > 1 and stack[-2] <= set(self.present)
        try:
            self.registry.rollback("yolo", tag)
        except RegistryError:
            assert not possible
        else:
            assert possible
            stack.pop()
            self.moves[tag] += 1

    @rule(seed=SEEDS, force=st.booleans())
    def remove(self, seed: int, force: bool) -> None:
        if seed not in self.present:
            return
        tagged = [tag for tag in self.stacks if seed in self._held(tag)]
        try:
            self.registry.remove(self.digests[seed], force=force)
        except RegistryError:
            assert tagged and not force
        else:
            assert force or not tagged
            self.present.remove(seed)
            for tag in tagged:
                self._push(tag, self._held(tag) - {seed})

    @rule()
    def collect(self) -> None:
        self.registry.gc()
        assert len(list((self.registry.home / "artifacts").glob("*"))) == len(self.present)

    @invariant()
    def agrees(self) -> None:
        known = {digest: seed for seed, digest in self.digests.items()}
        published = self.registry.artifacts()
        assert [known[found.digest] for found in published] == self.present
        for tag in self.stacks:
            holders = {known[found.digest] for found in published if tag in found.tags}
            assert holders == self._held(tag)

    @invariant()
    def histories_only_grow(self) -> None:
        for tag, count in self.moves.items():
            recorded = self.registry.history("yolo", tag) if count else []
            assert len(recorded) == count

    @invariant()
    def everything_is_sound(self) -> None:
        assert self.registry.verify().problems == ()


TestTags = TagsModel.TestCase
TestTags.settings = settings(max_examples=15, stateful_step_count=20)
