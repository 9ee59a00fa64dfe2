"""Tokens: hashed, scoped, used once, gone when they expire."""

import asyncio
from pathlib import Path

import pytest

from muster_server.access.core import Role
from muster_server.access.service import DAY_MS, HOUR_MS, TICKET_MS, Access, TokenKind
from muster_server.store.store import Store
from muster_shared_models.problems import MusterError, Reason

KEY, OTHER = b"k" * 32, b"o" * 32


class Hands:
    """A clock that the test sets."""

    now = 1_000_000_000

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
def access(store: Store, clock: Hands) -> Access:
    return Access(store, clock)


async def test_a_login_code_works_once_even_for_a_hundred_at_a_time(access: Access) -> None:
    code = await access.issue(TokenKind.LOGIN, "usr_1", "admin")
    outcomes = await asyncio.gather(*(access.log_in(code.secret) for _ in range(100)), return_exceptions=True)
    sessions = [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
    assert len(sessions) == 1
    principal = await access.authenticate(sessions[0][0].secret)
    assert principal is not None
    assert (principal.role, principal.id, principal.name) == (Role.ADMIN, "usr_1", "admin")


async def test_a_login_code_is_no_session_and_a_session_no_login_code(access: Access) -> None:
    code = await access.issue(TokenKind.LOGIN, "usr_1", "admin")
    assert await access.authenticate(code.secret) is None
    session = await access.issue(TokenKind.SESSION, "usr_1", "admin")
    with pytest.raises(MusterError):
        await access.log_in(session.secret)


async def test_tokens_expire(access: Access, clock: Hands) -> None:
    key = await access.issue(TokenKind.AGENT, "agt_1", "echo")
    code = await access.issue(TokenKind.LOGIN, "usr_1", "admin")
    clock.now += HOUR_MS
    assert await access.authenticate(key.secret) is not None
    with pytest.raises(MusterError) as refused:
        await access.log_in(code.secret)
    assert refused.value.reason is Reason.BROWSER_LINK_USED
    clock.now += DAY_MS
    assert await access.authenticate(key.secret) is None
    await access.sweep()


async def test_logging_out_ends_the_session(access: Access) -> None:
    session = await access.issue(TokenKind.SESSION, "usr_1", "admin")
    assert await access.authenticate(session.secret)
    await access.log_out(session.secret)
    assert await access.authenticate(session.secret) is None


async def join(access: Access, store: Store, secret: str, name: str = "lab", key: bytes = KEY) -> None:
    await store.write(lambda tx: access.take_join_token(tx, secret, TokenKind.JOIN_AGENT, name, key))


async def test_a_join_token_works_once_and_again_for_the_same_key(access: Access, store: Store) -> None:
    token = await access.issue(TokenKind.JOIN_AGENT, "", "")
    keys = [bytes([number]) * 32 for number in range(100)]
    outcomes = await asyncio.gather(
        *(join(access, store, token.secret, key=key) for key in keys), return_exceptions=True
    )
    winners = [key for key, outcome in zip(keys, outcomes, strict=True) if outcome is None]
    assert len(winners) == 1
    await join(access, store, token.secret, key=winners[0])


@pytest.mark.parametrize("kind", [TokenKind.JOIN_BROKER, TokenKind.LOGIN, TokenKind.API])
async def test_other_tokens_are_no_join_tokens(access: Access, store: Store, kind: TokenKind) -> None:
    token = await access.issue(kind, "", "")
    with pytest.raises(MusterError) as refused:
        await join(access, store, token.secret)
    assert refused.value.reason is Reason.JOIN_TOKEN_INVALID


async def test_a_join_token_for_a_name_is_for_that_name(access: Access, store: Store) -> None:
    token = await access.issue(TokenKind.JOIN_AGENT, "", "lab-1")
    with pytest.raises(MusterError, match="for 'lab-1'"):
        await join(access, store, token.secret, "lab-2")
    await join(access, store, token.secret, "LAB-1")


async def test_a_join_token_expires(access: Access, store: Store, clock: Hands) -> None:
    token = await access.issue(TokenKind.JOIN_AGENT, "", "", HOUR_MS)
    clock.now += HOUR_MS
    with pytest.raises(MusterError, match="expired"):
        await join(access, store, token.secret)


async def test_a_ticket_works_once_and_for_half_a_minute(access: Access, clock: Hands) -> None:
    session = await access.issue(TokenKind.SESSION, "usr_1", "admin")
    principal = await access.authenticate(session.secret)
    assert principal is not None
    ticket, late = access.new_ticket(principal), access.new_ticket(principal)
    assert access.take_ticket(ticket) == principal
    clock.now += TICKET_MS
    for bad in (ticket, late, "", "nonsense"):
        with pytest.raises(MusterError) as refused:
            access.take_ticket(bad)
        assert refused.value.reason is Reason.TICKET_INVALID


async def test_secrets_are_not_in_the_database(tmp_path: Path) -> None:
    from muster_server.store.opening import open_store

    store = await open_store("", tmp_path)
    access = Access(store, Hands())
    secrets = [(await access.issue(kind, "subject", "name")).secret for kind in (TokenKind.LOGIN, TokenKind.API)]
    await store.close()
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert not [secret for secret in secrets if secret.encode() in stored or secret[3:].encode() in stored]
