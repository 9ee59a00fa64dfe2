"""Which queues exist and which messages go to them."""

from muster_messaging.embedded.core.model import QueueState
from muster_messaging.errors import Refused, TopologyMismatch, Unroutable
from muster_messaging.topology import Queue, Topology

__all__ = ["Routes"]


class Routes:
    """Exchanges, bindings and queues."""

    def __init__(self) -> None:
        self.queues: dict[str, QueueState] = {}
        self._exchanges: dict[str, str] = {}
        self._bindings: dict[tuple[str, str], tuple[str, ...]] = {}

    def declare(self, topology: Topology) -> list[str]:
        """Create what is missing and return the names of new queues; raises TopologyMismatch, changing nothing."""
        for queue in topology.queues:
            state = self.queues.get(queue.name)
            if state and state.spec != queue:
                raise TopologyMismatch(
                    f"The queue {queue.name} exists as {state.spec}, intended is {queue}.",
                    "Delete the queue or start with the topology that it was made for.",
                )
        for exchange in topology.exchanges:
            if self._exchanges.setdefault(exchange.name, exchange.kind) != exchange.kind:
                raise TopologyMismatch(f"The exchange {exchange.name} exists with another kind than {exchange.kind}.")
        new = [queue.name for queue in topology.queues if queue.name not in self.queues]
        for queue in topology.queues:
            self.queues.setdefault(queue.name, QueueState(queue))
        for exchange_name, key, queue_name in topology.bindings:
            route = (exchange_name, "" if self._exchanges.get(exchange_name) == "fanout" else key)
            bound = self._bindings.get(route, ())
            self._bindings[route] = bound if queue_name in bound else (*bound, queue_name)
        return new

    def forget(self, name: str) -> QueueState | None:
        """Remove a queue and its bindings."""
        kept = ((route, tuple(n for n in names if n != name)) for route, names in self._bindings.items())
        self._bindings = {route: names for route, names in kept if names}
        return self.queues.pop(name, None)

    def route(self, exchange: str, key: str) -> tuple[str, ...]:
        """Return the queues that a message goes to; raises Refused or Unroutable."""
        kind = self._exchanges.get(exchange)
        if kind is None:
            raise Refused(f"There is no exchange {exchange!r}.")
        queues = self._bindings.get((exchange, "" if kind == "fanout" else key), ())
        if not queues:
            raise Unroutable(f"No queue is bound to {exchange} for {key!r}.")
        return queues

    def after_death(self, queue: Queue, key: str) -> tuple[str, ...]:
        """Return the queues that what dies in `queue` goes to; none when it is dropped."""
        try:
            return self.route(queue.dead_letter_exchange, key) if queue.dead_letter_exchange else ()
        except (Refused, Unroutable):
            return ()
