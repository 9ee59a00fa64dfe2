"""The built web console: files that never change under their names, and one page for every other address."""

from pathlib import Path

from fastapi import APIRouter, Depends
from starlette.responses import FileResponse, PlainTextResponse, Response

from muster_server.access.core import Operation
from muster_server.edge.guard import Guard

__all__ = ["console_routes"]

_MISSING = """The web console has not been built.

Run `make console` (it needs Node.js 20 or newer), or start everything with `make run`.
The API works without it: /api/v1/openapi.json
"""


def console_routes(folder: Path, guard: Guard) -> APIRouter:
    """Return routes that serve `folder`; must come last, as they take every path."""
    routes = APIRouter(include_in_schema=False)
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}

    @routes.get("/{path:path}", dependencies=[Depends(guard.may(Operation.READ_CONSOLE))])
    async def file(path: str) -> Response:
        found = files.get(path)
        if found and path != "index.html":
            # Vite puts a hash of the content into the names below assets/.
            age = "public, max-age=31536000, immutable" if path.startswith("assets/") else "no-cache"
            return FileResponse(found, headers={"cache-control": age})
        if "index.html" not in files:
            return PlainTextResponse(_MISSING, 503)
        return FileResponse(files["index.html"], headers={"cache-control": "no-cache"})

    return routes
