"""muster broker"""

from pathlib import Path
from typing import Annotated

import typer

from muster_cli.looping import follow_parent, run_loop
from muster_cli.settings import read_settings

__all__ = ["broker"]


def broker(
    server: Annotated[str | None, typer.Option(help="The server's gRPC address, host:port.")] = None,
    join: Annotated[str | None, typer.Option(help="The join token; needed once. Better: MUSTER_JOIN.")] = None,
    name: Annotated[str | None, typer.Option(help="The broker's name.")] = None,
    state_dir: Annotated[Path | None, typer.Option(help="Where its key is kept.")] = None,
    with_parent: Annotated[bool, typer.Option(hidden=True)] = False,
) -> None:
    """Run a broker: it routes messages. Several share the work, and replace one that is killed.

    Example: MUSTER_JOIN=mb_... muster broker --server 10.0.4.12:50051
    """
    from muster_broker.main import run_broker  # noqa: PLC0415 - loaded only by this verb
    from muster_broker.settings import BrokerSettings  # noqa: PLC0415
    from muster_server.log import set_up_logs  # noqa: PLC0415

    if with_parent:
        follow_parent()
    settings = read_settings(BrokerSettings, server=server, join=join, broker_name=name, broker_state_dir=state_dir)
    set_up_logs(settings.log_level)
    run_loop(run_broker(settings))
