"""Every source on a schedule: order of arrival, a ledger per source, merges, programmes read."""

import sqlalchemy as sa
from alembic import op

from kb.titles import key

revision = "0002"
down_revision = "0001"

# Written out, since Alembic cannot add a column with a foreign key to SQLite without copying
# the table; both databases take this form.
_COLUMNS = (
    ("raw_record", "seq", "INTEGER NOT NULL DEFAULT 0"),
    ("raw_record", "recorded_at", "TIMESTAMP NOT NULL DEFAULT '1970-01-01 00:00:00'"),
    ("run", "parent_id", "INTEGER REFERENCES run (id)"),
    ("run", "requests", "INTEGER NOT NULL DEFAULT 0"),
    ("run", "bytes", "INTEGER NOT NULL DEFAULT 0"),
    ("run", "cursor", "VARCHAR NOT NULL DEFAULT ''"),
    ("work", "merged_into", "VARCHAR REFERENCES work (id)"),
    ("work", "title_key", "VARCHAR NOT NULL DEFAULT ''"),
    ("manifestation", "removed_at", "TIMESTAMP"),
    ("coverage", "authors", "JSON NOT NULL DEFAULT '[]'"),
    ("coverage", "about", "JSON NOT NULL DEFAULT '[]'"),
    ("coverage", "raw_digest", "VARCHAR REFERENCES raw_record (digest)"),
    ("work_relation", "source", "VARCHAR NOT NULL DEFAULT ''"),
    ("status_event", "raw_digest", "VARCHAR REFERENCES raw_record (digest)"),
    ("event", "source", "VARCHAR NOT NULL DEFAULT ''"),
    ("session", "position", "INTEGER NOT NULL DEFAULT 0"),
    ("session", "source", "VARCHAR NOT NULL DEFAULT ''"),
    ("session", "raw_digest", "VARCHAR REFERENCES raw_record (digest)"),
    ("talk", "match", "VARCHAR NOT NULL DEFAULT ''"),
    ("talk", "url", "VARCHAR NOT NULL DEFAULT ''"),
    ("talk", "identifiers", "JSON NOT NULL DEFAULT '[]'"),
    ("talk", "statuses", "JSON NOT NULL DEFAULT '[]'"),
    ("talk", "retired", "BOOLEAN NOT NULL DEFAULT false"),
)
_INDEXED = (
    ("raw_record", "seq"),
    ("run", "parent_id"),
    ("work", "merged_into"),
    ("work", "title_key"),
    ("coverage", "raw_digest"),
    ("status_event", "raw_digest"),
    ("session", "raw_digest"),
)


def upgrade() -> None:
    """Add what the second schema knows more."""
    for table, column, kind in _COLUMNS:
        op.execute(f'ALTER TABLE "{table}" ADD COLUMN "{column}" {kind}')
    for table, column in _INDEXED:
        op.create_index(f"ix_{table}_{column}", table, [column])
    _number_raw_records()
    _key_titles()
    with op.batch_alter_table("coverage") as batch:  # commentary may be about no work we know
        batch.drop_constraint("coverage_one_subject", type_="check")
        batch.create_check_constraint(
            "coverage_not_two_subjects", "work_id IS NULL OR event_id IS NULL"
        )
    op.create_table(
        "work_merge",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("from_work_id", sa.String(), nullable=False),
        sa.Column("to_work_id", sa.String(), nullable=False),
        sa.Column("relation", sa.String(), nullable=False),
        sa.Column(
            "agent_kind",
            sa.Enum("human", "curation", "rule", "model", name="agentkind", native_enum=False,
                    create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("agent", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column(
            "review",
            sa.Enum("proposed", "confirmed", "rejected", "superseded", name="reviewstate",
                    native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("applied", sa.Boolean(), nullable=False),
        sa.Column("moved", sa.JSON(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(), nullable=False),
        sa.Column("superseded_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["from_work_id"], ["work.id"]),
        sa.ForeignKeyConstraint(["to_work_id"], ["work.id"]),
        sa.PrimaryKeyConstraint("id"),
    )  # fmt: skip
    for column in ("from_work_id", "to_work_id", "superseded_at"):
        op.create_index(f"ix_work_merge_{column}", "work_merge", [column])
    op.create_table(
        "identity_verdict",
        sa.Column("first", sa.String(), nullable=False),
        sa.Column("second", sa.String(), nullable=False),
        sa.Column("same", sa.Boolean(), nullable=False),
        sa.Column("relation", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("valid", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("first", "second"),
    )
    current = sa.text("superseded_at IS NULL")
    op.create_index(
        "work_merge_current",
        "work_merge",
        ["from_work_id", "to_work_id"],
        unique=True,
        sqlite_where=current,
        postgresql_where=current,
    )


def _number_raw_records() -> None:
    """Number what is there in the order of arrival: SQLite's own row numbers tell it."""
    order = "rowid" if op.get_bind().dialect.name == "sqlite" else "fetched_at, digest"
    op.execute("UPDATE raw_record SET recorded_at = fetched_at")
    op.execute(
        "UPDATE raw_record SET seq = numbered.n FROM (SELECT digest AS d, "  # noqa: S608 - ours
        f"row_number() OVER (ORDER BY {order}) AS n FROM raw_record) AS numbered "
        "WHERE raw_record.digest = numbered.d"
    )


def _key_titles() -> None:
    """Give every work the key of its title."""
    connection = op.get_bind()
    rows = connection.execute(sa.text("SELECT id, title FROM work")).all()
    keyed = [{"work": row.id, "key": key(row.title)} for row in rows]
    if keyed:
        connection.execute(sa.text("UPDATE work SET title_key = :key WHERE id = :work"), keyed)
