"""Rich's progress display with room for something beneath the stages."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import RenderableType
from rich.progress import Progress


class LiveDisplay(Progress):
    """Spinners, and beneath them whatever was last shown."""

    _beneath: RenderableType | None = None

    def show(self, beneath: RenderableType | None) -> None:
        """Put something beneath the spinners, None for nothing."""
        self._beneath = beneath
        self.refresh()

    def get_renderables(self) -> Iterable[RenderableType]:
        """As rich asks for them."""
        yield from super().get_renderables()
        if self._beneath is not None:
            yield self._beneath
