"""Join tokens and access tokens as registration sees them, for agents and for brokers."""

from muster_server.access.service import Access, TokenKind
from muster_server.store.transaction import Transaction

__all__ = ["Enrolment"]


class Enrolment:
    """Fulfils what `agents` and `brokers` ask of access."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def take_agent_token(self, tx: Transaction, secret: str, name: str, public_key: bytes) -> None:
        """Use an agent's join token up."""
        self._access.take_join_token(tx, secret, TokenKind.JOIN_AGENT, name, public_key)

    def take_broker_token(self, tx: Transaction, secret: str, name: str, public_key: bytes) -> None:
        """Use a broker's join token up."""
        self._access.take_join_token(tx, secret, TokenKind.JOIN_BROKER, name, public_key)

    def new_agent_secret(self) -> str:
        """Return a new access token for an agent."""
        return self._access.new_secret(TokenKind.AGENT)

    def new_broker_secret(self) -> str:
        """Return a new access token for a broker."""
        return self._access.new_secret(TokenKind.BROKER)

    def keep_agent_secret(self, tx: Transaction, agent_id: str, name: str, secret: str) -> int:
        """Store an agent's access token."""
        return self._access.issue_in(tx, TokenKind.AGENT, agent_id, name, secret)

    def keep_broker_secret(self, tx: Transaction, broker_id: str, name: str, secret: str) -> int:
        """Store a broker's access token."""
        return self._access.issue_in(tx, TokenKind.BROKER, broker_id, name, secret)

    def revoke_agent(self, tx: Transaction, agent_id: str) -> None:
        """Revoke all of an agent's access tokens."""
        self._access.revoke_in(tx, TokenKind.AGENT, agent_id)
