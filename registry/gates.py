"""Gates: what protected tags ask of artifacts, when these are promoted and whenever they are loaded by such a tag.

A gate is a policy that is kept in the index. Like a tag it is the list of its changes; `*` protects a tag of every
name, and a name's own gate goes before that.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from zcc.registry.artifact import Artifact
from zcc.registry.database import Transaction
from zcc.registry.tables import every
from zcc.registry.tags import Reason, now, reason
from zcc.runtime.errors import TrustError

if TYPE_CHECKING:
    from zcc.runtime.trust.policy import TrustPolicy

EVERY = "*"  # in the place of a name
REMEDY = "sign it, measure it or build it anew; zcc protect shows what the tag asks for"


@dataclass(frozen=True)
class Gate:
    """One change of what a tag asks for."""

    id: int
    name: str
    tag: str
    policy: str | None  # its text; None: it asks for nothing any more
    changed: str
    who: str
    message: str | None

    @property
    def label(self) -> str:
        """The tag that it stands before."""
        return f"{self.name}:{self.tag}"

    def describe(self) -> dict[str, Any]:
        """The gate as users see it in `--json`."""
        return asdict(self)

    def read(self) -> TrustPolicy:
        """What it asks for."""
        from zcc.runtime.trust.policy import parse_policy

        return parse_policy(self.policy or "", f"the gate of {self.label}")


def standing_gates(seen: Transaction) -> list[Gate]:
    """The gates that ask for something now."""
    last = "WHERE id IN (SELECT MAX(id) FROM gates GROUP BY name, tag) ORDER BY name, tag"
    return [gate for gate in _gates(seen, last) if gate.policy is not None]


def gate_of(seen: Transaction, name: str, tag: str) -> Gate | None:
    """What the tag asks for, None where it takes everything."""
    found = {gate.name: gate for gate in _gates(seen, "WHERE tag = :tag ORDER BY id", tag=tag)}
    for owner in (name, EVERY):
        if owner in found and found[owner].policy is not None:
            return found[owner]
    return None


def change_gate(changed: Transaction, name: str, tag: str, policy: str | None, by: Reason | None = None) -> Gate:
    """Let a tag ask for this from now on, or for nothing."""
    by = by or reason()
    number = 1 + (changed.value("SELECT MAX(id) FROM gates") or 0)
    gate = Gate(number, name, tag, policy, now(), by.who, by.message)
    changed.insert("gates", **asdict(gate))
    return gate


def judged(seen: Transaction, name: str, tag: str, artifacts: Sequence[Artifact]) -> list[Artifact]:
    """The artifacts that a tag holds, each with why its gate refuses it, where it does."""
    gate = gate_of(seen, name, tag)
    return list(artifacts) if gate is None else [_judged(artifact, gate) for artifact in artifacts]


def check_promotion(seen: Transaction, name: str, tag: str, artifacts: Iterable[Artifact]) -> None:
    """Refuse to put artifacts behind a tag whose gate does not let all of them through."""
    for artifact in judged(seen, name, tag, list(artifacts)):
        if artifact.barred is not None:
            raise TrustError(f"{artifact.label} may not be {name}:{tag}: {artifact.barred}", REMEDY)


def _judged(artifact: Artifact, gate: Gate) -> Artifact:
    from zcc.runtime.trust.judge import objections

    found = objections(artifact.candidate, gate.read())
    return replace(artifact, barred="; ".join(found)) if found else artifact


def _gates(seen: Transaction, rest: str, **values: Any) -> list[Gate]:
    return [Gate(**row) for row in every(seen, "gates", rest, **values)]
