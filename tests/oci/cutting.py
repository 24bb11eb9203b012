"""A wire that breaks: a proxy before a server, which passes bytes on and cuts connections after a number of them."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class CuttingProxy:
    """Cuts each connection once so many bytes went through it, as `after` says of each; None lets it live."""

    def __init__(self, target: int, after: Callable[[], int | None]) -> None:
        self._target, self._after = target, after
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.cuts = 0
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Take no more connections.

        A thread that still waited would wait at whatever has the listener's number next, once a signal woke it.
        """
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._target))
            left = self._after()
            _Pair(self, client, server, left).start()


class _Pair:
    """Both directions of one connection, which share what is left of its life."""

    def __init__(self, proxy: CuttingProxy, client: socket.socket, server: socket.socket, left: int | None) -> None:
        self._proxy, self._ends, self._left = proxy, (client, server), left
        self._lock, self._passing = threading.Lock(), 2

    def start(self) -> None:
        client, server = self._ends
        for source, sink in ((client, server), (server, client)):
            threading.Thread(target=self._pass_on, args=(source, sink), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while content := source.recv(1 << 16):
                allowed = self._allowed(len(content))
                sink.sendall(content[:allowed])
                if allowed < len(content):
                    self._proxy.cuts += 1
                    break
        self._end()

    def _end(self) -> None:
        """End both directions; the last one closes: a number that the other still reads from would be given anew."""
        for end in self._ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        with self._lock:
            self._passing -= 1
            last = not self._passing
        for end in self._ends if last else ():
            end.close()

    def _allowed(self, wanted: int) -> int:
        with self._lock:
            if self._left is None:
                return wanted
            allowed = min(wanted, self._left)
            self._left -= allowed
            return allowed


@contextmanager
def cutting(target: int, after: Callable[[], int | None]) -> Iterator[CuttingProxy]:
    """A proxy before the server at a port."""
    proxy = CuttingProxy(target, after)
    try:
        yield proxy
    finally:
        proxy.close()
