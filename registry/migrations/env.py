"""Alembic's way in: run the migrations over the connection that `zcc.registry.upgrade` hands over."""

from alembic import context

from zcc.registry.revision import VERSION_TABLE
from zcc.registry.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    transactional_ddl=True,
)
context.run_migrations()
