"""The server as the command line reaches it: over its public API, with the key that lies in its data directory."""

import json
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx2
from pydantic import BaseModel, ValidationError

from muster_cli.settings import CliSettings
from muster_shared_models.problems import MusterError, Problem, Reason

__all__ = ["ANNOUNCEMENT", "Announcement", "Connection", "announce"]

#: Written by a running server into its data directory.
ANNOUNCEMENT = "server.json"
TOKEN_FILE = "admin.token"
TIMEOUT_S = 15.0
#: What a proxy says of a server that is away.
AWAY = (502, 503, 504)
LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Announcement(BaseModel):
    """Where a running server is."""

    url: str
    grpc_address: str
    pid: int

    @classmethod
    def read(cls, data_dir: Path) -> "Announcement | None":
        """Return what the server of a data directory announced, None when there is nothing readable."""
        path = data_dir / ANNOUNCEMENT
        try:
            return cls.model_validate_json(path.read_text())
        except (OSError, ValidationError):
            return None


class Connection:
    """A client of one server; close it after use."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url.rstrip("/")
        headers = {"authorization": f"Bearer {token}"}
        try:
            self._http = httpx2.Client(base_url=self.url, headers=headers, timeout=TIMEOUT_S, trust_env=False)
        except httpx2.InvalidURL as error:
            raise _no_address(url) from error

    @classmethod
    def open(cls, settings: CliSettings) -> Self:
        """Return a client of the server that the settings name; raises UNAVAILABLE or UNAUTHENTICATED."""
        announced = Announcement.read(settings.data_dir)
        url = settings.url or (announced.url if announced else "")
        if not url:
            raise MusterError(
                Reason.UNAVAILABLE,
                f"No server runs on {settings.data_dir}.",
                "Start one with `muster up`, or name one with MUSTER_URL and MUSTER_TOKEN.",
            )
        if not url.startswith(("http://", "https://")):
            raise _no_address(url)
        return cls(url, settings.token.get_secret_value() or _local_token(settings.data_dir, url, announced))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def get(self, path: str, **parameters: Any) -> Any:
        """Return the JSON answer to a GET."""
        return self._ask("GET", path, params=parameters)

    def post(self, path: str, body: BaseModel | None = None) -> Any:
        """Return the JSON answer to a POST."""
        return self._send("POST", path, body)

    def patch(self, path: str, body: BaseModel) -> Any:
        """Return the JSON answer to a PATCH."""
        return self._send("PATCH", path, body)

    def _send(self, method: str, path: str, body: BaseModel | None) -> Any:
        content = body.model_dump_json() if body else "{}"
        return self._ask(method, path, content=content, headers={"content-type": "application/json"})

    def _ask(self, method: str, path: str, **options: Any) -> Any:
        try:
            answer = self._http.request(method, path, **options)
        except httpx2.HTTPError as error:
            raise MusterError(
                Reason.UNAVAILABLE, f"The server at {self.url} does not answer: {error}.", "Is it running?"
            ) from error
        if answer.is_error:
            raise _problem(answer)
        try:
            return answer.json() if answer.content else None
        except ValueError as error:
            raise MusterError(
                Reason.UNAVAILABLE, f"What answers at {self.url} is no Muster server.", "Is MUSTER_URL right?"
            ) from error


def _no_address(url: str) -> MusterError:
    return MusterError(
        Reason.INVALID_SETTING, f"'{url}' is not the address of a console.", "Write MUSTER_URL as http://host:8000"
    )


def _problem(answer: httpx2.Response) -> MusterError:
    try:
        problem = Problem.model_validate_json(answer.content)
    except ValidationError:
        text = " ".join(answer.text[:200].split())
        if answer.status_code in AWAY:
            return MusterError(Reason.UNAVAILABLE, f"The server is away: {answer.status_code} {text}", "Is it running?")
        return MusterError(Reason.INTERNAL, f"The server answered {answer.status_code}: {text}", "Is MUSTER_URL right?")
    return MusterError(problem.reason, problem.detail, problem.hint)


def _local_token(data_dir: Path, url: str, announced: Announcement | None) -> str:
    """Return the key of the server on this machine, for that server only: elsewhere it would be given away."""
    if urlsplit(url).hostname not in LOOPBACK and (announced is None or url.rstrip("/") != announced.url.rstrip("/")):
        raise MusterError(
            Reason.UNAUTHENTICATED, f"There is no key for the server at {url}.", "Set MUSTER_TOKEN to one of its keys."
        )
    path = data_dir / TOKEN_FILE
    try:
        return path.read_text().strip()
    except OSError as error:
        raise MusterError(
            Reason.UNAUTHENTICATED,
            f"There is no key for this server: {path} cannot be read.",
            "Run this where the server runs and as the same user, or set MUSTER_TOKEN.",
        ) from error


def announce(data_dir: Path, announcement: Announcement) -> None:
    """Tell command lines on this machine where the server is."""
    (data_dir / ANNOUNCEMENT).write_text(json.dumps(announcement.model_dump()))
