"""Dead letters, and what people did to them."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TEXTS = ("message_id", "type", "queue", "reason", "detail", "exchange", "key", "sender", "address", "conversation",
          "run", "agent_id")  # fmt: skip


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), server_default="", nullable=False)


def _int(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), server_default="0", nullable=False)


def upgrade() -> None:
    op.create_table(
        "dead_letters",
        sa.Column("id", sa.Text(), nullable=False),
        *map(_text, _TEXTS),
        _int("size"),
        _int("died_at"),
        _text("state"),
        _int("edited"),
        _text("handled_by"),
        _int("handled_at"),
        sa.Column("frame", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    waiting = sa.text("handled_at = 0")
    op.create_index("dead_letters_once", "dead_letters", ["message_id", "queue"], unique=True, sqlite_where=waiting,
                    postgresql_where=waiting)  # fmt: skip
    op.create_index("dead_letters_by_state", "dead_letters", ["state", "id"])
    op.create_index("dead_letters_by_end", "dead_letters", ["handled_at"])
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        _int("at"),
        *map(_text, ("by", "action", "subject", "detail")),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("audit_by_subject", "audit", ["subject", "id"])


def downgrade() -> None:
    op.drop_table("audit")
    op.drop_table("dead_letters")
