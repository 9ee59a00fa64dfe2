"""The built web console: files that never change under their names, and one page for every other address."""

import asyncio
from pathlib import Path
from stat import S_ISREG

from fastapi import APIRouter, Depends
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.staticfiles import StaticFiles

from muster_server.access.core import Operation
from muster_server.edge.guard import Guard
from muster_shared_models.problems import MusterError, Reason

__all__ = ["console_routes"]

_MISSING = """The web console has not been built.

Run `make console` (it needs Node.js 20 or newer), or start everything with `make run`.
The API works without it: /api/v1/openapi.json
"""


def console_routes(folder: Path, guard: Guard) -> APIRouter:
    """Return routes that serve `folder`; must come last, as they take every path."""
    routes = APIRouter(include_in_schema=False)
    # Looks a path up at every request, so that a console that is rebuilt is served at once; never leaves the folder.
    files = StaticFiles(directory=folder, check_dir=False)

    @routes.api_route(
        "/{path:path}", methods=["GET", "HEAD"], dependencies=[Depends(guard.may(Operation.READ_CONSOLE))]
    )
    async def file(path: str) -> Response:
        found, stat = await asyncio.to_thread(files.lookup_path, path)
        if stat is None or not S_ISREG(stat.st_mode):
            if path.startswith(("api/", "assets/")):  # what asks for these cannot read a page
                raise MusterError(Reason.NOT_FOUND, f"There is nothing at /{path[:80]}.", "docs/api.md lists the API.")
            found, stat = await asyncio.to_thread(files.lookup_path, "index.html")
        if stat is None:
            return PlainTextResponse(_MISSING, 503)
        # Vite puts a hash of the content into the names below assets/.
        named = path.startswith("assets/") and found.endswith(path)
        age = "public, max-age=31536000, immutable" if named else "no-cache"
        return FileResponse(found, stat_result=stat, headers={"cache-control": age})

    return routes
