"""How much of a program's output was not kept."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("command_targets", sa.Column("output_dropped", sa.BigInteger(), server_default="0", nullable=False))


def downgrade() -> None:
    op.drop_column("command_targets", "output_dropped")
