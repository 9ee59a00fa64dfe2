"""A TCP cable that can be cut: clients connect to it, it connects to the queue server."""

import asyncio
from contextlib import suppress

__all__ = ["Cable"]


class Cable:
    """Forwards `port` to `target`; both live on loopback."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        self._server: asyncio.Server | None = None
        self._ends: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._pulled = False

    async def lay(self) -> None:
        """Begin to forward."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def cut(self) -> None:
        """Reset all connections; new ones are taken at once."""
        for end in self._ends:
            end.transport.abort()

    def pull(self) -> None:
        """Reset all connections, and every further one until `plug`."""
        self._pulled = True
        self.cut()

    def plug(self) -> None:
        """Take connections again."""
        self._pulled = False

    def freeze(self) -> None:
        """Let nothing through, and say nothing about it: a black hole."""
        self._flowing.clear()

    def thaw(self) -> None:
        """Let everything through again."""
        self._flowing.set()

    async def remove(self) -> None:
        """Cut everything for good."""
        assert self._server is not None
        self._server.close()
        self.pull()
        self.thaw()
        # Not cancelled: the tasks of a server's connections report that as an error. Both their ends are gone.
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._ends.add(writer)
        far: asyncio.StreamWriter | None = None
        try:
            if self._pulled:
                return
            far_reader, far = await asyncio.open_connection("127.0.0.1", self.target)
            self._ends.add(far)
            await asyncio.gather(self._pump(reader, far), self._pump(far_reader, writer))
        except OSError:
            pass  # cut, or nobody at the far end: both ends learn of it below
        finally:
            for end in filter(None, (writer, far)):
                self._ends.discard(end)
                end.transport.abort()
                with suppress(OSError):
                    await end.wait_closed()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            await self._flowing.wait()
            writer.write(data)
            await writer.drain()
        raise ConnectionResetError
