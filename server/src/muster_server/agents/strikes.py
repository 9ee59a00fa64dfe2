"""Forgeries per agent: one may be the trace of a crash, three within minutes are a habit. Decisions only."""

__all__ = ["STRIKES", "WINDOW_MS", "Strikes"]

#: Strikes after which an agent is cut off.
STRIKES = 3
#: Older strikes are forgotten. After a broker's crash two agents may honestly believe that a run is theirs.
WINDOW_MS = 600_000


class Strikes:
    """What agents forged of late: agent to subject to when. The same subject twice is one strike."""

    def __init__(self) -> None:
        self._seen: dict[str, dict[str, int]] = {}

    def add(self, agent_id: str, subject: str, now: int) -> int:
        """Take a strike; return how many the agent has. No more are kept than decide."""
        seen = {what: at for what, at in self._seen.get(agent_id, {}).items() if at > now - WINDOW_MS}
        if len(seen) < STRIKES:
            seen[subject] = now
        self._seen[agent_id] = seen
        return len(seen)

    def forget(self, agent_id: str) -> None:
        """Begin anew."""
        self._seen.pop(agent_id, None)
