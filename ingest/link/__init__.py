"""Which works bear on which theses, with a stance and the sentence that shows it.

Everything said here is proposed: a person confirms or rejects it.
"""

from ingest.link.abstracts import preview
from ingest.link.job import run

__all__ = ["preview", "run"]
