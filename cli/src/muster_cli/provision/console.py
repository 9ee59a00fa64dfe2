"""Whether the web console has been built, and how to get it."""

import importlib.util
import shutil
from pathlib import Path

__all__ = ["how_to_build_the_console"]


def how_to_build_the_console() -> str:
    """Return what to do when the server's package has no console in it, nothing when it has."""
    found = importlib.util.find_spec("muster_server")
    if found and found.origin and (Path(found.origin).parent / "console" / "index.html").exists():
        return ""
    return (
        "make console"
        if shutil.which("npm")
        else "install Node.js 20 or newer (https://nodejs.org), then: make console"
    )
