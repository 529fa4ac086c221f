"""Vectors, full text and nearest neighbors as PostgreSQL indexes them."""

from array import array

import sqlalchemy as sa
from alembic import op

from kb import postgres

revision = "0004"
down_revision = "0003"

_BATCH = 1000
"""Vectors that are taken over at a time."""
_LENGTH = 384
"""Of the default model's vectors; those of another length get an index with the first of them."""


def _lexemes(column: str, weight: str) -> str:
    """A column's words, without accents, as `kb.postgres.by_words` asks for them.

    PostgreSQL takes a megabyte of lexemes at most; no abstract comes near.
    """
    folded = rf"regexp_replace(normalize(left({column}, 100000), NFKD), '[\u0300-\u036f]', '', 'g')"
    return f"setweight(to_tsvector('english', {folded}), '{weight}')"


def upgrade() -> None:
    """Give the vectors' table a name that no type has, and a server its indexes."""
    connection = op.get_bind()
    if sa.inspect(connection).has_table("vector"):
        op.rename_table("vector", "text_vector")
    if connection.dialect.name == "sqlite":
        return
    op.execute("CREATE EXTENSION IF NOT EXISTS vector")
    postgres.ensure_recent(postgres.versions(connection)[1])
    _take_over(connection)
    op.execute(
        "ALTER TABLE search_text ADD COLUMN words tsvector GENERATED ALWAYS AS "
        f"({_lexemes('title', 'A')} || {_lexemes('body', 'C')}) STORED"
    )
    op.execute("CREATE INDEX search_text_words ON search_text USING gin (words)")
    op.execute(
        "CREATE TABLE search_vector (model varchar NOT NULL, kind varchar NOT NULL, "
        "ref varchar NOT NULL, dim integer NOT NULL, made_of varchar NOT NULL, "
        "data vector NOT NULL, PRIMARY KEY (model, kind, ref))"
    )
    dims = {row[0] for row in connection.execute(sa.text("SELECT DISTINCT dim FROM text_vector"))}
    for dim in sorted({_LENGTH, *dims}):
        postgres.make_index(connection, dim)
    op.execute("CREATE TABLE write_count (number bigint NOT NULL)")
    op.execute("INSERT INTO write_count VALUES (0)")


def _take_over(connection: sa.Connection) -> None:
    """Make the bytes of every vector a vector: no cast of the server's does so."""
    op.execute("ALTER TABLE text_vector RENAME COLUMN data TO bytes")
    op.execute("ALTER TABLE text_vector ADD COLUMN data vector")
    some = sa.text(
        "SELECT text_digest, model, bytes FROM text_vector WHERE data IS NULL LIMIT :most"
    )
    change = sa.text(
        "UPDATE text_vector SET data = CAST(:numbers AS vector) "
        "WHERE text_digest = :text_digest AND model = :model"
    )
    while rows := connection.execute(some, {"most": _BATCH}).all():
        connection.execute(
            change,
            [
                {
                    "text_digest": row.text_digest,
                    "model": row.model,
                    "numbers": str(list(array("f", row.bytes))),
                }
                for row in rows
            ],
        )
    op.execute("ALTER TABLE text_vector DROP COLUMN bytes")
    op.execute("ALTER TABLE text_vector ALTER COLUMN data SET NOT NULL")
