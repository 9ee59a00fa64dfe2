"""What the embedded queue server decides: routes, bounds, who receives what, when something dies. No I/O.

The laws are those of RabbitMQ's quorum queues: order, a single active consumer, what is not acknowledged comes again in
its old place with a higher attempt, a full queue refuses, dead letters are kept until they have a place to go to.
"""

from collections import deque
from collections.abc import Iterable

from muster_messaging.bus import QueueInfo
from muster_messaging.embedded.core.model import Consumer, DeadLetter, QueueState, Stored
from muster_messaging.embedded.core.routes import Routes
from muster_messaging.errors import QueueFull, Refused

__all__ = ["QueueCore"]

INFINITE = 1 << 62
#: Dead letters of one queue on their way at a time: bounds how much the disk must take at once, or not at all.
MOST_MOVING = 200


class QueueCore:
    """Queues and their consumers; `routes` says which queues there are."""

    def __init__(self) -> None:
        self.routes = Routes()
        self._queues = self.routes.queues
        self._next_consumer = 0

    def delete(self, name: str) -> tuple[list[Stored], list[Consumer]]:
        """Remove a queue; return what was in it and who consumed it."""
        state = self.routes.forget(name)
        if state is None:
            return [], []
        gone = [*state.ready, *(stored for stored, _ in state.dying), *state.moving.values()]
        for consumer in state.consumers:
            gone += consumer.unacked.values()
        return gone, state.consumers

    def info(self, name: str) -> QueueInfo | None:
        """Return a queue's counts."""
        state = self._queues.get(name)
        if state is None:
            return None
        unacked = sum(len(consumer.unacked) for consumer in state.consumers)
        ready = len(state.ready) + len(state.dying) + len(state.moving)
        return QueueInfo(ready, unacked, len(state.consumers), state.arrived, state.left)

    # ---- in

    def reserve(self, queues: Iterable[str], size: int) -> None:
        """Take a place for a message of `size` bytes in each queue; raises QueueFull, taking none."""
        states = [self._queues[name] for name in queues]
        for state in states:
            spec = state.spec
            if spec.max_length and state.count >= spec.max_length:
                raise QueueFull(f"The queue {spec.name} holds {state.count} messages, its bound.")
            if spec.max_bytes and state.size + size > spec.max_bytes:
                raise QueueFull(f"The queue {spec.name} holds {state.size} bytes; its bound is {spec.max_bytes}.")
        for state in states:
            state.count += 1
            state.size += size

    def release(self, queue: str, size: int) -> None:
        """Give a reserved place back."""
        state = self._queues.get(queue)
        if state:
            state.count -= 1
            state.size -= size

    def enqueue(self, stored: Stored, now_ms: int) -> bool:
        """Put a message that has a place at the end of its queue; False when the queue is gone."""
        state = self._queues.get(stored.queue)
        if state is None:
            return False
        state.arrived += 1
        _append(state, stored, now_ms)
        return True

    def restore(self, stored: Stored, now_ms: int) -> None:
        """Put a message from the journal back, whatever the bound."""
        state = self._queues[stored.queue]
        state.count += 1
        state.size += len(stored.frame)
        _append(state, stored, now_ms)

    # ---- out

    def subscribe(self, queue: str, prefetch: int) -> Consumer:
        """Add a consumer; raises Refused when there is no such queue."""
        state = self._queues.get(queue)
        if state is None:
            raise Refused(f"There is no queue {queue!r}.")
        self._next_consumer += 1
        consumer = Consumer(self._next_consumer, queue, prefetch)
        state.consumers.append(consumer)
        return consumer

    def take(self, queue: str) -> list[tuple[Consumer, Stored]]:
        """Hand out what is ready, as far as there is credit."""
        state = self._queues.get(queue)
        if state is None or not state.ready:
            return []
        eligible = state.consumers[:1] if state.spec.single_active else state.consumers
        handed: list[tuple[Consumer, Stored]] = []
        for consumer in eligible:
            while state.ready and len(consumer.unacked) < consumer.prefetch:
                stored = state.ready.popleft()
                stored.attempts += 1
                consumer.unacked[stored.id] = stored
                handed.append((consumer, stored))
        return handed

    def acknowledge(self, consumer: Consumer, tags: Iterable[int]) -> list[Stored]:
        """Remove these for good; unknown tags are ignored."""
        done = [stored for tag in tags if (stored := consumer.unacked.pop(tag, None))]
        for stored in done:
            self.release(stored.queue, len(stored.frame))
        if state := self._queues.get(consumer.queue):
            state.left += len(done)
        self._remove_if_settled(consumer)
        return done

    def reject(self, consumer: Consumer, tag: int) -> None:
        """Let one die; `deaths` says where to."""
        stored = consumer.unacked.pop(tag, None)
        state = self._queues.get(consumer.queue)
        if stored and state:
            state.dying.append((stored, "rejected"))
            self._remove_if_settled(consumer)

    def stop_delivering(self, consumer: Consumer) -> None:
        """Hand nothing more to this consumer; what it holds stays its own until settled or left.

        Until then a single-active queue waits for it: the next consumer must not overtake.
        """
        consumer.prefetch = 0
        self._remove_if_settled(consumer)

    def _remove_if_settled(self, consumer: Consumer) -> None:
        state = self._queues.get(consumer.queue)
        if state and not consumer.prefetch and not consumer.unacked and consumer in state.consumers:
            state.consumers.remove(consumer)

    def give_back(self, consumer: Consumer, tags: Iterable[int]) -> None:
        """Put messages that nobody has looked at back in their old places: this was no delivery."""
        unseen = [stored for tag in tags if (stored := consumer.unacked.pop(tag, None))]
        for stored in unseen:
            stored.attempts -= 1
        self._put_back(consumer.queue, unseen)
        self._remove_if_settled(consumer)

    def leave(self, consumer: Consumer) -> list[Stored]:
        """End a consumer: what it holds goes back to its old places, or dies after too many deliveries.

        Returns what went back: its attempts are worth journalling.
        """
        held, consumer.unacked = list(consumer.unacked.values()), {}
        self.stop_delivering(consumer)
        state = self._queues.get(consumer.queue)
        if state is None:
            return []
        limit = state.spec.delivery_limit or INFINITE
        state.dying.extend((stored, "delivery_limit") for stored in held if stored.attempts > limit)
        back = [stored for stored in held if stored.attempts <= limit]
        self._put_back(consumer.queue, back)
        return back

    def _put_back(self, queue: str, back: list[Stored]) -> None:
        state = self._queues.get(queue)
        if state and back:
            state.ready = deque(sorted((*back, *state.ready), key=lambda stored: stored.id))

    # ---- death

    def expire(self, now_ms: int) -> int:
        """Let die what outlived its queue's time to live; return when to look again (ms), 0 for never."""
        soonest = 0
        for state in self._queues.values():
            if not state.spec.ttl_ms:
                continue
            while state.ready and state.ready[0].expires_at_ms <= now_ms:
                state.dying.append((state.ready.popleft(), "expired"))
            if state.ready and (not soonest or state.ready[0].expires_at_ms < soonest):
                soonest = state.ready[0].expires_at_ms
        return soonest

    def deaths(self) -> tuple[list[DeadLetter], bool]:
        """Return the dead letters whose next place is reserved, and whether others wait in their queues for one.

        They keep their old places, too, until `moved` or `not_moved`: look again then, as there may be more.
        """
        found: list[DeadLetter] = []
        waiting = False
        for state in self._queues.values():
            full: set[str] = set()  # keys that nothing may pass any more: what waits already goes first
            kept: list[tuple[Stored, str]] = []
            while state.dying and len(state.moving) < MOST_MOVING:
                stored, reason = state.dying.popleft()
                key = state.spec.dead_letter_key or stored.key
                letter = None if key in full else self._bury(state, stored, reason, key)
                if letter:
                    found.append(letter)
                else:
                    full.add(key)
                    kept.append((stored, reason))
            state.dying.extendleft(reversed(kept))
            waiting = waiting or bool(kept)
        return found, waiting

    def _bury(self, state: QueueState, stored: Stored, reason: str, key: str) -> DeadLetter | None:
        queues = self.routes.after_death(state.spec, key)
        try:
            self.reserve(queues, len(stored.frame))
        except QueueFull:
            return None
        state.moving[stored.id] = stored
        letter = DeadLetter(stored, reason, key, queues)
        if not queues:
            self.moved(letter)
        return letter

    def moved(self, letter: DeadLetter) -> None:
        """A dead letter is where it goes to: give its old place back."""
        stored = letter.stored
        state = self._queues.get(stored.queue)
        if state and state.moving.pop(stored.id, None):
            self.release(stored.queue, len(stored.frame))
            state.left += 1

    def not_moved(self, letters: list[DeadLetter]) -> None:
        """Dead letters could not be stored where they go to: they go on dying in their old places, in order."""
        for letter in letters:
            stored = letter.stored
            for queue in letter.queues:
                self.release(queue, len(stored.frame))
            state = self._queues.get(stored.queue)
            if state and state.moving.pop(stored.id, None):  # not when its queue was deleted meanwhile
                state.dying.append((stored, letter.reason))
        for name in {letter.stored.queue for letter in letters}:
            if state := self._queues.get(name):
                state.dying = deque(sorted(state.dying, key=lambda dying: dying[0].id))


def _append(state: QueueState, stored: Stored, now_ms: int) -> None:
    if state.spec.ttl_ms:
        stored.expires_at_ms = now_ms + state.spec.ttl_ms
    state.ready.append(stored)
