"""A window that shows what is seen, where there is a display."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from zcc.commands.run_outputs import Enough
from zcc.runtime.errors import InputError

if TYPE_CHECKING:
    from zcc.commands.sightings import Sighting

DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY")
CLOSING = ("<Escape>", "q")  # keys
PICTURE_SECONDS = 1.0  # that a picture stays at least


class Window:
    """Tk's: it comes with Python, and needs no second build of OpenCV."""

    def __init__(self, names: Sequence[str]) -> None:
        if sys.platform == "linux" and not any(map(os.environ.get, DISPLAYS)):
            raise InputError("--show needs a display, and there is none", "save with --save out instead")
        self._names = names
        self._tk = _toolkit()
        try:
            self._root: Any = self._tk.Tk()
        except self._tk.TclError as error:
            raise InputError(f"the display cannot be used ({error})", "save with --save out instead") from error
        self._root.title("zcc run")
        self._label = self._tk.Label(self._root, borderwidth=0)
        self._label.pack()
        self._open = True
        self._root.protocol("WM_DELETE_WINDOW", self._shut)
        for key in CLOSING:
            self._root.bind(key, lambda _: self._shut())

    def take(self, sighting: Sighting) -> None:
        """Show it, as large as the screen allows; closing the window ends the run."""
        from PIL import ImageTk

        from zcc.commands.drawing import annotated

        if not self._open:
            raise Enough
        image = annotated(sighting.picture, sighting.found, self._names)
        image.thumbnail((round(0.9 * self._root.winfo_screenwidth()), round(0.9 * self._root.winfo_screenheight())))
        self._shown = ImageTk.PhotoImage(image, master=self._root)
        self._label.configure(image=self._shown)
        self._root.update()
        if sighting.film is None:
            self._linger()

    def close(self) -> None:
        """Take the window away."""
        if self._open:
            self._shut()

    def _linger(self) -> None:
        """Let a picture be looked at, while the window goes on answering."""
        done = self._tk.BooleanVar(self._root, False)
        waiting = self._root.after(round(1e3 * PICTURE_SECONDS), lambda: done.set(True))
        self._root.bind("<Destroy>", lambda _: done.set(True))
        self._root.wait_variable(done)
        if self._open:
            self._root.after_cancel(waiting)

    def _shut(self) -> None:
        self._open = False
        self._root.destroy()


def _toolkit() -> Any:
    try:
        import tkinter
    except ImportError as error:
        raise InputError("--show needs Python's tkinter", "install it (Debian: python3-tk)") from error
    return tkinter
