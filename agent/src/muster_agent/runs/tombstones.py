"""What is remembered of runs that are not in hand."""

from collections import OrderedDict

__all__ = ["Tombstones"]

MOST = 1000


class Tombstones:
    """The ids of the latest so many."""

    def __init__(self) -> None:
        self._ids: OrderedDict[str, None] = OrderedDict()

    def __contains__(self, run_id: str) -> bool:
        return run_id in self._ids

    def add(self, run_id: str) -> None:
        """Remember one; the oldest is forgotten if there are too many."""
        self._ids[run_id] = None
        if len(self._ids) > MOST:
            self._ids.popitem(last=False)

    def take(self, run_id: str) -> bool:
        """Forget one; return whether it was remembered."""
        return run_id in self._ids and self._ids.pop(run_id) is None
