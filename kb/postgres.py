"""What PostgreSQL does in a way of its own: vectors, search, the writer's lock, its errors.

Everything else is the same SQLAlchemy for both databases. The tables that only a server has
(`search_vector`, `write_count`, the column `search_text.words`) are made by the migrations, as
the full-text table of SQLite is: they are indexes over what the other tables hold.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import sys
import unicodedata
from array import array
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import exc, func, text

from kb.errors import BusyError, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy import ColumnElement, Connection, Dialect, Engine
    from sqlalchemy.types import TypeEngine

    from kb.errors import KnowledgeBaseError

SCHEME = "postgresql+psycopg://"
"""How the URL of a store on a server begins."""
EXTRA = "pip install 'dissensus[postgres]' brings what a store on PostgreSQL needs"
WIDEST = 2000
"""Numbers in a vector that HNSW can index (pgvector's README, "HNSW")."""
OLDEST = (0, 8)
"""First pgvector that goes on in an index where a filter leaves too few rows (its changelog)."""
MOST_NEAR = 400
"""Neighbors that are looked for in the index; whoever wants more gets them by comparing all."""
BREADTH = 200
"""Least candidates that a search in the index keeps (`hnsw.ef_search`, 40 where nothing is set):
pgvector takes at most 1,000, and each costs a comparison or more."""
_LOCK = 7_245_001
"""Key of the advisory lock that stands for the file lock; any constant would do."""
_NAME_LIMIT = 63
"""Bytes of an application's name that PostgreSQL keeps."""


def plain_url(url: str) -> str:
    """Return a server's URL with the driver that this package uses.

    Examples:
        >>> plain_url("postgres://kb@db.example/kb")
        'postgresql+psycopg://kb@db.example/kb'
    """
    scheme, sep, rest = url.partition("://")
    return f"{SCHEME}{rest}" if sep and scheme in ("postgres", "postgresql") else url


def tool_url(url: str) -> str:
    """Return a URL as PostgreSQL's own programs want it.

    Examples:
        >>> tool_url("postgresql+psycopg://kb@db.example/kb")
        'postgresql://kb@db.example/kb'
    """
    return f"postgresql://{url.removeprefix(SCHEME)}"


# -- vectors -----------------------------------------------------------------------------------


class Packed(bytes):
    """A vector in the form in which pgvector sends and receives it."""


def pack(data: bytes) -> Packed:
    r"""Return little-endian float32 numbers as pgvector takes them.

    Examples:
        >>> pack(b"\x00\x00\x80?").hex()
        '000100003f800000'
    """
    numbers = array("f", data)
    if sys.byteorder == "little":
        numbers.byteswap()
    return Packed(struct.pack(">HH", len(numbers), 0) + numbers.tobytes())


def unpack(sent: bytes) -> bytes:
    r"""Return what pgvector sent as little-endian float32 numbers.

    Examples:
        >>> unpack(pack(b"\x00\x00\x80?"))
        b'\x00\x00\x80?'
    """
    numbers = array("f", sent[4:])
    if sys.byteorder == "little":
        numbers.byteswap()
    return numbers.tobytes()


@cache
def vector_type() -> TypeEngine[Any]:
    """Return the type of a pgvector column whose values here are little-endian float32.

    Binary both ways: the text that the extension's own type sends takes twenty times as long to
    write and seven times as long to read.
    """
    # Imported here: only a store on PostgreSQL needs it.
    from pgvector.sqlalchemy import VECTOR

    class Binary(VECTOR):
        cache_ok = True

        def bind_processor(self, _dialect: Dialect) -> Any:
            return pack

        def result_processor(self, _dialect: Dialect, _coltype: Any) -> Any:
            return unpack

        def column_expression(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
            return func.vector_send(column, type_=self)

    return Binary()


def prepare(connection: Any, _record: object) -> None:
    """Teach a new connection to send `Packed` vectors."""
    from psycopg.adapt import Dumper
    from psycopg.pq import Format

    class Sender(Dumper):
        format = Format.BINARY  # and no type: the server takes that of the column
        oid = 0

        def dump(self, value: Any) -> bytes:
            return bytes(value)

    connection.adapters.register_dumper(Packed, Sender)


# -- writing -----------------------------------------------------------------------------------


@contextlib.contextmanager
def lock(engine: Engine, name: str, job: str) -> Iterator[None]:
    """Be the one writer of a database until the block ends.

    The lock belongs to a connection: a writer that dies loses it at once.

    Raises:
        BusyError: Another process holds it; the message names it.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        _call(connection, f"kb {os.getpid()}@{socket.gethostname()} {job}")
        take = text("SELECT pg_try_advisory_lock(:key)")
        if not connection.execute(take, {"key": _LOCK}).scalar_one():
            _call(connection, "")
            raise BusyError(f"{name} is being written by {_holder(connection)}")
        try:
            yield
        finally:
            with contextlib.suppress(exc.DBAPIError):  # a lost connection has lost the lock
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _LOCK})
                _call(connection, "")


def _call(connection: Connection, name: str) -> None:
    """Say who we are where the server lists its sessions."""
    name = name.encode()[:_NAME_LIMIT].decode(errors="ignore")
    connection.execute(text("SELECT set_config('application_name', :name, false)"), {"name": name})


def _holder(connection: Connection) -> str:
    row = connection.execute(
        text(
            "SELECT application_name, state_change FROM pg_locks JOIN pg_stat_activity USING (pid) "
            "WHERE locktype = 'advisory' AND classid = 0 AND objid = :key AND granted "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        ),
        {"key": _LOCK},
    ).first()
    mark, _, told = ("", "", "") if row is None else row[0].partition(" ")
    who, _, job = told.partition(" ")
    number, _, host = who.partition("@")
    if row is None or mark != "kb" or not number.isdigit():
        return "another process"
    where = "" if host == socket.gethostname() else f" on {host}"
    since = "" if row[1] is None else f", since {row[1].isoformat(timespec='seconds')}"
    return f"process {number}{where} ({job}{since})"


def count_write(connection: Connection) -> None:
    """Note, within a write transaction, that there was one: `writes` tells readers."""
    connection.execute(text("UPDATE write_count SET number = number + 1"))


def writes(connection: Connection) -> int:
    """Return how many write transactions were committed before what `connection` sees."""
    return int(connection.execute(text("SELECT number FROM write_count")).scalar_one())


def explain(name: str, error: exc.DBAPIError) -> KnowledgeBaseError | None:
    """Return what a server's error means to the user, None where it is a fault of ours."""
    state = getattr(error.orig, "sqlstate", None) or ""
    lines = [line.strip() for line in str(error.orig).splitlines() if line.strip()]
    first = lines[0] if lines else "unknown fault"
    if state in ("40001", "40P01", "55P03"):
        return BusyError(f"{name} is locked by another process; try again when it is done")
    if state == "53100":
        return StoreError(
            f"the disk of the server of {name} is full; the last step was undone and everything "
            "before it is kept. Free some space and run the command again"
        )
    if state == "25006":
        return StoreError(f"{name} cannot be written: the server takes no writes, as a standby")
    if state == "42501":
        return StoreError(f"{name} is not ours to use: {first}; its owner can GRANT it")
    if 'extension "vector" is not available' in first:
        return StoreError(
            f"the server of {name} has no pgvector extension; install it there, "
            "https://github.com/pgvector/pgvector says how, and run the command again"
        )
    if state.startswith("57P"):
        return StoreError(f"the server of {name} is stopping or starting; try again in a while")
    if isinstance(error, exc.IntegrityError | exc.ProgrammingError | exc.DataError):
        return None
    if not state:
        return StoreError(f"cannot reach {name}: {first}")
    return StoreError(f"{name}: {first}")


# -- full text -----------------------------------------------------------------------------------

WORDS = text(
    """
    WITH word AS (
        SELECT DISTINCT plainto_tsquery('english', token) AS q
        FROM unnest(CAST(:tokens AS text[])) AS token
    ), found AS (
        SELECT s.id, q, ts_rank('{0.1, 0.2, 0.4, 1.0}', s.words, q, 1) AS rank
        FROM word JOIN search_text AS s ON s.words @@ q
    ), weight AS (
        SELECT q, ln(1.0 + (SELECT count(*) FROM search_text)::float / count(*)) AS rarity
        FROM found GROUP BY q
    )
    SELECT s.kind, s.ref
    FROM found JOIN weight USING (q) JOIN search_text AS s USING (id)
    GROUP BY s.id
    ORDER BY count(*) = (SELECT count(*) FROM word WHERE numnode(q) > 0) DESC,
        sum(rank * rarity) DESC, s.kind COLLATE "C", s.ref COLLATE "C"
    LIMIT :k
    """
)


def by_words(connection: Connection, tokens: Sequence[str], k: int) -> list[tuple[str, str]]:
    """Return the (kind, id) of the k best matches for words, best first.

    A text that holds all words ranks before one that holds some; a rare word counts more, and
    a title five times as much as the body. PostgreSQL leaves out words such as "the".

    Args:
        connection: To a store on PostgreSQL.
        tokens: Words without a space; none of them is read as query syntax.
        k: At least 1.
    """
    rows = connection.execute(WORDS, {"tokens": [_folded(token) for token in tokens], "k": k})
    return [(kind, ref) for kind, ref in rows]


def _folded(token: str) -> str:
    """A word without its accents, as the migration indexes it."""
    apart = unicodedata.normalize("NFKD", token)
    return "".join(c for c in apart if not "\u0300" <= c <= "\u036f").replace("\0", "")


# -- nearest neighbors ---------------------------------------------------------------------------


def index_name(dim: int) -> str:
    """Return what the index over vectors of a length is called."""
    return f"search_vector_hnsw_{int(dim)}"


def make_index(connection: Connection, dim: int) -> None:
    """Make the HNSW index over the vectors of one length, unless it is there or they are too long.

    An index needs a length, which the column leaves open: models differ in it.
    """
    if dim <= WIDEST:
        connection.execute(
            text(
                f"CREATE INDEX IF NOT EXISTS {index_name(dim)} ON search_vector "
                f"USING hnsw ((data::vector({int(dim)})) vector_cosine_ops) WHERE dim = {int(dim)}"
            )
        )


def nearest_query(dim: int, k: int) -> str:
    """Return the query for the rows nearest to `:query`; past `MOST_NEAR` it compares all."""
    # Written out, not bound: the planner takes the index only where it sees the length.
    column = f"data::vector({int(dim)})" if k <= MOST_NEAR and dim <= WIDEST else "data"
    return (
        f"SELECT kind, ref, 1 - ({column} <=> :query) FROM search_vector "  # noqa: S608 - ours
        f"WHERE model = :model AND dim = {int(dim)} AND kind = ANY(:kinds) "
        f"ORDER BY {column} <=> :query LIMIT :k"
    )


def nearest(
    connection: Connection, model: str, query: bytes, k: int, kinds: Iterable[str]
) -> list[tuple[tuple[str, str], float]]:
    """Return the k rows nearest to a unit vector with their cosine similarity, best first.

    Through the HNSW index, which may miss a neighbor; ties go to the earlier key.

    Args:
        connection: To a store on PostgreSQL.
        model: Whose vectors.
        query: Little-endian float32.
        k: At least 1.
        kinds: Of what: "work", "claim".
    """
    dim = len(query) // 4
    # With it the index is read on until enough rows are of the model and kind that are wanted.
    settings = {"hnsw.iterative_scan": "strict_order", "hnsw.ef_search": str(max(BREADTH, k))}
    for name, value in settings.items():
        connection.execute(
            text("SELECT set_config(:name, :value, true)"), {"name": name, "value": value}
        )
    rows = connection.execute(
        text(nearest_query(dim, k)),
        {"query": pack(query), "model": model, "kinds": list(kinds), "k": k},
    )
    found = [((kind, ref), float(score)) for kind, ref, score in rows]
    return sorted(found, key=lambda hit: (-hit[1], hit[0]))


def indexed(
    connection: Connection, model: str, keys: Sequence[tuple[str, str]] | None = None
) -> Iterator[tuple[tuple[str, str], str, bytes]]:
    """Yield key, what it was made of, and the vector of what is indexed under a model.

    Args:
        connection: To a store on PostgreSQL.
        model: Whose vectors.
        keys: Of these alone; of all, in the order of their keys, when None.
    """
    some = (
        "AND (kind, ref) IN (SELECT * FROM unnest(CAST(:kinds AS text[]), CAST(:refs AS text[]))) "
    )
    some = "" if keys is None else some
    query = (
        "SELECT kind, ref, made_of, vector_send(data) FROM search_vector "  # noqa: S608 - ours
        f'WHERE model = :model {some}ORDER BY kind DESC, ref COLLATE "C"'
    )
    told = {} if keys is None else {"kinds": [k for k, _ in keys], "refs": [r for _, r in keys]}
    for kind, ref, made_of, data in connection.execute(text(query), {"model": model, **told}):
        yield (kind, ref), made_of, unpack(data)


def dimension(connection: Connection, model: str) -> int:
    """Return the length of the vectors that are indexed under a model, 0 where none is."""
    query = text("SELECT dim FROM search_vector WHERE model = :model LIMIT 1")
    return connection.execute(query, {"model": model}).scalar() or 0


def put(
    connection: Connection, model: str, rows: Sequence[tuple[tuple[str, str], str, bytes]]
) -> None:
    """Put (key, what it was made of, vector) into the index, in place of what is there.

    Args:
        connection: In a write transaction.
        model: Whose vectors.
        rows: No key twice; all vectors of one length.
    """
    dim = len(rows[0][2]) // 4 if rows else 0
    values = [
        {
            "model": model,
            "kind": kind,
            "ref": ref,
            "dim": dim,
            "made_of": made_of,
            "data": pack(data),
        }
        for (kind, ref), made_of, data in rows
    ]
    if values:
        make_index(connection, dim)
        connection.execute(
            text(
                "INSERT INTO search_vector (model, kind, ref, dim, made_of, data) "
                "VALUES (:model, :kind, :ref, :dim, :made_of, :data) "
                "ON CONFLICT (model, kind, ref) DO UPDATE SET "
                "dim = excluded.dim, made_of = excluded.made_of, data = excluded.data"
            ),
            values,
        )


def marks(connection: Connection, model: str) -> dict[tuple[str, str], str]:
    """Return what each indexed row of a model was made of, by its key."""
    query = text("SELECT kind, ref, made_of FROM search_vector WHERE model = :model")
    rows = connection.execute(query, {"model": model})
    return {(kind, ref): made_of for kind, ref, made_of in rows}


def take_out(connection: Connection, model: str, keys: Iterable[tuple[str, str]]) -> None:
    """Take keys out of the index."""
    query = "DELETE FROM search_vector WHERE model = :model AND kind = :kind AND ref = :ref"
    connection.execute(
        text(query), [{"model": model, "kind": kind, "ref": ref} for kind, ref in keys]
    )


def ensure_recent(version: str) -> None:
    """Refuse a pgvector that cannot read on in an index.

    Raises:
        StoreError: It is older than 0.8.
    """
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST:
        raise StoreError(
            f"the server's pgvector is {version}, want {'.'.join(map(str, OLDEST))} or later: "
            "install it there, then ALTER EXTENSION vector UPDATE"
        )


def versions(connection: Connection) -> tuple[str, str]:
    """Return the versions of the server and of pgvector."""
    row = connection.execute(
        text(
            "SELECT current_setting('server_version'), "
            "(SELECT extversion FROM pg_extension WHERE extname = 'vector')"
        )
    ).one()
    return row[0], row[1] or "missing"
