"""A hostname is claimed or not."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.drop_column("hostname", "confirmed")


def downgrade() -> None:
    """Undo."""
    op.add_column("hostname", sa.Column("confirmed", sa.Boolean(), nullable=False, server_default=sa.true()))
