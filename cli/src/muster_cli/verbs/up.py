"""muster up"""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from muster_cli.settings import CliSettings

__all__ = ["up"]


def up(
    bus: Annotated[str | None, typer.Option(help="embedded; rabbitmq: a private node; or an amqp:// URL.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Where everything is kept.")] = None,
) -> None:
    """Start everything on this machine and print a link to the console: server, broker, two agents.

    Example: muster up --bus rabbitmq
    """
    from muster_cli.up.everything import run_everything  # noqa: PLC0415 - loaded only by this verb

    settings = CliSettings.load()
    if data_dir:
        settings = settings.model_copy(update={"data_dir": data_dir})
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    asyncio.run(run_everything(settings, bus or settings.bus))
