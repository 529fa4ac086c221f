"""Review by people: proposals that wait for them, and verdicts of several readers on one link."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add what the third schema knows more."""
    _verdicts()
    op.create_table(
        "queued_link",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("work_id", sa.String(), nullable=False),
        sa.Column("claim_id", sa.String(), nullable=False),
        sa.Column("stance", _stance(), nullable=False),
        sa.Column(
            "how",
            sa.Enum("asserts", "reports", name="assertedhow", native_enum=False,
                    create_constraint=True, length=32),
            nullable=True,
        ),
        sa.Column("agent", sa.String(), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("stance_score", sa.Float(), nullable=False),
        sa.Column("manifestation_id", sa.String(), nullable=False),
        sa.Column("start", sa.Integer(), nullable=False),
        sa.Column("end", sa.Integer(), nullable=False),
        sa.Column("quote", sa.Text(), nullable=False),
        sa.Column("quote_hash", sa.String(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(), nullable=False),
        sa.Column("superseded_at", sa.DateTime(), nullable=True),
        sa.CheckConstraint("score >= 0 AND score <= 1", name="queued_link_score_range"),
        sa.CheckConstraint('start >= 0 AND "end" > start', name="queued_link_order"),
        sa.ForeignKeyConstraint(["work_id"], ["work.id"]),
        sa.ForeignKeyConstraint(["claim_id"], ["claim.id"]),
        sa.ForeignKeyConstraint(["manifestation_id"], ["manifestation.id"]),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"]),
        sa.PrimaryKeyConstraint("id"),
    )  # fmt: skip
    for column in ("work_id", "manifestation_id", "run_id", "superseded_at"):
        op.create_index(f"ix_queued_link_{column}", "queued_link", [column])
    current = sa.text("superseded_at IS NULL")
    op.create_index(
        "queued_link_current",
        "queued_link",
        ["work_id", "claim_id"],
        unique=True,
        sqlite_where=current,
        postgresql_where=current,
    )


def _stance(name: str = "stance") -> sa.Enum:
    return sa.Enum(
        "supports", "disputes", "qualifies", "mentions",
        name=name, native_enum=False, create_constraint=True, length=32,
    )  # fmt: skip


def _state() -> sa.Enum:
    return sa.Enum(
        "proposed", "confirmed", "rejected", "superseded",
        name="reviewstate", native_enum=False, create_constraint=True, length=32,
    )  # fmt: skip


def _verdicts() -> None:
    """Make the reader a part of the key. What is there is taken over: it is small."""
    connection = op.get_bind()
    columns = "work_id, claim_id, verdict, stance, by, valid, note"
    quoted = columns.replace("by,", '"by",')
    rows = [
        row._asdict()
        for row in connection.execute(sa.text(f"SELECT {quoted} FROM verdict"))  # noqa: S608 - ours
    ]
    op.drop_table("verdict")
    table = op.create_table(
        "verdict",
        sa.Column("work_id", sa.String(), nullable=False),
        sa.Column("claim_id", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("verdict", _state(), nullable=False),
        sa.Column("stance", _stance(), nullable=True),
        sa.Column("valid", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("abstract_hash", sa.String(), nullable=False),
        sa.Column("quote_hash", sa.String(), nullable=False),
        sa.Column("blind", sa.Boolean(), nullable=False),
        sa.Column("agent", sa.String(), nullable=False),
        sa.Column("proposed", _stance("proposed_stance"), nullable=True),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column("published", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["claim_id"], ["claim.id"]),
        sa.ForeignKeyConstraint(["work_id"], ["work.id"]),
        sa.PrimaryKeyConstraint("work_id", "claim_id", "by"),
    )
    new = {"abstract_hash": "", "quote_hash": "", "blind": False, "agent": "", "published": False}
    if rows:
        op.bulk_insert(table, [row | new for row in rows])
    _merged({(row["work_id"], row["claim_id"]): row["by"] for row in rows})


def _merged(readers: dict[tuple[str, str], str]) -> None:
    """Say of the verdicts that a merge moved whose they are."""
    merge = sa.table(
        "work_merge", sa.column("id"), sa.column("to_work_id"), sa.column("moved", sa.JSON)
    )
    connection = op.get_bind()
    for row in connection.execute(sa.select(merge)).all():
        if "verdict" not in row.moved:
            continue
        keyed = ((claim, readers.get((row.to_work_id, claim))) for claim in row.moved["verdict"])
        moved = row.moved | {"verdict": [json.dumps(pair) for pair in keyed if pair[1]]}
        connection.execute(sa.update(merge).where(merge.c.id == row.id).values(moved=moved))
