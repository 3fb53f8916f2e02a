"""Alembic's entrance to the control tree; kit.migrate hands it an open connection."""

from alembic import context

from towpath import capabilities
from towpath.kit import db, migrate

capabilities.load_models()
connection = context.config.attributes["connection"]
migrate.enter(connection, context.config.attributes.get("schema"))
context.configure(
    connection=connection,
    target_metadata=db.ControlBase.metadata,
    version_table_schema=context.config.attributes.get("schema"),
    render_as_batch=False,
    compare_type=True,
    render_item=migrate.render_item,
)
with context.begin_transaction():
    context.run_migrations()
