"""What the compiler asks of a target, whatever kind of processor it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Target(ABC):
    """A kind of machine that artifacts are compiled for."""

    name: str  # as in `--target`
    describe: str
    known_as: str = field(default="", kw_only=True)  # other words for such machines, by which people may ask for them

    @abstractmethod
    def runs_here(self) -> bool:
        """Whether this machine can run what is compiled for the target."""

    @abstractmethod
    def computes(self, dtype: str) -> bool:
        """Whether a network of that dtype can be compiled for it."""

    @abstractmethod
    def natively(self, dtype: str) -> bool:
        """Whether it has instructions of its own for the dtype."""

    @property
    def short_words(self) -> int:
        """Of how many words of input channels it adds the products of bytes in 16 bits (ir/short_sums.py); 0: none."""
        return 0

    @property
    def halves(self) -> bool:
        """Whether it computes fp16 in halves; else their weights alone are stored so."""
        return False

    def with_threads(self, threads: int) -> Target:
        """The target with a frame's work cut for so many threads; itself where nothing is cut for threads."""
        return self

    @property
    @abstractmethod
    def key(self) -> str:
        """Everything that decides what is compiled for it, as a word: tuning records lie in a folder of that name."""
