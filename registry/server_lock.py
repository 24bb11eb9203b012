"""Being alone among all machines that use one database server: locks of files reach no further than their disk."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import URL, create_engine, text
from sqlalchemy.pool import NullPool


@contextmanager
def alone_on_server(url: URL, what: str, on_wait: Callable[[], None] | None = None) -> Iterator[None]:
    """Be alone in doing this; `on_wait` is called once when another does it first.

    PostgreSQL frees the lock with the connection, however its holder dies. No other database has such a lock: there,
    what two machines do at once is done twice.
    """
    if url.get_backend_name() != "postgresql":
        yield
        return
    key = {"key": int.from_bytes(hashlib.sha256(what.encode()).digest()[:8], "big", signed=True)}
    # No transaction is left open meanwhile: a build takes minutes.
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        if not connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), key):
            if on_wait:
                on_wait()
            connection.execute(text("SELECT pg_advisory_lock(:key)"), key)
        yield  # closing the connection frees it
