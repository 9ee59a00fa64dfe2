"""An agent as its author writes it: a name, what it is good for, and a handler of messages."""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import ValidationError

from muster_agent.control.registration import this_machine
from muster_agent.errors import BadSetting
from muster_agent.handlers import Handler, adapt
from muster_agent.settings import AgentSettings, load_settings
from muster_agent.tasks import run_and_leave
from muster_protos.v1.registration_pb2 import AgentDescription
from muster_shared_models import agents
from muster_shared_models.problems import MusterError, meaning

__all__ = ["Agent"]

F = TypeVar("F", bound=Callable[..., Any])


class Agent:
    """Describes an agent. `slots`: messages handled at the same time; `history`: earlier messages it wants with each;
    `tools`: built-in tools that it may use (shell, read, list, fetch), as far as the machine's policy allows.

    What the settings say (MUSTER_AGENT_NAME, MUSTER_AGENT_LABELS, ...) wins over what is given here.
    """

    def __init__(
        self, name: str, *, about: str = "", skills: Sequence[str] = (), examples: Sequence[str] = (),
        labels: Mapping[str, str] | None = None, slots: int = 4, history: int = 0, model: str = "",
        tools: Sequence[str] = (),
    ) -> None:  # fmt: skip
        self.name = name
        self.about = about
        self.skills = list(skills)
        self.examples = list(examples)
        self.labels = dict(labels or {})
        self.slots = slots
        self.history = history
        self.model = model
        self.tools = list(tools)
        self.handler: Handler | None = None
        #: Called when the agent stops, to close what its handlers use.
        self.closers: list[Callable[[], Awaitable[None]]] = []

    def on_message(self, function: F) -> F:
        """Let `function(message, reply)` answer messages; see `muster_agent.handlers` for the forms it may have."""
        self.handler = adapt(function)
        return function

    def describe(self, settings: AgentSettings, *, accepts_commands: bool) -> AgentDescription:
        """Return what the server is told; raises BadSetting when something of it is not allowed."""
        try:
            checked = agents.AgentDescription(
                name=settings.name or self.name,
                about=settings.about or self.about,
                labels=self.labels | settings.labels,
                skills=self.skills,
                examples=self.examples,
                model=self.model,
                slots=settings.slots or self.slots,
                history=self.history,
                accepts_commands=accepts_commands,
            )
        except ValidationError as error:
            faults = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
            raise BadSetting(
                f"The agent's description is not valid: {faults}.",
                "Names begin with a letter or digit and have at most 64 of letters, digits, '.', '_' and '-'.",
            ) from None
        return AgentDescription(**checked.model_dump(exclude={"machine"}), machine=this_machine())

    def run(self, settings: AgentSettings | None = None, arguments: Sequence[str] | None = None) -> None:
        """Run until stopped (Ctrl-C, SIGTERM); then leave the process with the exit code that fits."""
        # Imported late: main imports everything, and nothing but running needs it.
        from muster_agent.main import run_agent  # noqa: PLC0415

        # Threads here mostly wait for the disk: whoever comes back must not wait 5 ms for the interpreter.
        sys.setswitchinterval(0.0005)
        try:
            chosen = settings or load_settings(**_command_line(arguments))
            run_and_leave(run_agent(chosen, self), fast_loop)
        except MusterError as error:
            print(f"{self.name}: {error.detail}", file=sys.stderr)  # noqa: T201 - the last words, for people
            if error.hint:
                print(error.hint, file=sys.stderr)  # noqa: T201
            sys.exit(meaning(error.reason).exit_code)
        except KeyboardInterrupt:
            sys.exit(130)


def fast_loop() -> asyncio.AbstractEventLoop:
    """Return a new event loop, uvloop's where there is one."""
    try:
        import uvloop  # noqa: PLC0415 - not on Windows
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def _command_line(arguments: Sequence[str] | None) -> dict[str, Any]:
    parser = argparse.ArgumentParser(description="A Muster agent. What is not given here comes from the environment.")
    parser.add_argument("--server", metavar="HOST:PORT", help="the server's gRPC address (MUSTER_SERVER)")
    parser.add_argument("--join", metavar="TOKEN", help="a join token; needed once (MUSTER_JOIN)")
    parser.add_argument("--name", help="the agent's name (MUSTER_AGENT_NAME)")
    parser.add_argument("--state-dir", metavar="FOLDER", help="where its key and journal are (MUSTER_STATE_DIR)")
    parser.add_argument("--workdir", metavar="FOLDER", help="where its tools work (MUSTER_AGENT_WORKDIR)")
    return vars(parser.parse_args(arguments))
