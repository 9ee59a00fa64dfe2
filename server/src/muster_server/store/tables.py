"""Every table. Times are milliseconds since 1970; JSON is text; there are no booleans, so values need no conversion."""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    literal_column,
    text,
)
from sqlalchemy.sql.expression import ColumnClause

__all__ = [
    "ZERO", "agents", "audit", "brokers", "command_targets", "commands", "conversations", "dead_letters", "events",
    "idempotency", "inbox", "meta", "metadata", "outbox", "runs", "tokens",
]  # fmt: skip

metadata = MetaData()

#: For conditions of partial indexes: with a parameter in its place, the index would not be used.
ZERO: ColumnClause[int] = literal_column("0")


def _text(name: str, **options: object) -> Column[str]:
    return Column(name, Text, nullable=False, server_default="", **options)  # type: ignore[arg-type]


def _int(name: str, **options: object) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default="0", **options)  # type: ignore[arg-type]


meta = Table("meta", metadata, Column("key", Text, primary_key=True), _text("value"))

tokens = Table(
    "tokens",
    metadata,
    Column("id", Text, primary_key=True),
    Column("hash", LargeBinary, nullable=False, unique=True),
    _text("kind"),
    _text("subject"),
    _text("name"),
    _int("created_at"),
    _int("expires_at"),
    _int("used_at"),
    Column("used_by", LargeBinary, nullable=False),
    Index("tokens_by_subject", "kind", "subject"),
    Index("tokens_by_expiry", "expires_at"),
)

agents = Table(
    "agents",
    metadata,
    Column("id", Text, primary_key=True),
    _text("name"),
    _text("name_key"),
    Column("public_key", LargeBinary, nullable=False),
    _text("description"),
    _int("registered_at"),
    _int("last_heard_at"),
    _int("retired_at"),
    _int("quarantined_at"),
    _text("offence"), _text("offence_detail"), _text("reported_by"),
    Index("agents_by_name", "name_key", unique=True, sqlite_where=text("retired_at = 0"),
          postgresql_where=text("retired_at = 0")),
    Index("agents_by_key", "public_key", unique=True, sqlite_where=text("retired_at = 0"),
          postgresql_where=text("retired_at = 0")),
    Index("agents_by_retirement", "retired_at"),
)  # fmt: skip

brokers = Table(
    "brokers",
    metadata,
    Column("id", Text, primary_key=True),
    _text("name"),
    Column("public_key", LargeBinary, nullable=False, unique=True),
    _int("registered_at"),
)

conversations = Table(
    "conversations",
    metadata,
    Column("id", Text, primary_key=True),
    _text("title"),
    _text("address"),
    _text("agent_id"),
    _text("created_by"),
    _text("preview"),
    _text("failed"),
    _int("created_at"),
    _int("updated_at"),
    _int("last_seq"),
    Index("conversations_by_time", "updated_at", "id"),
    Index("conversations_by_agent", "agent_id", "updated_at", "id"),
)

# With row ids: a table of large rows that is its own index costs more than twice the time at every insert.
events = Table(
    "events",
    metadata,
    Column("stream", Text, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    _int("at"),
    _text("kind"),
    _text("data"),
)

runs = Table(
    "runs",
    metadata,
    Column("id", Text, primary_key=True),
    _text("conversation"),
    _text("message_id"),
    _text("agent_id"),
    _text("state"),
    _int("attempt"),
    _int("created_at"),
    _int("started_at"),
    _int("ended_at"),
    _int("stop_requested_at"),
    _int("deadline_at"),
    # Small: it holds what has not ended. Looking for deadlines walks all of it.
    Index("runs_open", "conversation", sqlite_where=text("ended_at = 0"), postgresql_where=text("ended_at = 0")),
    sqlite_with_rowid=False,
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    _text("message_id"),
    _text("lane"),
    _text("exchange"),
    _text("key"),
    Column("frame", LargeBinary, nullable=False),
    _int("created_at"),
)

inbox = Table(
    "inbox", metadata, Column("message_id", Text, primary_key=True), _int("at"), Index("inbox_by_time", "at"),
    sqlite_with_rowid=False,
)  # fmt: skip

idempotency = Table(
    "idempotency",
    metadata,
    Column("key", Text, primary_key=True),
    Column("fingerprint", LargeBinary, nullable=False),
    _text("answer"),
    _int("at"),
    Index("idempotency_by_time", "at"),
)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("id", Text, primary_key=True),
    _text("message_id"),
    _text("type"),
    _text("queue"),
    _text("reason"),
    _text("detail"),
    _text("exchange"),
    _text("key"),
    _text("sender"),
    _text("address"),
    _text("conversation"),
    _text("run"),
    _text("agent_id"),
    _int("size"),
    _int("died_at"),
    _text("state"),
    _int("edited"),
    _text("handled_by"),
    _int("handled_at"),
    Column("frame", LargeBinary, nullable=False),
    Index("dead_letters_once", "message_id", "queue", unique=True, sqlite_where=text("handled_at = 0"),
          postgresql_where=text("handled_at = 0")),
    Index("dead_letters_by_state", "state", "id"),
    Index("dead_letters_by_end", "handled_at"),
)  # fmt: skip

#: What people did, to what. Never changed, never deleted.
audit = Table(
    "audit",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    _int("at"),
    _text("by"),
    _text("action"),
    _text("subject"),
    _text("detail"),
    Index("audit_by_subject", "subject", "id"),
)

commands = Table(
    "commands",
    metadata,
    Column("id", Text, primary_key=True),
    _text("address"),
    _text("argv"),
    _text("shell"),
    _text("created_by"),
    _int("created_at"),
    _int("expires_at"),
    _int("timeout_s"),
)

command_targets = Table(
    "command_targets",
    metadata,
    Column("command_id", Text, ForeignKey("commands.id"), primary_key=True),
    Column("agent_id", Text, primary_key=True),
    _text("agent_name"),
    _text("state"),
    _text("reason"),
    _text("detail"),
    _text("stop_requested_by"),
    _int("delivered_at"),
    _int("started_at"),
    _int("ended_at"),
    _int("duration_ms"),
    _int("pid"),
    Column("exit_code", Integer, nullable=True),
    _int("stop_requested_at"),
    _int("stop_acknowledged_at"),
    _int("stop_confirmed_at"),
    _int("processes_ended"),
    _int("output_bytes"),
    _int("output_dropped"),
    Index("targets_by_agent", "agent_id", "command_id"),
    Index("targets_open", "agent_id", sqlite_where=text("ended_at = 0"), postgresql_where=text("ended_at = 0")),
)
