"""Vectors by their model: counting them is part of every search by meaning."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the index."""
    op.create_index("ix_text_vector_model", "text_vector", ["model"])
