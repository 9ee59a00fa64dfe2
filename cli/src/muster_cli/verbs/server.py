"""muster server"""

from pathlib import Path
from typing import Annotated

import typer

from muster_cli.looping import follow_parent, run_loop
from muster_cli.settings import read_settings

__all__ = ["server"]


def server(
    data_dir: Annotated[Path | None, typer.Option(help="Where database, keys and queues live.")] = None,
    bus: Annotated[str | None, typer.Option(help="'embedded', or amqp://user:password@host:5672/vhost")] = None,
    http_port: Annotated[int | None, typer.Option(help="Console and API; 0: any free port.")] = None,
    grpc_port: Annotated[int | None, typer.Option(help="Agents and brokers; 0: any free port.")] = None,
    with_parent: Annotated[bool, typer.Option(hidden=True)] = False,
) -> None:
    """Run the control plane.

    Example: MUSTER_BUS=amqp://muster:secret@rabbit/ muster server
    """
    import os  # noqa: PLC0415 - the server's modules are loaded only by this verb

    from muster_cli.connection import ANNOUNCEMENT, Announcement, announce  # noqa: PLC0415
    from muster_server.log import set_up_logs  # noqa: PLC0415
    from muster_server.main import Started, run_server  # noqa: PLC0415
    from muster_server.settings import ServerSettings  # noqa: PLC0415

    if with_parent:
        follow_parent()
    settings = read_settings(ServerSettings, data_dir=data_dir, bus=bus, http_port=http_port, grpc_port=grpc_port)
    set_up_logs(settings.log_level)

    def started(where: Started) -> None:
        announce(settings.data_dir, Announcement(url=where.url, grpc_address=where.grpc_address, pid=os.getpid()))

    try:
        run_loop(run_server(settings, started))
    finally:
        mine = Announcement.read(settings.data_dir)
        if mine and mine.pid == os.getpid():
            (settings.data_dir / ANNOUNCEMENT).unlink(missing_ok=True)
