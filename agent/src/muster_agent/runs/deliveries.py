"""Where one message was delivered."""

from muster_messaging.bus import Subscription

__all__ = ["Deliveries"]


class Deliveries:
    """What the queue server waits for: also a second copy must be acknowledged, or it keeps its place for ever."""

    __slots__ = ("subscription", "tags")

    def __init__(self) -> None:
        self.subscription: Subscription | None = None
        self.tags: list[int] = []

    @property
    def open(self) -> bool:
        """Whether the queue server waits for word of it."""
        return bool(self.tags)

    def add(self, subscription: Subscription, tag: int) -> None:
        """It was delivered, perhaps again; deliveries of an earlier subscription need no word."""
        if subscription is not self.subscription:
            self.subscription, self.tags = subscription, []
        self.tags.append(tag)

    def join(self, other: "Deliveries") -> None:
        """Count those of another copy, which came later."""
        if other.subscription is not None:
            for tag in other.tags:
                self.add(other.subscription, tag)

    def acknowledge(self) -> None:
        """Tell the queue server that it need not come again."""
        if self.subscription is not None and self.tags:
            self.subscription.ack(self.tags)
            self.tags = []

    def reject(self) -> None:
        """Tell the queue server to put it aside."""
        if self.subscription is not None:
            for tag in self.tags:
                self.subscription.reject(tag)
            self.tags = []
