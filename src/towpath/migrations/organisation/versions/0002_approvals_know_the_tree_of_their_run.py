"""Approvals know the tree of their run."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("approval", sa.Column("root_id", sa.String(), nullable=True))


def downgrade() -> None:
    """Undo."""
    op.drop_column("approval", "root_id")
