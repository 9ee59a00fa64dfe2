"""python -m muster_agent: a built-in agent on a machine where nothing else of Muster is installed."""

import argparse
import asyncio
import sys

from muster_agent.builtin import BUILTIN, build
from muster_agent.main import run_agent
from muster_agent.settings import load_settings
from muster_shared_models.problems import MusterError, meaning


def main() -> int:
    """Run the agent; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m muster_agent", description="Run a built-in agent.")
    parser.add_argument("kind", choices=sorted(BUILTIN), nargs="?", default="operator")
    parser.add_argument("--server", help="the server's gRPC address, host:port")
    parser.add_argument("--join", help="the join token; needed once. Better: MUSTER_JOIN")
    parser.add_argument("--name", help="the agent's name in the fleet")
    options = parser.parse_args()
    try:
        settings = load_settings(server=options.server, join=options.join, name=options.name)
        asyncio.run(run_agent(settings, build(options.kind, settings)))
    except MusterError as error:
        sys.stderr.write(f"{meaning(error.reason).title}\n  {error.detail}\n  {error.hint}\n")
        return meaning(error.reason).exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
