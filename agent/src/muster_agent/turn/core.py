"""One turn of a model agent, as a state machine.

    begin ──Ask──► ASKING ──TextPiece: Say── ASKING ──ModelDone, no calls: Finish──► DONE
                     ▲                          └─────ModelDone, calls: Use──► USING ──ToolDone, all back: Ask──┐
                     └──────────────────────────────────────────────────────────────────────────────────────────┘

The laws: tools are used one after another, in the order in which the model asked. After `steps` asks the model is asked
once more, without tools, so that a person gets an answer. Calls that cannot be read are answered, not used.
"""

import json
from collections.abc import Mapping
from enum import Enum
from typing import Any

from muster_agent.turn.facts import (
    Ask,
    CallPiece,
    Event,
    Fail,
    Finish,
    Instruction,
    ModelCall,
    ModelDone,
    ModelMessage,
    Say,
    TextPiece,
    ToolDone,
    Use,
)
from muster_shared_models.problems import Reason

__all__ = ["Turn", "TurnState"]

#: Tool calls in one message of the model; more are answered with an error.
CALLS_AT_ONCE = 16
#: Ids that stand for "no id".
NO_ID = frozenset({"", "null"})


class TurnState(Enum):
    """Where a turn is."""

    NEW = "new"
    ASKING = "asking"
    USING = "using"
    DONE = "done"


class Turn:
    """Takes events, gives instructions. `steps`: how often the model is asked with tools."""

    def __init__(self, messages: tuple[ModelMessage, ...], steps: int) -> None:
        self.state = TurnState.NEW
        self._messages = list(messages)
        self._steps_left = steps
        self._last_step = False
        self._text: list[str] = []
        self._said_before = False
        self._pieces: list[_Call] = []
        self._waiting: list[ModelCall] = []
        self._ids: set[str] = set()
        self._tokens = [0, 0]

    def begin(self) -> list[Instruction]:
        """Return the first instruction."""
        assert self.state is TurnState.NEW
        return [self._ask()]

    def on(self, event: Event) -> list[Instruction]:
        """Take an event; return what is to be done."""
        match self.state, event:
            case TurnState.ASKING, TextPiece(text):
                return self._say(text)
            case TurnState.ASKING, CallPiece():
                self._collect(event)
                return []
            case TurnState.ASKING, ModelDone(read, written):
                self._tokens[0] += read
                self._tokens[1] += written
                return self._model_done()
            case TurnState.USING, ToolDone(call_id, text) if self._waiting and self._waiting[0].id == call_id:
                self._answer(self._waiting.pop(0), text)
                return self._next_call()
        raise AssertionError(f"{event} makes no sense while {self.state.value}")

    def _ask(self) -> Ask:
        self.state = TurnState.ASKING
        self._text, self._pieces = [], []
        self._last_step = self._steps_left <= 0
        self._steps_left -= 1
        return Ask(tuple(self._messages), with_tools=not self._last_step)

    def _say(self, text: str) -> list[Instruction]:
        if not text:
            return []
        gap = "\n\n" if self._said_before and not self._text else ""
        self._text.append(text)
        return [Say(gap + text)]

    def _collect(self, piece: CallPiece) -> None:
        known = next((call for call in reversed(self._pieces) if call.index == piece.index), None)
        begins = known is None or (piece.id not in NO_ID and piece.id != known.id)
        if known is None or begins:
            known = _Call(piece.index, "" if piece.id in NO_ID else piece.id)
            self._pieces.append(known)
        known.name += piece.name
        known.arguments += piece.arguments

    def _model_done(self) -> list[Instruction]:
        text = "".join(self._text)
        self._said_before = self._said_before or bool(text)
        if not self._pieces:
            self.state = TurnState.DONE
            if not text and not self._said_before:
                return [Fail(Reason.MODEL_FAILED, "The model answered with nothing.", "Ask again.")]
            return [Finish(*self._tokens)]
        if self._last_step:
            self.state = TurnState.DONE
            return [Fail(
                Reason.MODEL_FAILED, "The model did not come to an answer within its steps.",
                "Ask for less at once, or raise MUSTER_AGENT_STEPS.",
            )]  # fmt: skip
        self._waiting = [ModelCall(self._new_id(call.id), call.name, call.arguments) for call in self._pieces]
        self._messages.append(ModelMessage("assistant", text, tuple(self._waiting)))
        self.state = TurnState.USING
        return self._next_call()

    def _next_call(self) -> list[Instruction]:
        while self._waiting:
            call = self._waiting[0]
            arguments, fault = _read(call)
            if len(self._pieces) > CALLS_AT_ONCE:
                fault = f"More than {CALLS_AT_ONCE} calls at once are not made."
            if not fault:
                return [Use(call.id, call.name, arguments)]
            self._answer(self._waiting.pop(0), fault)
        return [self._ask()]

    def _answer(self, call: ModelCall, text: str) -> None:
        self._messages.append(ModelMessage("tool", text, call_id=call.id, name=call.name))

    def _new_id(self, wanted: str) -> str:
        """Return an id that no other call of this turn has, of nine letters and digits where we make it."""
        made = wanted or f"call{len(self._ids):05d}"
        while made in self._ids:
            made = f"again{len(self._ids):04d}"
            wanted = ""
        self._ids.add(made)
        return made


class _Call:
    """A call while its pieces come in."""

    __slots__ = ("arguments", "id", "index", "name")

    def __init__(self, index: int, call_id: str) -> None:
        self.index = index
        self.id = call_id
        self.name = ""
        self.arguments = ""


def _read(call: ModelCall) -> tuple[Mapping[str, Any], str]:
    """Return the arguments, or what is wrong with them."""
    try:
        arguments = json.loads(call.arguments or "{}")
    except ValueError as error:
        return {}, f"The arguments are not valid JSON: {error}."
    if not isinstance(arguments, dict):
        return {}, "The arguments are not a JSON object."
    return arguments, ""
