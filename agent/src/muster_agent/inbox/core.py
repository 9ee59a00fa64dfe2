"""What to do with a delivered message, decided from the message and what the journal knows of it.

                    journal: nothing    received    running                replied     done
schema unknown      REJECT              -           -                      -           -
notice              ACK                 -           -                      -           -
expired             ANSWER (expired)    BEGIN       BEGIN, one attempt on  REPEAT      ACK
otherwise           BEGIN               BEGIN       BEGIN, one attempt on  REPEAT      ACK
effect in doubt     -                   -           ANSWER (interrupted)   -           -
"""

from enum import Enum
from typing import NamedTuple

from muster_messaging.message import SCHEMA, Message
from muster_shared_models.bodies import MessageType
from muster_shared_models.ids import made_at_ms
from muster_shared_models.problems import Reason

__all__ = ["Do", "Known", "Verdict", "judge", "may_be_over"]


#: A message at which the agent died so often is what it dies of.
ATTEMPTS = 5
#: A message that waited for longer may be of a run that somebody has stopped meanwhile.
FRESH_MS = 2000


class Do(Enum):
    """What to do."""

    BEGIN = "begin"
    REPEAT = "repeat"
    ACK = "ack"
    ANSWER = "answer"
    REJECT = "reject"


class Known(NamedTuple):
    """What the journal knows of a message. `doubt`: the tool whose effect may or may not have happened, or nothing."""

    state: str
    attempt: int
    doubt: str = ""


class Verdict(NamedTuple):
    """What to do, as which attempt, and for ANSWER and REJECT why."""

    do: Do
    attempt: int = 1
    reason: Reason | None = None
    message: str = ""
    hint: str = ""


BEGIN = Verdict(Do.BEGIN)


def judge(message: Message, known: Known | None, now_ms: int) -> Verdict:
    """Decide."""
    if message.schema > SCHEMA:
        return Verdict(
            Do.REJECT, 1, Reason.SCHEMA_UNKNOWN, f"This agent cannot read messages of schema {message.schema}.",
            "Update the agent.",
        )  # fmt: skip
    if message.type == MessageType.NOTICE.value:
        return Verdict(Do.ACK)  # nothing that an agent sends needs an answer
    if message.type != MessageType.CHAT.value:
        return Verdict(Do.REJECT, 1, Reason.SCHEMA_UNKNOWN, f"This agent does not know '{message.type[:80]}' messages.")
    if known is None:
        if 0 < message.expires_at_ms <= now_ms:
            return Verdict(
                Do.ANSWER, 1, Reason.EXPIRED, "The message expired before the agent could take it.",
                "Send it again if it still matters.",
            )  # fmt: skip
        return BEGIN
    return _judge_known(known)


def may_be_over(message: Message, known: bool, since_ms: int, now_ms: int) -> bool:
    """Tell whether the run of a message may have ended without our knowing, so that the server must be asked.

    So it is when the journal knows the message, when it was made before we were attached or shortly after (`since_ms`:
    stops are told to who is there), and when it has waited. Its id says when it was made; clocks differ, so a time in
    the future counts as none.
    """
    made = made_at_ms(message.id)
    return known or made < since_ms + FRESH_MS or not -FRESH_MS <= now_ms - made <= FRESH_MS


def _judge_known(known: Known) -> Verdict:
    match known.state:
        case "done":
            return Verdict(Do.ACK, known.attempt)
        case "replied":
            return Verdict(Do.REPEAT, known.attempt)
        case "running" if known.doubt:
            return Verdict(
                Do.ANSWER, known.attempt, Reason.INTERRUPTED,
                f"The agent died while '{known.doubt}' was at work. How that ended is not known: nothing is repeated.",
                "Look at what it did, then send the message again if it should be repeated.",
            )  # fmt: skip
        case "running" if known.attempt >= ATTEMPTS:
            return Verdict(
                Do.ANSWER, known.attempt, Reason.INTERRUPTED,
                f"The agent died {known.attempt} times while it worked on this message.",
                "The log of the agent's machine may say why.",
            )  # fmt: skip
        case "running":
            return Verdict(Do.BEGIN, known.attempt + 1)
        case _:
            return Verdict(Do.BEGIN, known.attempt)
