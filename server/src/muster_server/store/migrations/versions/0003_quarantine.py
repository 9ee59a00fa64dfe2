"""Agents that are cut off until a person releases them; those that were retired are found by when."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TEXTS = ("offence", "offence_detail", "reported_by")


def upgrade() -> None:
    op.add_column("agents", sa.Column("quarantined_at", sa.BigInteger(), server_default="0", nullable=False))
    for name in _TEXTS:
        op.add_column("agents", sa.Column(name, sa.Text(), server_default="", nullable=False))
    op.create_index("agents_by_retirement", "agents", ["retired_at"])


def downgrade() -> None:
    op.drop_index("agents_by_retirement", "agents")
    for name in ("quarantined_at", *_TEXTS):
        op.drop_column("agents", name)
