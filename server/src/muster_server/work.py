"""What conversations report of runs goes to presence, and what they want stopped goes to the command stream."""

from muster_server.agents.hearing import Hearing
from muster_server.commands.service import Commands
from muster_shared_models.agents import RunBrief

__all__ = ["WorkReports"]


class WorkReports:
    """Fulfils what `conversations` asks of agents and commands."""

    def __init__(self, hearing: Hearing, commands: Commands) -> None:
        self._hearing = hearing
        self._commands = commands

    def run_started(self, agent_id: str, run: RunBrief) -> None:
        """A run's first event came."""
        self._hearing.run_started(agent_id, run)

    def run_ended(self, agent_id: str, run_id: str) -> None:
        """A run's last event came."""
        self._hearing.run_ended(agent_id, run_id)

    def run_reopened(self, run_id: str) -> None:
        """A run that had ended waits anew."""
        self._hearing.run_reopened(run_id)

    def stop_run(self, agent_id: str, run_id: str) -> None:
        """Ask the agent to stop a run."""
        self._commands.stop_run(agent_id, run_id)
