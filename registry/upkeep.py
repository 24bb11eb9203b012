"""Keeping a registry sound: freeing what nobody needs, checking every byte, making the index anew from the files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from zcc.registry import ownership
from zcc.registry.artifact import Artifact
from zcc.registry.browsing import Browsing
from zcc.registry.catalogue import Catalogue
from zcc.registry.failures import RESTORE, reported
from zcc.registry.garbage import NOTHING, Garbage, Spared, collect
from zcc.registry.index import Index
from zcc.registry.integrity import IntegrityReport, Problem, check, look_around
from zcc.registry.locks import exclusive
from zcc.registry.pruning import outdated
from zcc.registry.rebuild import Rebuilding, Rebuilt
from zcc.registry.rows import FOUND
from zcc.registry.soundness import index_problems
from zcc.registry.tree import Tree
from zcc.runtime.errors import CorruptArtifact, CorruptIndex
from zcc.runtime.manifest import Manifest


class Upkeep(Browsing):
    """The index and the files of a registry, and what keeps them sound."""

    def __init__(self, index: Index) -> None:
        super().__init__(index)
        self._tree = Tree(self.home)
        self._publishing = self.home / "locks" / "publishing.lock"

    def gc(
        self,
        spared: Spared = Spared(),  # noqa: B008 - it never changes
        dry_run: bool = False,
        keep_last: int | None = None,
    ) -> Garbage:
        """Delete what was removed and what no artifact refers to, once no publish is under way.

        With `keep_last`, first remove all but the last so many builds of each variant: not those that a tag holds or
        would hold after a rollback, nor those that a detector runs from.

        An index that is damaged, or another one's, is not believed, and nothing is deleted. Where locks do not reach
        every machine that publishes here (some network file systems), `grace` spares what was touched lately.
        """
        with reported(self.home):
            # In this order: who finds the claim finds the index that made it before.
            if not ownership.claimed(self.home):
                return NOTHING
            ownership.check_owner(self.home, self._index.identity())
            with exclusive(self._publishing):
                with self._reading() as catalogue:
                    self._believe(catalogue)
                    live, removals = catalogue.manifests(), catalogue.removals()
                    old = [] if keep_last is None else outdated(catalogue.transaction, keep_last)
                doomed = self._not_in_use(old)
                if doomed and not dry_run:
                    with self._writing() as catalogue:
                        for digest in doomed:
                            catalogue.remove(digest)
                for digest in doomed:
                    live.pop(digest)
                plan = collect(self._tree, live, removals | doomed, spared)
                if not dry_run:
                    plan.discard(self._tree)
                return plan.told

    def _not_in_use(self, digests: Sequence[str]) -> frozenset[str]:
        folders = self._tree.survey().artifacts if digests else {}
        return frozenset(each for each in digests if each not in folders or not self._tree.in_use(folders[each]))

    def index_problems(self) -> list[tuple[str, str]]:
        """What is wrong with the index, with the digest that each is about where it is about one."""
        with self._reading() as catalogue:
            return list(index_problems(catalogue.transaction))

    def _believe(self, catalogue: Catalogue) -> None:
        found = list(index_problems(catalogue.transaction))
        if found:
            problem = f"the index {self} is damaged, so nothing is deleted: {found[0][1]}"
            raise CorruptIndex(f"{problem} (and {len(found) - 1} more)" if found[1:] else problem, RESTORE)

    def check_whole(self, artifacts: Sequence[Artifact]) -> None:
        """Refuse artifacts of which a file is not what its manifest says."""
        with reported(self.home):
            report = self._check({artifact.digest: artifact.manifest for artifact in artifacts})
        for problem in report.problems:
            raise CorruptArtifact(f"{problem.path}: {problem.what}", "run `zcc verify`, compile again")

    def verify(self) -> IntegrityReport:
        """Check the index, hash everything that is published, and report what is not as it was."""
        with self._reading() as catalogue:
            problems = [Problem(digest, str(self), what) for digest, what in index_problems(catalogue.transaction)]
            manifests = {each.digest: each.manifest for each in catalogue.listed() if isinstance(each, Artifact)}
            known = catalogue.digests() | catalogue.removals()
        with reported(self.home):
            report = self._check(manifests)
            orphans, strays = look_around(self._tree, known) if ownership.claimed(self.home) else ((), ())
        return replace(report, problems=(*problems, *report.problems), orphans=orphans, strays=strays)

    def reindex(self, anew: bool = False, adopt: bool = False) -> Rebuilt:
        """Take back into the index every artifact that lies whole in its folder and that nobody removed.

        `anew` first puts the index aside, whatever state it is in; `adopt` takes over the files of another index.
        """
        there = self._index.exists
        aside = self._index.put_aside() if anew and there else None
        self._index.make()
        with reported(self.home), exclusive(self._publishing):
            if there and not (anew or adopt) and ownership.claimed(self.home):
                ownership.check_owner(self.home, self._index.identity())
            ownership.mark(self.home, self._index.identity())
            with self._reading() as catalogue:
                damaged = {digest for digest, _ in index_problems(catalogue.transaction)}
                sound = catalogue.digests() - damaged
                listed, removals = catalogue.digests(), catalogue.removals()
            rebuilding = Rebuilding(self._tree, self._files, self._folders)
            found = rebuilding.find(sound, listed, removals)
            for back in found:  # a transaction for each: their order tells the order of publishing
                with self._writing() as catalogue:
                    catalogue.restore(back.manifest) if back.known else catalogue.add(back.manifest, FOUND)
        taken, mended = (tuple(back.manifest for back in found if back.known == known) for known in (False, True))
        return Rebuilt(taken, mended, tuple(rebuilding.left), aside)

    def _check(self, manifests: dict[str, Manifest]) -> IntegrityReport:
        return check(manifests, self._files, self._folders)

    @contextmanager
    def _writing(self) -> Iterator[Catalogue]:
        with self._index.writing() as changed:
            yield Catalogue(changed, self._folders.path)
