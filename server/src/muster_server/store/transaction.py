"""SQL written with SQLAlchemy, run at the speed of the driver: each statement is compiled once per dialect."""

from collections import namedtuple
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy.engine import Dialect
from sqlalchemy.sql import ClauseElement, Insert

__all__ = ["Transaction"]

Parameters = Mapping[str, Any]


class _Prepared:
    """A compiled statement: its text, and how to arrange parameters for the driver."""

    def __init__(self, statement: ClauseElement, dialect: Dialect, keys: list[str]) -> None:
        # An INSERT takes the columns that its first parameters name; other statements say it all themselves.
        columns = keys if isinstance(statement, Insert) else None
        compiled = statement.compile(dialect=dialect, column_keys=columns, compile_kwargs={"render_postcompile": True})
        self.statement = statement  # kept alive: the cache is keyed by identity
        self.sql = str(compiled)
        self._defaults = {name: value for name, value in compiled.params.items() if value is not None}
        names: list[str] | None = compiled.positiontup  # type: ignore[attr-defined]
        # With one name itemgetter returns a bare value; asking for it twice keeps the tuple, and is cut off again.
        self._pick = itemgetter(*names, names[0]) if names else None
        self._named = names is None
        self.row: Any = None

    def arrange(self, parameters: Parameters) -> Any:
        if self._defaults:
            parameters = {**self._defaults, **parameters}
        if self._pick is not None:
            return self._pick(parameters)[:-1]
        return parameters if self._named else ()


class Transaction:
    """What a unit of work may do: run statements. Statements are module-level constants with `bindparam`s."""

    def __init__(self, connection: Any, dialect: Dialect) -> None:
        self._cursor = connection.cursor()
        self._dialect = dialect
        self._prepared: dict[int, _Prepared] = {}

    def run(self, statement: ClauseElement, **parameters: Any) -> int:
        """Run a statement once; return how many rows it changed."""
        prepared = self._prepare(statement, parameters)
        self._cursor.execute(prepared.sql, prepared.arrange(parameters))
        return int(self._cursor.rowcount)

    def run_many(self, statement: ClauseElement, rows: Sequence[Parameters]) -> None:
        """Run a statement once for each of `rows`."""
        if rows:
            prepared = self._prepare(statement, rows[0])
            self._cursor.executemany(prepared.sql, [prepared.arrange(row) for row in rows])

    def all(self, statement: ClauseElement, **parameters: Any) -> list[Any]:
        """Return the rows of a statement, as named tuples."""
        prepared = self._prepare(statement, parameters)
        self._cursor.execute(prepared.sql, prepared.arrange(parameters))
        make = self._row(prepared)
        return [make(row) for row in self._cursor.fetchall()]

    def one(self, statement: ClauseElement, **parameters: Any) -> Any | None:
        """Return the first row of a statement, or None."""
        prepared = self._prepare(statement, parameters)
        self._cursor.execute(prepared.sql, prepared.arrange(parameters))
        rows = self._cursor.fetchall()  # all of them: a statement that is not at its end blocks the commit
        return self._row(prepared)(rows[0]) if rows else None

    def _prepare(self, statement: ClauseElement, parameters: Parameters) -> _Prepared:
        prepared = self._prepared.get(id(statement))
        if prepared is None:
            prepared = self._prepared[id(statement)] = _Prepared(statement, self._dialect, list(parameters))
        return prepared

    def _row(self, prepared: _Prepared) -> Any:
        if prepared.row is None:
            names = [column[0] for column in self._cursor.description]
            row: Any = namedtuple("Row", names, rename=True)  # type: ignore[misc]  # noqa: PYI024 - known at run time
            prepared.row = row._make
        return prepared.row
